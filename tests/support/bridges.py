"""A bridge as a process of its own, and ways to talk to it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVERS = Path(__file__).parent / "servers"
PLAIN = (sys.executable, "-S", "-I", str(SERVERS / "plain.py"))
DUAL = (sys.executable, "-W", "ignore", str(SERVERS / "dual.py"))

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
JSON_AND_EVENTS = "application/json, text/event-stream"


@dataclass
class Answer:
    """An HTTP response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def messages(self) -> list[Any]:
        """The JSON-RPC messages in it, in order."""
        if "text/event-stream" not in self.headers.get("content-type", ""):
            return [json.loads(self.body)] if self.body else []
        return [json.loads(line[6:]) for line in self.body.split(b"\n") if line[:6] == b"data: "]

    @property
    def last(self) -> Any:
        """The last message, which answers the request."""
        return self.messages[-1]


@dataclass
class Bridge:
    """A running bridge."""

    process: asyncio.subprocess.Process
    port: int
    stderr: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where MCP is."""
        return f"http://127.0.0.1:{self.port}/mcp"

    async def request(
        self,
        method: str,
        path: str = "/mcp",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request over a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**26)
        try:
            writer.write(head(method, path, body, headers or {}) + (body or b""))
            return await read_answer(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def in_session(self, session: str | None, message: Any, **headers: str) -> Answer:
        """POST a message of a session."""
        named = {} if session is None else {"mcp-session-id": session}
        body = json.dumps(message).encode()
        version = {"mcp-protocol-version": LEGACY}
        return await self.request(
            "POST", body=body, headers={**JSON_HEADERS, **version, **named, **headers}
        )

    async def stateless(self, message: Any, **headers: str) -> Answer:
        """POST a message that stands for itself."""
        body = json.dumps(message).encode()
        return await self.request(
            "POST", body=body, headers={**stateless_headers(message), **headers}
        )

    async def open(self) -> str:
        """Open a session; its id."""
        answer = await self.in_session(None, initialize())
        assert answer.status == 200, answer
        session = answer.headers["mcp-session-id"]
        done = await self.in_session(session, notification("notifications/initialized"))
        assert done.status == 202
        return session

    async def end(self, session: str) -> Answer:
        """End a session."""
        return await self.request("DELETE", headers={"mcp-session-id": session})

    async def listening(self) -> None:
        """Wait until it says how it is, whatever that is."""
        await self.ready(statuses=(200, 503))

    async def ready(self, *, within: float = 20.0, statuses: tuple[int, ...] = (200,)) -> None:
        """Wait until it says that it is ready."""
        async with asyncio.timeout(within):
            while True:
                with contextlib.suppress(OSError):
                    if (await self.request("GET", "/readyz")).status in statuses:
                        return
                if self.process.returncode is not None:
                    raise AssertionError(f"ended: {self.process.returncode}\n{self.log}")
                await asyncio.sleep(0.02)

    async def ended(self, *, within: float = 20.0) -> int:
        """Wait until it ends; its exit code."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    def children(self) -> list[int]:
        """The processes that it started and that have not been reaped."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    @property
    def log(self) -> str:
        """What it and its servers wrote to standard error."""
        return "".join(self.stderr)


JSON_HEADERS = {"content-type": "application/json", "accept": JSON_AND_EVENTS}


def stateless_headers(message: Any) -> dict[str, str]:
    """What the head says of a message of the modern era."""
    params = message.get("params") or {}
    named = params.get("name") or params.get("uri")
    return {
        **JSON_HEADERS,
        "mcp-protocol-version": MODERN,
        "mcp-method": message["method"],
        **({"mcp-name": named} if named else {}),
    }


def initialize(version: str = LEGACY, **capabilities: Any) -> Any:
    """Return the request that opens a session."""
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": client}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def notification(method: str, **params: Any) -> Any:
    """Return a notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def tool(name: str, number: Any = 1, *, meta: Any = None, **arguments: Any) -> Any:
    """Return a call of a tool."""
    params = {"name": name, "arguments": arguments, **({"_meta": meta} if meta else {})}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def head(method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request."""
    fields = {"host": "localhost", **headers}
    if body is not None:
        fields.setdefault("content-length", str(len(body)))
    lines = [
        f"{method} {path} HTTP/1.1",
        *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one response."""
    status, headers = await read_head(reader)
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join([chunk async for chunk in chunks(reader)])
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(status, headers, body)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read status and headers."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    fields = (line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in fields}


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Read the chunks of a body as they come."""
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)


def free_port() -> int:
    """Return a port that nobody uses at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def running(
    *command: str,
    options: tuple[str, ...] = (),
    ready: bool = True,
    environment: Any = None,
    descriptors: int | None = None,
    within: float = 20.0,
) -> AsyncIterator[Bridge]:
    """
    Run a bridge before *command*; afterwards it is gone, and its children are.

    It can have no more than so many *descriptors*, and is ready *within* so many seconds.
    """
    port = free_port()
    limit = [] if descriptors is None else ["prlimit", f"--nofile={descriptors}:{descriptors}"]
    process = await asyncio.create_subprocess_exec(
        *limit, sys.executable, "-m", "mcpworkload.bridge", "serve", "--port", str(port),
        "--service", "web", "--namespace", "team", "--grace", "0.8", *options, "--", *command,
        stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    bridge = Bridge(process, port)
    reading = asyncio.create_task(_read(process, bridge.stderr))
    try:
        if ready:
            await bridge.ready(within=within)
        yield bridge
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await bridge.ended(within=5)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                await process.wait()
                raise
        await reading


async def _read(process: asyncio.subprocess.Process, lines: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        lines.append(line.decode(errors="replace"))
