"""A verification ends in time and reads little, whatever the server does."""

import asyncio
import gzip
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from mcpworkload.verification.finding import Era, Finding, Result
from mcpworkload.verification.requests import BUDGET_BYTES
from mcpworkload.verification.target import Target
from tests.component.verification.conftest import Probe
from tests.component.verification.servers import raw

HOST = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
EVENTS = OK + b"Content-Type: text/event-stream\r\n\r\n"
KIB = b"x" * 1024
#: What the kernel takes of a server that floods, beside what is read.
KERNEL_BYTES = 8 * 1024 * 1024

Sends = Callable[[], AsyncIterator[bytes]]


def once(data: bytes) -> Sends:
    """Send *data*, and close."""

    async def sends() -> AsyncIterator[bytes]:
        yield data

    return sends


def forever(head: bytes, piece: bytes, seconds: float = 0.0) -> Sends:
    """Send *head*, and then *piece* again and again."""

    async def sends() -> AsyncIterator[bytes]:
        yield head
        while True:
            yield piece
            await asyncio.sleep(seconds)

    return sends


async def nothing() -> AsyncIterator[bytes]:
    """Send nothing, and keep the connection."""
    await asyncio.sleep(60)
    yield b""


class Sent:
    """What a server got rid of, and how many connections it has."""

    def __init__(self, sends: Sends) -> None:
        self.bytes = self.open = 0
        self._sends = sends

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.open += 1
        gone = asyncio.ensure_future(reader.read())
        sending = asyncio.ensure_future(self._send(writer))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, sending):
                task.cancel()
            await asyncio.wait((gone, sending))
            self.open -= 1

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        async for piece in self._sends():
            writer.write(piece)
            await writer.drain()
            self.bytes += len(piece)


@asynccontextmanager
async def sending(sends: Sends) -> AsyncIterator[tuple[int, Sent]]:
    """Give the port of a server, and what it sent; in the end it has no connection."""
    sent = Sent(sends)
    async with raw(sent) as port:
        yield port, sent
        async with asyncio.timeout(5):
            while sent.open:
                await asyncio.sleep(0.01)


async def measured(ask: Probe, port: int, seconds: float, era: Era | None) -> tuple[Finding, float]:
    """What was found, and in how many seconds."""
    begun = time.monotonic()
    found = await ask(Target(HOST, port), timeout=seconds, era=era)
    return found, time.monotonic() - begun


@pytest.mark.parametrize("era", [None, "legacy"])
@pytest.mark.parametrize(
    "sends",
    [
        nothing,
        forever(JSON + b"\r\n", b" ", 0.05),
        forever(EVENTS, b": wait\n\n", 0.05),
        forever(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05),
        forever(JSON + b"Content-Length: 500\r\n\r\n", b"x", 0.05),
    ],
    ids=["nothing", "slow body", "slow events", "slow head", "slow content"],
)
async def test_a_slow_server_is_not_waited_for(ask: Probe, sends: Sends, era: Era | None) -> None:
    """The time is over when it is over."""
    async with sending(sends) as (port, _):
        found, seconds = await measured(ask, port, 1.0, era)
    assert found.result is Result.HANDSHAKE_TIMEOUT
    assert found.message == "POST /mcp had no whole answer within 1 s"
    assert 0.8 < seconds < 1.2


@pytest.mark.parametrize("era", [None, "legacy"])
@pytest.mark.parametrize(
    "sends",
    [
        forever(JSON + b"\r\n", KIB),
        forever(JSON + b"Content-Length: 1000000000\r\n\r\n", KIB),
        forever(JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + KIB + b"\r\n"),
        forever(EVENTS, KIB),
        forever(EVENTS, b"data: {}\n\n" * 100),
        forever(EVENTS, b"\n" * 1024),
        forever(OK, b"X: 1\r\n" * 100),
        forever(OK + b"X: ", KIB),
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10),
        forever(JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + KIB + b"\r\nx\r\n"),
        forever(b"HTTP/1.1 404 Not Found\r\n\r\n", KIB),
        forever(b"", KIB),
    ],
    ids=[
        *("body", "length", "chunks", "one event", "events", "lines", "headers", "header"),
        *("continue", "extensions", "404", "no HTTP"),
    ],
)
async def test_a_flood_is_not_read(ask: Probe, sends: Sends, era: Era | None) -> None:
    """At most 1 MB in all, and no time is lost with it."""
    async with sending(sends) as (port, sent):
        found, seconds = await measured(ask, port, 5.0, era)
        assert sent.bytes < BUDGET_BYTES + KERNEL_BYTES
    assert found.result in (Result.NOT_MCP, Result.PROTOCOL_ERROR)
    assert seconds < 3
    assert len(found.message) < 300


