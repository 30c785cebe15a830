"""What is no body has its limits, too: heads, heads of chunks, trailers, requests in a row."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpworkload.protocol.http import reader as reader_module
from mcpworkload.protocol.http.limits import FRAMING_LIMIT_BYTES, HEAD_LIMIT_BYTES, PIECE_BYTES
from mcpworkload.protocol.http.reader import Reader, Refused
from mcpworkload.protocol.http.request import Request
from tests.component.protocol.test_http import GET, Echo, exchange, paths, serving
from tests.support.bridges import read_answer, read_head

#: For the end of a connection that has to come, on a machine with other work.
PATIENCE = 8.0
CHUNKED = b"POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Reading:
    """A reader without a connection, and what it has passed on and held."""

    head_bytes: int = 0
    body_bytes: int = 0
    most: int = 0
    requests: list[Request] = field(default_factory=list)
    is_last: bool = False

    def write(self, *parts: bytes) -> None:
        """Never called."""

    async def drained(self) -> None:
        """Never called."""

    def finished(self) -> None:
        """Never called."""

    def abort(self) -> None:
        """Never called."""

    def read(self, *parts: bytes) -> int:
        """Feed all *parts* as a connection does; how many bytes were taken before a refusal."""
        reader = Reader(self, self, lambda _: None, lambda request, _: self._take(request))
        taken, data = 0, b"".join(parts)
        try:
            while taken < len(data):
                piece = data[taken : taken + reader.wanted]
                taken += len(piece)
                reader.feed(piece)
                self.most = max(self.most, self.head_bytes)
        finally:
            self.taken = taken
            reader.drop()
        return taken

    def refusal(self, *parts: bytes) -> int:
        """The status with which *parts* are refused."""
        with pytest.raises(Refused) as refused:
            self.read(*parts)
        return refused.value.status

    def _take(self, request: Request) -> None:
        self.requests.append(request)
        self.body_bytes -= len(request.body)


ENDLESS = {
    "a trailer's value": b"0\r\nx: " + b"a" * 10**6,
    "a trailer's name": b"0\r\n" + b"a" * 10**6,
    "many trailers": b"0\r\n" + b"x: y\r\n" * 200_000,
    "empty trailers": b"0\r\n" + b"x:\r\n" * 200_000,
    "a chunk's extension": b"1;" + b"a" * 10**6,
    "the last chunk's extension": b"0;" + b"a=b;" * 250_000,
    "extensions of many chunks": b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 20_000,
    "chunks of a byte": b"1\r\na\r\n" * 200_000,
    "zeros before a size": b"0" * 10**6,
    "trailers after a body": b"1000\r\n" + b"a" * 4096 + b"\r\n0\r\n" + b"x: y\r\n" * 200_000,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_follows_a_head_and_is_no_body_ends(kind: str) -> None:
    """After 64 KiB and a little, whatever it is, and nothing of it is held afterwards."""
    reading = Reading()

    status = reading.refusal(CHUNKED, ENDLESS[kind])

    body = 0 if "byte" not in kind and "many chunks" not in kind else FRAMING_LIMIT_BYTES
    assert status == 431
    assert reading.taken <= FRAMING_LIMIT_BYTES + body + 4 * PIECE_BYTES
    assert (reading.head_bytes, reading.body_bytes) == (0, 0)


def test_a_stretch_is_bounded_whatever_the_body() -> None:
    """The share that a large body's chunks may have is none that a trailer may use up."""
    body = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
    reading = Reading()

    assert reading.refusal(CHUNKED, body * 8, ENDLESS["a trailer's value"]) == 431
    assert reading.most <= FRAMING_LIMIT_BYTES + 2 * PIECE_BYTES


@pytest.mark.parametrize("size", [8, 16, 128, 1024, 4096, 100_000])
def test_chunks_of_usual_sizes_pass(size: int) -> None:
    """However many there are, with extensions and trailers as they occur."""
    chunk = b"%x\r\n" % size + b"x" * size + b"\r\n"
    count = 4_000_000 // size
    trailers = b"0;last\r\n" + b"x-checksum: " + b"a" * 10_000 + b"\r\n\r\n"
    reading = Reading()

    reading.read(CHUNKED, chunk * count, trailers, GET)

    assert [len(request.body) for request in reading.requests] == [size * count, 0]
    assert [request.path for request in reading.requests] == ["/x", "/x"]


@pytest.mark.parametrize("before", [b"", GET, GET * 3], ids=["first", "second", "fourth"])
@pytest.mark.parametrize("more", [0, 1])
def test_a_head_may_have_so_many_bytes_and_no_more(before: bytes, more: int) -> None:
    """Exactly that on a new connection; where it begins within a piece, that is not counted."""
    start, end = b"GET /y HTTP/1.1\r\nhost: h\r\nx: ", b"\r\n\r\n"
    large = start + b"a" * (HEAD_LIMIT_BYTES + more - len(start + end)) + end
    reading = Reading()

    if more and not before:
        assert reading.refusal(large) == 431
        assert reading.taken == HEAD_LIMIT_BYTES
        return
    reading.read(before, large)
    assert reading.requests[-1].path == "/y"


@pytest.mark.parametrize("part", [b"\r\n", b"x: y\r\n", b"a"])
def test_a_head_without_end_is_cut(part: bytes) -> None:
    """Behind another request as well, at most a piece later."""
    start = b"" if part == b"\r\n" else b"GET /y HTTP/1.1\r\nx: "
    reading = Reading()

    assert reading.refusal(GET * 5, start, part * 100_000) == 431
    assert reading.taken <= HEAD_LIMIT_BYTES + 2 * PIECE_BYTES


