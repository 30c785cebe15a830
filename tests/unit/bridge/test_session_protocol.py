"""What a session says, to a server that only keeps what it is sent."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.channel import End
from mcpworkload.bridge.effects import ServerKey
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.server_requests import MAX_OPEN
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.session_protocol import SessionProtocol
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened


class Deaf:
    """A channel whose server reads as long as it is not full, and writes what it is given."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.is_full = False
        self._is_taking = False
        self._lines: asyncio.Queue[list[bytes]] = asyncio.Queue()

    def write(self, *messages: Any) -> None:
        """Let the server write these."""
        self._lines.put_nowait([json.dumps(message).encode() for message in messages])

    async def heard(self) -> None:
        """Return once all that was written is taken."""
        await self._lines.join()

    async def send(self, line: bytes) -> None:
        """Keep *line*, or wait for ever."""
        if self.is_full:
            await asyncio.Event().wait()
        self.sent.append(json.loads(line))

    async def receive(self) -> list[bytes]:
        """Return what is written; all before it is taken."""
        if self._is_taking:
            self._lines.task_done()
        lines = await self._lines.get()
        self._is_taking = True
        return lines

    async def end(self, within: float) -> End:  # noqa: ARG002
        """Has no process."""
        return End(code=0)


def ask(number: Any, method: str = "elicitation/create") -> Any:
    """Return a request."""
    return {"jsonrpc": "2.0", "id": number, "method": method}


class Scene:
    """A session with a server of its own."""

    def __init__(self) -> None:
        self.channel = Deaf()
        self.session = Session(now=0)
        key = ServerKey("server", 1)
        channel: Any = self.channel
        self.peer = Peer(channel, self.session, key, asyncio.create_task, Changes())
        self.session.server = key
        options = SimpleNamespace(request_timeout=0.05)
        servers = SimpleNamespace(is_shared=False, find=lambda _: self.peer)
        supervisor: Any = SimpleNamespace(servers=servers)
        self._protocol = SessionProtocol(options, None, supervisor)  # type: ignore[arg-type]

    async def takes(self, message: Any) -> None:
        """Let the client notify or respond."""
        await self._protocol.take(self.session, opened(json.dumps(message).encode()))

    async def asks(self, message: Any) -> Mailbox:
        """Let the client ask; return where its answer will be."""
        mail = Mailbox()
        await self._protocol.ask(self.session, opened(json.dumps(message).encode()), mail)
        return mail

    async def was_asked(self, *messages: Any) -> None:
        """Let the server ask the client."""
        self.channel.write(*messages)
        await self.channel.heard()


REPLY = {"jsonrpc": "2.0", "id": 7, "result": {}}


async def test_a_reply_that_was_not_taken_may_come_again() -> None:
    """The server still waits for it; and once it has it, no more."""
    scene = Scene()
    await scene.was_asked(ask(7))
    scene.channel.is_full = True
    with pytest.raises(Busy):
        await scene.takes(REPLY)
    scene.channel.is_full = False
    for _ in range(2):
        await scene.takes(REPLY)

    assert scene.channel.sent == [REPLY]


@pytest.mark.parametrize(
    ("asked", "said", "is_use"),
    [
        (None, ask(1, "tools/list"), True),
        (None, ask(1, "ping"), False),
        (None, REPLY, False),
        (ask(7), REPLY, True),
        (ask(7, "ping"), REPLY, False),
    ],
)
async def test_what_is_use_of_a_session(asked: Any, said: Any, is_use: bool) -> None:
    """To ask, or to answer; what libraries do by themselves is none."""
    scene = Scene()
    if asked is not None:
        await scene.was_asked(asked)
    await (scene.asks(said) if "method" in said else scene.takes(said))

    assert scene.session.has_asked is is_use


async def test_the_oldest_question_gives_way() -> None:
    """The server hears so of it, and the newest one is answered."""
    scene = Scene()
    for number in range(0, MAX_OPEN, 256):
        await scene.was_asked(*(ask(number + n) for n in range(256)))
        scene.session.catch_up(Mailbox())
    await scene.was_asked(ask(MAX_OPEN))
    for number in (0, MAX_OPEN):
        await scene.takes({**REPLY, "id": number})

    assert [(one["id"], "error" in one) for one in scene.channel.sent] == [
        (0, True), (MAX_OPEN, False),
    ]  # fmt: skip


async def test_no_request_of_a_session_is_without_end() -> None:
    """Whatever its method means in other revisions."""
    scene = Scene()
    mail = await scene.asks(ask(1, "subscriptions/listen"))
    assert scene.peer.requests.busy == 1
    frame, is_last = await mail.get(5)

    assert is_last
    assert json.loads(frame or b"")["error"]["code"] == -32001
