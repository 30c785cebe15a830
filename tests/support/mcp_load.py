"""
Many clients at once, request by request: what became of each, and how long it took.

Every request is on a connection of its own, so that what was accepted, what was refused and what
was lost can be told apart. It is a stateless one (2026-07-28), or has a session of its own.
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

VERSION = "2026-07-28"
WITH_SESSIONS = "2025-11-25"
_PREFIX = "io.modelcontextprotocol/"
_SESSION = "Mcp-Session-Id"
_OPENING = {
    "jsonrpc": "2.0",
    "id": "opening",
    "method": "initialize",
    "params": {
        "protocolVersion": WITH_SESSIONS,
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    },
}
# Nobody may wait for longer, whatever is wrong.
TIMEOUT_SECONDS = 30.0
# A Service without endpoints may swallow what is sent to it.
CONNECT_SECONDS = 2.0


@dataclass(frozen=True)
class Outcome:
    """What became of one request."""

    #: ``answered``, ``error`` (a JSON-RPC error or an HTTP error), ``refused`` (no connection
    #: came about, or its session is another pod's) or ``lost`` (the connection ended without an
    #: answer).
    kind: str
    begun_at: float
    ended_at: float
    words: str = ""


@dataclass
class Load:
    """Clients that ask again and again, and what became of it."""

    url: str
    tool: str
    arguments: dict[str, Any]
    version: str = VERSION
    outcomes: list[Outcome] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def kinds(self) -> Counter[str]:
        """How many requests became what."""
        return Counter(each.kind for each in self.outcomes)

    def of_kind(self, kind: str) -> list[Outcome]:
        """The outcomes of that kind."""
        return [each for each in self.outcomes if each.kind == kind]

    async def ask_for_ever(self, session: aiohttp.ClientSession) -> None:
        """One client; only cancellation ends it."""
        while True:
            self.outcomes.append(await self._ask(session))
            # A refusal comes at once: not a busy loop while nobody listens.
            await asyncio.sleep(0.02 if self.outcomes[-1].kind == "answered" else 0.1)

    async def _ask(self, session: aiohttp.ClientSession) -> Outcome:
        number, begun_at = next(self._ids), time.monotonic()

        def outcome(kind: str, words: str = "") -> Outcome:
            return Outcome(kind, begun_at, time.monotonic(), words)

        heads = self._heads()
        try:
            if self.version == WITH_SESSIONS:
                async with session.post(self.url, json=_OPENING, headers=heads) as it:
                    content = await it.text()
                if it.status != 200:
                    return outcome("error", f"{it.status} {content[:200]}")
                heads[_SESSION] = it.headers[_SESSION]
            async with session.post(self.url, json=self._body(number), headers=heads) as it:
                content = await it.text()
            if self.version == WITH_SESSIONS and it.status == 404:
                return outcome("refused", content[:200])
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return outcome("refused", str(error))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return outcome("lost", repr(error))
        message = _answer_to(number, content)
        if it.status == 200 and message is None:
            return outcome("lost", f"no answer in: {content[:200]}")
        is_good = message is not None and "result" in message
        return outcome(
            "answered" if is_good else "error", f"{it.status} {content[:200]} {dict(it.headers)}"
        )

    def _heads(self) -> dict[str, str]:
        return {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": self.version,
            "Mcp-Method": "tools/call",
            "Mcp-Name": self.tool,
            "Connection": "close",
        }

    def _body(self, number: int) -> dict[str, Any]:
        meta = {
            f"{_PREFIX}protocolVersion": VERSION,
            f"{_PREFIX}clientCapabilities": {},
            f"{_PREFIX}clientInfo": {"name": "tests", "version": "1"},
        }
        params: dict[str, Any] = {"name": self.tool, "arguments": self.arguments}
        if self.version != WITH_SESSIONS:
            params["_meta"] = meta
        return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def _answer_to(number: int, content: str) -> dict[str, Any] | None:
    """The response to that request, in an answer that is JSON or a stream of events."""
    texts = [line.removeprefix("data:") for line in content.splitlines() if line[:5] == "data:"]
    for text in texts or [content]:
        try:
            message = json.loads(text)
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("id") == number:
            return message
    return None


@asynccontextmanager
async def load(
    url: str, clients: int, tool: str, version: str = VERSION, **arguments: Any
) -> AsyncIterator[Load]:
    """That many clients call *tool* at *url* for as long as the context lasts."""
    running = Load(url, tool, arguments, version)
    limits = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=limits, connector=connector) as session:
        tasks = [asyncio.create_task(running.ask_for_ever(session)) for _ in range(clients)]
        try:
            yield running
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
