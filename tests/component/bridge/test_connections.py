"""When there are too many connections, who gives way, and who gets in."""

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.protocol.http.listener import RETRY_SECONDS, Listener
from mcpworkload.protocol.http.request import Request
from mcpworkload.protocol.http.room import PATIENCE_SECONDS, Room
from mcpworkload.protocol.http.server import Server
from tests.component.protocol.test_http import GET, Echo
from tests.support.bridges import PLAIN, Answer, Bridge, read_answer, running

STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "rest", "begin", "serve", "leave"]), st.integers(0, 30)),
    max_size=200,
)


@given(STEPS, st.integers(1, 20))
def test_whoever_is_not_busy_can_give_way(steps: list[tuple[str, int]], limit: int) -> None:
    """Only those, the ones that have rested for long first, and each once."""
    room: Room[int] = Room(limit)
    kinds: dict[int, str] = {}
    since: dict[int, float] = {}
    for now, (step, one) in enumerate(steps):
        if step == "enter":
            room.enter(one)
            kinds.setdefault(one, "enter")
        elif step == "leave":
            room.leave(one)
            kinds.pop(one, None)
        elif one in kinds:
            if step == "serve":
                room.serve(one)
            elif not (step == "begin" == kinds[one]):
                since[one] = now
                room.rest(one, now) if step == "rest" else room.begin(one, now)
            kinds[one] = step
    free = {one for one, kind in kinds.items() if kind in ("rest", "begin")}
    crowded = room.is_crowded
    end = len(steps) + PATIENCE_SECONDS
    gone = list(iter(lambda: room.give_way(end), None))

    assert crowded == (len(kinds) - len(free) >= limit - max(1, limit // 8))
    order = sorted(free, key=lambda one: (kinds[one] != "rest", since[one]))
    assert gone == order
    assert room.all == kinds.keys() - free


def test_a_new_one_is_not_given_up_for_the_next() -> None:
    """Where all others only drip, it has not had the time to send anything: they go first."""
    room: Room[str] = Room(3)
    for name in ("dripping", "dripping too", "new"):
        room.enter(name)
    room.begin("dripping", 0.0)
    room.begin("dripping too", 1.0)
    room.rest("new", 99.9)

    assert [room.give_way(100.0) for _ in range(4)] == ["dripping", "dripping too", "new", None]


class Held(Echo):
    """Answers one path when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def serve(self, request: Request) -> None:
        """Answer."""
        if request.path == "/held":
            await self.go.wait()
        await super().serve(request)


@dataclass
class Full:
    """A server with room for eight, and who is connected to it."""

    app: Held
    server: Server
    port: int
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, sent: bytes = b"", count: int = 8) -> list[asyncio.StreamReader]:
        """Open connections, and send on each."""
        readers = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(sent)
            readers.append(reader)
            self.writers.append(writer)
        return readers


@contextlib.asynccontextmanager
async def full_server() -> AsyncIterator[Full]:
    """Serve in this process."""
    app = Held()
    server = Server(app, 8)
    full = Full(app, server, await server.listen("127.0.0.1", 0))
    try:
        yield full
    finally:
        app.go.set()
        for writer in full.writers:
            writer.close()
        server.close()
        await asyncio.sleep(0)


async def get(full: Full, path: bytes = b"/x") -> Answer:
    """Send a request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", full.port)
    writer.write(GET.replace(b"/x", path))
    try:
        return await asyncio.wait_for(read_answer(reader), 8)
    finally:
        writer.close()


BODY = b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{"


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /x HTTP/1.1\r\nx: ", BODY, b"\r\n", BODY.replace(b"content-length: 9",
     b"transfer-encoding: chunked").replace(b"{", b"0\r\nx: "), b"NONSENSE\r\n\r\n"],
    ids=["silent", "in a head", "in a body", "an empty line", "in trailers", "refused"],
)  # fmt: skip
async def test_new_ones_get_in_however_old_ones_fill_the_room(sent: bytes) -> None:
    """The oldest goes for each of them; never are there more than there may be."""
    async with full_server() as full:
        readers = await full.connect(sent)
        answers = [await get(full) for _ in range(4)]
        most = len(full.server.room.all)
        async with asyncio.timeout(15):
            with contextlib.suppress(ConnectionError):
                await readers[0].read()

    assert [answer.status for answer in answers] == [200] * 4
    assert most <= 8