def test_many_large_heads_at_a_time_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And small ones pass even then: those of honest clients are."""
    monkeypatch.setattr(reader_module, "HEADS_LIMIT_BYTES", 100_000)
    others = Reading(head_bytes=100_000)

    assert others.refusal(b"GET /y HTTP/1.1\r\nx: ", b"a" * 20_000) == 503
    assert others.read(GET) == len(GET)
    assert others.refusal(CHUNKED, b"0\r\nx: ", b"a" * 20_000) == 503
    assert others.head_bytes == 100_000


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([CHUNKED, GET, b"0\r\n\r\n", b"\r\n", b"0\r\nx: y\r\n\r\n"]),
            st.integers(1, 6000).map(lambda n: b"%x\r\n" % n + b"x" * n + b"\r\n"),
            st.integers(0, 9000).map(
                lambda n: b"POST /l HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % n + b"x" * n
            ),
            st.integers(1, 70_000).map(lambda n: b"a" * n),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_nothing_is_held_of_what_is_gone(parts: list[bytes]) -> None:
    """Whatever came, in whatever order, the counts are back at none."""
    reading = Reading()
    with contextlib.suppress(Refused):
        reading.read(*parts)

    assert (reading.head_bytes, reading.body_bytes) == (0, 0)
    assert reading.most <= HEAD_LIMIT_BYTES + 2 * PIECE_BYTES


@pytest.mark.parametrize("count", [17, 40, 1000])
async def test_any_number_of_requests_in_a_row_is_answered(count: int) -> None:
    """In order; what is not looked at yet stays where it is."""
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(b"GET /%d HTTP/1.1\r\nhost: h\r\n\r\n" % n for n in range(count)))
        found = [json.loads((await read_answer(reader)).body)["path"] for _ in range(count)]
        writer.close()

    assert found == [f"/{n}" for n in range(count)]


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET /none HTTP/1.1\r\nhost: h\r\n\r\n", 404),
        (CHUNKED + b"xyz\r\n", 400),
        (b"GET /x HTTP/0.9\r\n\r\n", 505),
    ],
)
async def test_a_refusal_follows_the_answers_to_earlier_requests(bad: bytes, status: int) -> None:
    """Those are answered first, slow ones too; then the connection ends with the refusal."""
    slow = b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n"
    async with serving() as (port, _):
        answer = await exchange(port, slow + GET + bad + GET, silence=PATIENCE)

    assert paths(answer) == ["/slow", "/x"]
    assert answer.count(b"HTTP/1.1 ") == 3
    assert f"HTTP/1.1 {status} ".encode() in answer
    assert answer.count(b"connection: close") == 1


async def test_nothing_is_answered_after_the_last_request() -> None:
    """Which is the one that says so, whatever follows it."""
    last = b"GET /slow HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    async with serving() as (port, _):
        answers = [
            await exchange(port, last + rest, silence=PATIENCE)
            for rest in (GET, b"NONSENSE\r\n\r\n")
        ]

    assert [paths(answer) for answer in answers] == [["/slow"]] * 2
    assert [answer.count(b"HTTP/1.1 ") for answer in answers] == [1, 1]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /x", 505), (b"GET /x HTTP/0.9", 505), (b"GET /x HTTP/2.0", 505),
        (b"GET /x HTTP/1.2", 400), (b"GET /x HTTP/3.0", 400),
        (b"GET /x HTTP/1.0", 200), (b"GET /x HTTP/1.1", 200),
    ],
)  # fmt: skip
async def test_only_the_versions_that_are_spoken_are_answered(line: bytes, status: int) -> None:
    """Each other one in words."""
    async with serving() as (port, _):
        fields = b"host: h\r\nconnection: close\r\n" if b"HTTP" in line else b""
        answer = await exchange(port, line + b"\r\n" + fields + b"\r\n", silence=PATIENCE)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer


class Counting(Echo):
    """Counts what it has begun to answer."""

    begun = 0

    async def serve(self, request: Request) -> None:
        """Answer with a megabyte."""
        self.begun += 1
        request.respond(200, [], b"x" * 1_000_000)


async def test_a_client_that_reads_no_answer_gets_no_further_one() -> None:
    """Or what waits for it would grow with each small request that it sends."""
    app = Counting()
    async with serving(app) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET * 200)
        await asyncio.sleep(0.5)
        begun = app.begun
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(200):
            await read_head(reader)
            await reader.readexactly(1_000_000)
        writer.close()

    assert begun < 20
    assert app.begun == 200


async def test_a_body_behind_another_request_is_asked_for_in_its_turn() -> None:
    """A client that waits to be asked would wait for ever."""
    expecting = b"POST /e HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n" + expecting)
        first = await read_answer(reader)
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"{}")
        second = await read_answer(reader)
        writer.close()

    assert (first.status, second.status) == (200, 200)
    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert json.loads(second.body)["length"] == 2


async def test_upgrades_in_a_row_are_requests_like_others() -> None:
    """And what a client says beside the offer holds."""
    up = b"GET /up HTTP/1.1\r\nhost: h\r\nconnection: upgrade%s\r\nupgrade: x\r\n\r\n"
    async with serving() as (port, _):
        many = await exchange(port, up % b"" * 50 + up % b", close", silence=PATIENCE)
        closing = await exchange(port, up % b", close" + GET, silence=PATIENCE)
        older = up.replace(b"/1.1", b"/1.0").replace(b"/up", b"/stream")
        old = await exchange(port, older % b"", silence=PATIENCE)

    assert paths(many) == ["/up"] * 51
    assert paths(closing) == ["/up"]
    assert b"connection: close" in closing
    assert old.endswith(b"\r\n\r\npartpartpart")