@pytest.mark.parametrize(
    ("data", "result", "words"),
    [
        (b"", Result.NOT_MCP, "closing the connection"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Result.NOT_MCP, "no sound HTTP"),
        (OK + b"Content-Length: 90\r\n\r\n{}", Result.NOT_MCP, "no MCP endpoint"),
        (JSON + b"\r\n", Result.PROTOCOL_ERROR, "no message"),
        (JSON + b'\r\n{"a":1}', Result.NOT_MCP, "no message of JSON-RPC"),
        (JSON + b"\r\n" + b"[" * 100_000, Result.NOT_MCP, "no message of JSON-RPC"),
        (JSON + b'\r\n{"jsonrpc":"2.0","id":"1","result":{}}', Result.PROTOCOL_ERROR, "another id"),
        (JSON + b'\r\n{"jsonrpc":"2.0","id":1}', Result.PROTOCOL_ERROR, "no message of JSON-RPC"),
        (JSON + b'\r\n{"jsonrpc":"2.0","id":1,"result":[]}', Result.PROTOCOL_ERROR, "version"),
        (EVENTS + b"data: 7\n\n", Result.PROTOCOL_ERROR, "events without the response"),
    ],
)
async def test_a_strange_answer_is_told(
    ask: Probe, data: bytes, result: Result, words: str
) -> None:
    """What it is, in a few words that are not the server's."""
    async with sending(once(data)) as (port, _):
        found, _ = await measured(ask, port, 5.0, None)
    assert words in found.message
    assert found.result is result


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"GZIP, gzip"])
async def test_nothing_is_decompressed(ask: Probe, encoding: bytes) -> None:
    """Nobody asked for it, and 100 MB may be in it."""
    body = gzip.compress(bytes(100_000_000))
    head = JSON + b"Content-Encoding: " + encoding + b"\r\n\r\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with sending(once(head + body)) as (port, _):
        found, _ = await measured(ask, port, 5.0, None)
    assert found.result is Result.PROTOCOL_ERROR
    assert "compressed although nobody asked for that" in found.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


async def test_a_redirect_is_not_followed(ask: Probe) -> None:
    """Not even to the same server."""
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(reader)
        writer.write(b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /other\r\n\r\n")

    async with raw(serve) as port:
        found = await ask(Target(HOST, port))
    assert found.message == (
        "POST /mcp was answered with 308; set transport.path to /other: the server points there"
    )
    assert len(asked) == 1


@pytest.mark.parametrize(
    "target",
    [
        Target(HOST, 1, path="//[x/mcp"),
        Target(HOST, 1, path="mcp"),
        Target("", 1),
        Target("[", 1),
        Target(HOST, 70_000),
        Target(HOST, -1),
        Target("256.0.0.1", 1),
        Target(HOST, 1, path="/\r\nX: y"),
        Target(HOST, 1, headers={"X": "a\r\nY: b"}),
        Target(HOST, 1, headers={"Bad Name:": "a"}),
        Target(HOST, 1, authority="a\r\nb"),
        Target(HOST, 1, headers={"X": "grüß\ud800"}),
    ],
)
async def test_a_target_that_is_none(ask: Probe, target: Target) -> None:
    """Nothing is raised."""
    found = await ask(target, timeout=2.0)
    assert not found.is_ok
    assert found.message.isprintable()