async def test_idle_ones_go_before_requests_that_come_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that were served longest ago first; the rest is as it was."""
    monkeypatch.setattr("mcpworkload.protocol.http.room.PATIENCE_SECONDS", 0.0)
    async with full_server() as full:
        slow = await full.connect(BODY, 4)
        idle = await full.connect(GET, 4)
        for reader in idle:
            await read_answer(reader)
        new = await full.connect(GET, 2)
        for reader in new:
            await read_answer(reader)
        ended = [await asyncio.wait_for(reader.read(), 2) for reader in idle[:2]]
        for writer in full.writers[:4]:
            writer.write(b"12345678")
        answers = [await read_answer(reader) for reader in slow]

    assert ended == [b"", b""]
    assert [answer.status for answer in answers] == [200] * 4


async def test_where_all_connections_are_busy_probes_are_answered_and_others_refused() -> None:
    """As many as may be are; there is always room for a word."""
    async with full_server() as full:
        held = await full.connect(b"GET /held HTTP/1.1\r\nhost: h\r\n\r\n", 7)
        await _until(lambda: full.server.room.is_crowded)
        told = [await get(full) for _ in range(3)]
        probes = [await get(full, b"/probe") for _ in range(3)]
        full.app.go.set()
        answers = [await read_answer(reader) for reader in held]
        later = await get(full)

    assert [answer.status for answer in told] == [503] * 3
    assert all("retry-after" in answer.headers for answer in told)
    assert [answer.status for answer in probes] == [200] * 3
    assert [answer.status for answer in answers] == [200] * 7
    assert later.status == 200


async def _until(is_reached: Any) -> None:
    async with asyncio.timeout(15):
        while not is_reached():
            await asyncio.sleep(0.01)


@pytest.fixture
async def complaints() -> list[Any]:
    """What the event loop would have logged with a traceback."""
    found: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: found.append(context))
    return found


@pytest.mark.parametrize(
    "code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.EPROTO]
)
@pytest.mark.parametrize("can_give_way", [True, False])
async def test_what_cannot_be_accepted_is_tried_again(
    code: int, can_give_way: bool, monkeypatch: pytest.MonkeyPatch,
    complaints: list[Any], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Whatever the system says, with one line in the log for all of the tries."""
    accept, failures = socket.socket.accept, [code] * 3
    given: list[int] = []

    def failing(listener: socket.socket) -> Any:
        if failures:
            raise OSError(failures.pop(), "too few")
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", failing)

    def give_way() -> bool:
        given.append(code)
        return can_give_way

    taken: list[socket.socket] = []
    listener = Listener(taken.append, lambda: False, give_way)
    port = listener.open("127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    await _until(lambda: taken)
    listener.close()
    writer.close()
    taken[0].close()

    assert len(given) == (3 if code not in (errno.EPERM, errno.EPROTO) else 0)
    assert caplog.text.count("cannot accept a connection") == 1
    assert not complaints


async def test_a_listener_that_was_closed_while_it_waited_stays_closed(
    complaints: list[Any],
) -> None:
    """It does not come back for what is not there any more."""
    asked: list[bool] = []

    def refuse() -> bool:
        asked.append(True)
        return False

    listener = Listener(lambda _: None, lambda: True, refuse)
    port = listener.open("127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    await _until(lambda: asked)
    listener.close()
    await asyncio.sleep(2 * RETRY_SECONDS)
    writer.close()

    assert len(asked) == 1
    assert not complaints


async def test_an_address_that_is_taken_is_reported() -> None:
    """And nothing is listened at then."""
    listener = Listener(lambda _: None, lambda: False, lambda: False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            listener.open("127.0.0.1", taken.getsockname()[1])
    assert listener.open("127.0.0.1", 0) > 0
    listener.close()


async def ask(bridge: Bridge) -> tuple[Answer, float]:
    """Probe the bridge as the kubelet does; what it says and how long that took."""
    begin = time.monotonic()
    return await bridge.request("GET", "/readyz"), time.monotonic() - begin


async def test_clients_are_served_with_few_descriptors() -> None:
    """The same process answers probes and new clients when full, and goes on afterwards."""
    async with running(*PLAIN, "legacy", descriptors=256) as bridge:
        first, writers = bridge.process.pid, []
        for sent in (b"", b"GET /mcp HTTP/1.1\r\nhost: ", GET.replace(b"/x", b"/readyz")) * 130:
            with contextlib.suppress(OSError):
                _reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
                writer.write(sent)
                writers.append(writer)
        probes = [await ask(bridge) for _ in range(5)]
        sessions = [await bridge.open() for _ in range(5)]
        probes += [await ask(bridge) for _ in range(5)]
        for writer in writers:
            writer.close()
        ended = [await bridge.end(session) for session in sessions]
        later = await bridge.open()
        log = bridge.log

    assert [answer.status for answer, _ in probes] == [200] * 10
    assert max(seconds for _, seconds in probes) < 5
    assert [answer.status for answer in ended] == [204] * 5, ended
    assert later
    assert (first, "Traceback" in log) == (bridge.process.pid, False), log


async def test_who_has_connected_is_taken_before_it_closes() -> None:
    """The system would reset what waits in the queue of a socket that is closed."""
    taken: list[socket.socket] = []
    listener = Listener(taken.append, lambda: False, lambda: True)
    port = listener.open("127.0.0.1", 0)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]

    listener.close()

    assert len(taken) == len(clients)
    for each in (*taken, *clients):
        each.close()
