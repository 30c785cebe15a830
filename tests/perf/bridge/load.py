"""A client without an SDK: what is measured shall be the bridge, not the client."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
ACCEPT = "application/json, text/event-stream"
LINE_LIMIT = 2**26


class Failed(RuntimeError):
    """An answer was no answer."""


@dataclass
class Client:
    """One client on one connection, in the era named."""

    port: int
    is_modern: bool
    host: str = "127.0.0.1"
    session: str | None = None
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _number: int = 0
    _head: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        """Connect, and open a session where this era has them."""
        if self.is_modern:
            return
        params = {
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": {"name": "load", "version": "1"},
        }
        headers, _ = await self.ask("initialize", params)
        self.session = headers.get("mcp-session-id")
        await self._exchange({"jsonrpc": "2.0", "method": "notifications/initialized"}, {})

    async def echo(self, text: str) -> None:
        """Call the tool, and look whether the answer is the one."""
        params: dict[str, Any] = {"name": "echo", "arguments": {"text": text}}
        _, answer = await self.ask("tools/call", params, name="echo")
        if answer["result"]["content"][0]["text"] != text:
            raise Failed(str(answer)[:200])

    async def ask(
        self, method: str, params: dict[str, Any], name: str | None = None
    ) -> tuple[dict[str, str], Any]:
        """Send a request; headers and message of the answer."""
        self._number += 1
        headers = {}
        if self.is_modern:
            params = {**params, "_meta": META}
            headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
            if name is not None:
                headers["mcp-name"] = name
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        status, found, body = await self._exchange(message, headers)
        if status != 200:
            raise Failed(f"{status} {body[:200]!r}")
        answer = _message(found, body)
        if "result" not in answer or answer["id"] != self._number:
            raise Failed(str(answer)[:200])
        return found, answer

    async def close(self) -> None:
        """End the session and the connection."""
        if self._writer is None:
            return
        if self.session is not None:
            head = f"DELETE /mcp HTTP/1.1\r\nhost: {self.host}:{self.port}\r\nmcp-session-id: "
            self._writer.write(f"{head}{self.session}\r\n\r\n".encode())
            assert self._reader is not None
            await self._reader.readuntil(b"\r\n\r\n")
        self._writer.close()

    def drop(self) -> None:
        """Vanish, without a word to the server."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def _exchange(
        self, message: Any, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self.host, self.port, limit=LINE_LIMIT
            )
        body = json.dumps(message).encode()
        fields = {
            "host": f"{self.host}:{self.port}",
            "content-type": "application/json",
            "accept": ACCEPT,
            "content-length": str(len(body)),
            **headers,
        }
        if self.session is not None:
            fields["mcp-session-id"] = self.session
            fields["mcp-protocol-version"] = LEGACY
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
        return await self._read(self._reader)

    async def _read(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        if headers.get("transfer-encoding") != "chunked":
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        else:
            parts = []
            while size := int(await reader.readline(), 16):
                parts.append(await reader.readexactly(size))
                await reader.readexactly(2)
            await reader.readexactly(2)
            body = b"".join(parts)
        if headers.get("connection") == "close" and self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None
        return int(first.split()[1]), headers, body


def _message(headers: dict[str, str], body: bytes) -> Any:
    if "event-stream" not in headers.get("content-type", ""):
        return json.loads(body)
    data = [line[5:] for line in body.splitlines() if line[:5] == b"data:" and len(line) > 6]
    return json.loads(data[-1])


async def latencies(client: Client, count: int, text: str) -> list[float]:
    """Return how long each of *count* calls took, one after another, sorted."""
    found = []
    for _ in range(count):
        begin = time.perf_counter()
        await client.echo(text)
        found.append(time.perf_counter() - begin)
    return sorted(found)


async def rate(clients: list[Client], seconds: float, text: str) -> float:
    """Return how many calls a second all *clients* together get answered."""
    end = time.perf_counter() + seconds
    counts = [0] * len(clients)

    async def use(index: int) -> None:
        while time.perf_counter() < end:
            await clients[index].echo(text)
            counts[index] += 1

    users = [asyncio.create_task(use(index)) for index in range(len(clients))]
    try:
        await asyncio.gather(*users)
    finally:
        # Where one fails, none of the others may still read when its connection is closed.
        for user in users:
            user.cancel()
        await asyncio.wait(users)
    return sum(counts) / seconds
