"""What a bridge takes of HTTP, from whom, how much of it and how slowly."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpworkload.protocol.http import connection as connection_module
from mcpworkload.protocol.http import reader as reader_module
from mcpworkload.protocol.http.request import JSON, App, Request
from mcpworkload.protocol.http.server import Server
from tests.support.bridges import head, read_answer, read_head


class Echo(App):
    """Answers with what came; several ways to be slow, by path."""

    def __init__(self) -> None:
        self.lost: list[str] = []

    def check(self, request: Request) -> tuple[int, str] | None:
        """Refuse one path."""
        return (404, "not here") if request.path == "/none" else None

    def is_urgent(self, request: Request) -> bool:
        """Have one path for probes."""
        return request.path == "/probe"

    async def serve(self, request: Request) -> None:
        """Answer."""
        request.on_lost = lambda: self.lost.append(request.path)
        if request.path == "/stream":
            request.stream([])
            for _ in range(3):
                await request.send(b"part")
            request.end()
            return
        if request.path == "/flood":
            request.stream([])
            while not request.is_lost:
                await request.send(b"x" * 65536)
            return
        if request.path == "/large":
            request.respond(200, [JSON], b"x" * 16_000_000)
            return
        if request.path == "/slow":
            await asyncio.sleep(0.2)
        said = {"method": request.method, "path": request.path, "query": request.query}
        body = json.dumps({**said, "length": len(request.body)}).encode()
        request.respond(200, [JSON], body)


@asynccontextmanager
async def serving(app: App | None = None) -> AsyncIterator[tuple[int, Server]]:
    """Serve in this process; the port and the server."""
    server = Server(app or Echo())
    port = await server.listen("127.0.0.1", 0)
    try:
        yield port, server
    finally:
        server.close()
        await asyncio.sleep(0)


async def exchange(port: int, *parts: bytes, pause: float = 0.0, silence: float = 0.3) -> bytes:
    """Send *parts* and read until the server closes, or says nothing for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with contextlib.suppress(OSError, TimeoutError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        while data := await asyncio.wait_for(reader.read(65536), silence):
            answer += data
    writer.close()
    return answer


GET = b"GET /x?a=b HTTP/1.1\r\nhost: h\r\n\r\n"

BAD = [
    pytest.param(b"NONSENSE\r\n\r\n", 400, id="no HTTP"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", 400, id="TLS"),
    pytest.param(b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", 405, id="a proxy's work"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="HTTP/2"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\nbad header\r\n\r\n", 400, id="bad field"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\na: b\x00c\r\n\r\n", 400, id="NUL in a field"),
    pytest.param(b"GET /none HTTP/1.1\r\nhost: h\r\n\r\n", 404, id="refused by its head"),
    pytest.param(
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        400,
        id="two lengths",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400, id="two numbers"
    ),
    pytest.param(b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400, id="a negative length"),
    pytest.param(
        b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", 413, id="a large body, announced"
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(200)) + b"\r\n",
        431,
        id="too many fields",
    ),
    pytest.param(b"GET / HTTP/1.1\r\na: " + b"b" * 200_000, 431, id="too large a head"),
    pytest.param(b"GET /" + b"b" * 200_000, 431, id="too long a target"),
    pytest.param(
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400, id="a bad chunk"
    ),
]


@pytest.mark.parametrize(("sent", "status"), BAD)
async def test_bad_requests_are_refused_and_cut(sent: bytes, status: int) -> None:
    """With the status that fits, and the next client is served."""
    async with serving() as (port, _):
        # In pieces, as a client that wants to keep us busy would send it.
        pieces = [sent[at : at + 30_000] for at in range(0, len(sent), 30_000)]
        answer = await exchange(port, *pieces)
        after = await exchange(port, GET)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:100]
    assert b"connection: close" in answer
    assert after.startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_grows_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its length was not announced, and where many are on their way."""
    monkeypatch.setattr(reader_module, "BODY_LIMIT_BYTES", 1000)
    monkeypatch.setattr(reader_module, "BODIES_LIMIT_BYTES", 1500)
    monkeypatch.setattr(reader_module, "SMALL_BODY_BYTES", 10)
    start = b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"320\r\n" + b"x" * 800 + b"\r\n"
    async with serving() as (port, server):
        large = await exchange(port, start + chunk + chunk)
        first = asyncio.create_task(exchange(port, start + chunk, pause=0.2))
        await asyncio.sleep(0.05)
        second = await exchange(port, start + chunk)
        await first
        await asyncio.sleep(0.05)
        left = server.body_bytes

    assert large.startswith(b"HTTP/1.1 413 ")
    assert second.startswith(b"HTTP/1.1 503 ")
    assert left == 0


async def test_bodies_count_until_they_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or clients of a slow server would fill the memory; small ones are served even so."""
    monkeypatch.setattr(reader_module, "BODIES_LIMIT_BYTES", 1500)
    monkeypatch.setattr(reader_module, "SMALL_BODY_BYTES", 10)
    head = b"POST /slow HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n"
    large, small = head % 1000 + b"x" * 1000, head % 9 + b"x" * 9
    async with serving() as (port, server):
        first = asyncio.create_task(exchange(port, large + small, pause=0.6))
        await asyncio.sleep(0.05)
        held = server.body_bytes
        refused, taken = await asyncio.gather(exchange(port, large), exchange(port, small))
        answered = await first
        later = await exchange(port, large)
        left = server.body_bytes

    assert held == 1009
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b'"length": 9}' in taken
    assert answered.count(b"HTTP/1.1 200 OK") == 2
    assert b'"length": 1000}' in later
    assert left == 0


async def test_a_body_waits_for_the_answer_before_it() -> None:
    """One that may take for ever, and would keep it in memory for as long."""
    body = b"x" * 4_000_000
    post = b"POST /late HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with serving() as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n" + post + body[1:])
        await asyncio.sleep(0.1)
        held = server.body_bytes
        writer.write(body[:1])
        early, late = await read_answer(reader), await read_answer(reader)
        writer.close()

    assert held < 1_000_000
    assert json.loads(early.body)["path"] == "/slow"
    assert json.loads(late.body)["length"] == len(body)


async def test_requests_on_one_connection_are_answered_in_order() -> None:
    """Sent at once or one after another; with parts of them in any number of pieces."""
    post = b"POST /slow HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody"
    last = b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    async with serving() as (port, _):
        at_once = await exchange(port, post + GET + last)
        sent = GET + post + last
        bytewise = await exchange(port, *(sent[n : n + 1] for n in range(len(sent))))

    assert paths(at_once) == ["/slow", "/x", "/last"]
    assert paths(bytewise) == ["/x", "/slow", "/last"]


def paths(answer: bytes) -> list[str]:
    """Return the paths that were answered."""
    return re.findall(r'"path": "([^"]*)"', answer.decode())


async def test_upgrades_expectations_and_old_versions() -> None:
    """An upgrade is not taken, an expectation is met, HTTP/1.0 gets no chunks."""
    upgrade = (
        b"GET /up HTTP/1.1\r\nhost: h\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
        b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
    )
    body = b"POST /up HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\n" \
           b"content-length: 2\r\n\r\n{}"  # fmt: skip
    expect = b"POST /e HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    async with serving() as (port, _):
        upgraded = await exchange(port, upgrade + GET)
        posted = await exchange(port, body, GET)
        expected = await exchange(port, expect, b"{}", pause=0.05)
        old = await exchange(port, b"GET /stream HTTP/1.0\r\n\r\n")
        headless = await exchange(port, b"HEAD /x HTTP/1.1\r\nhost: h\r\n\r\n")

    assert upgraded.count(b"HTTP/1.1 200 OK") == 2
    assert posted.count(b"HTTP/1.1 200 OK") == 2
    assert b'"length": 2}' in posted
    assert expected.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert old.endswith(b"\r\n\r\npartpartpart")
    assert headless.endswith(b"\r\n\r\n")


async def test_slow_clients_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they are slow to send a head or a body, or do not read."""
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "WRITE_SECONDS", "DISCARD_SECONDS"):
        monkeypatch.setattr(connection_module, name, 0.1)
    monkeypatch.setattr("mcpworkload.protocol.http.server.SWEEP_SECONDS", 0.05)
    app = Echo()
    async with serving(app) as (port, server):
        silent = await exchange(port, b"")
        slow_head = await exchange(port, b"GET / HTTP/1.1\r\n")
        slow_body = await exchange(port, b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /flood HTTP/1.1\r\nhost: h\r\n\r\n")
        await asyncio.sleep(0.6)
        lost = list(app.lost)
        writer.close()
        await asyncio.sleep(0.1)
        left = len(server.room.all)
        assert reader

    assert silent == b""
    assert slow_head.startswith(b"HTTP/1.1 408 ")
    assert slow_body.startswith(b"HTTP/1.1 408 ")
    assert lost == ["/flood"]
    assert left == 0


async def test_a_client_that_reads_on_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes, if it is not much too slow."""
    for name in ("WRITE_SECONDS", "IDLE_SECONDS"):
        monkeypatch.setattr(connection_module, name, 0.3)
    monkeypatch.setattr("mcpworkload.protocol.http.server.SWEEP_SECONDS", 0.05)
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n")
        await read_head(reader)
        for _ in range(16):
            await asyncio.sleep(0.05)
            await reader.readexactly(1_000_000)
        writer.close()


async def test_a_client_that_goes_is_noticed() -> None:
    """While its request is answered."""
    app = Echo()
    async with serving(app) as (port, _):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
        lost = list(app.lost)

    assert lost == ["/slow"]


async def test_streams_come_in_chunks_and_the_connection_stays() -> None:
    """So that the next request can use it."""
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream HTTP/1.1\r\nhost: h\r\n\r\n")
        streamed = await read_answer(reader)
        writer.write(GET)
        status, _ = await read_head(reader)
        writer.close()

    assert (streamed.body, status) == (b"partpartpart", 200)


SNIPPETS = st.sampled_from(
    [b"GET ", b"POST ", b"CONNECT ", b"PRI * HTTP/2.0", b"/x", b"/slow", b" HTTP/1.1", b"\r\n",
     b"\r\n\r\n", b"host: h", b"a: b", b"content-length: 5", b"transfer-encoding: chunked",
     b"5\r\nhello\r\n", b"0\r\n\r\n", b"upgrade: h2c", b"connection: upgrade",
     b"expect: 100-continue", b"\x00", b"{}"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(SNIPPETS, st.binary(max_size=8)), max_size=30))
def test_no_bytes_break_the_server(pieces: list[bytes]) -> None:
    """After anything at all, the next client is served."""

    async def run() -> Any:
        async with serving() as (port, server):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(OSError):
                for piece in pieces:
                    writer.write(piece)
                await writer.drain()
                writer.write_eof()
                await asyncio.wait_for(reader.read(), 2)
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head("GET", "/fine", None, {"connection": "close"}))
            answer = await reader.read()
            writer.close()
            return answer, server.body_bytes

    answer, held = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert held == 0
