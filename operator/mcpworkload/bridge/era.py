"""
Detects whether a server answers, and which era it speaks: with sessions or stateless.

Some servers can be there only once: they hold a lock, a port, a file. So the first process is asked
all that it can be asked, and another one is started beside it only where that may be of use.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mcpworkload import __version__
from mcpworkload.bridge.channel import CannotStart, ChannelClosed, End, NoRoom
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened, request
from mcpworkload.protocol.versions import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    LATEST_SESSION_VERSION,
    SESSION_VERSIONS,
    STATELESS_VERSION,
    VERSION_KEY,
)

log = logging.getLogger(__name__)

#: A server that is silent for so long may wait for ``initialize``.
SILENCE_SECONDS = 2.0
#: One that is silent after both questions may have wanted ``initialize`` as the first one. Where
#: clients share it there is no second one before the first has had its time.
PATIENCE_SECONDS, SHARED_PATIENCE_SECONDS = 1.0, 30.0
LATE_SECONDS = 0.25
#: A server may install itself at its first start. The kubelet's startup probe allows a little
#: more, so that it is still us who say why there is none.
START_SECONDS = 280.0
#: One that runs has so long to answer the first question.
ANSWER_SECONDS = 60.0
#: One that only showed that it works has so long to end.
FAREWELL_SECONDS = 5.0

#: Returns a server that has received nothing yet.
Start = Callable[[], Awaitable[Peer]]
#: Receives a guess at what keeps a server from answering.
Tell = Callable[[str], None]

T = TypeVar("T")

_CLIENT = {"name": "mcpworkload-bridge", "version": __version__}


class NoAnswer(Exception):
    """The server showed in no way that it speaks MCP; *end* is how it ended, where it did."""

    def __init__(self, end: End | None, guess: str = "") -> None:
        said = (
            f"{end} before it answered server/discover or initialize"
            if end
            else "server answered neither server/discover nor initialize as MCP servers do"
        )
        super().__init__(f"{said}; {guess}" if guess else said)
        self.has_ended = end is not None
        self.end = end or End(code=1)


@dataclass
class Found:
    """What answered: a server of one era, or one process of each."""

    stateless: Peer | None = None
    #: Revisions that it serves since there are no sessions.
    versions: tuple[str, ...] = ()
    stateful: Peer | None = None
    #: Its answer to ``initialize``.
    initialize_result: Message = field(default_factory=dict)
    #: Whether it has said that it has no sessions.
    refuses_sessions: bool = False


class _Asked:
    """One process, and what it was asked."""

    def __init__(self, peer: Peer, last: float) -> None:
        self.peer, self._last = peer, last
        self._was_ended = False
        self._discovery: asyncio.Task[tuple[str, ...]] | None = None
        self._initialization: asyncio.Task[Message | None] | None = None

    def discover(self) -> None:
        """Ask for the era since there are no sessions."""
        self._discovery = asyncio.create_task(_discover(self.peer, self._left))

    def initialize(self) -> None:
        """Ask for a session."""
        if self._initialization is None:
            self._initialization = asyncio.create_task(initialize(self.peer, self._left))

    @property
    def waiting(self) -> set["asyncio.Task[Any]"]:
        """What it has not answered yet."""
        return {
            t for t in (self._discovery, self._initialization) if t is not None and not t.done()
        }

    @property
    def found(self) -> Found | None:
        """What it is, once it has said so."""
        if versions := _result(self._discovery):
            return Found(stateless=self.peer, versions=versions)
        if (initialize_result := _result(self._initialization)) is not None:
            return Found(stateful=self.peer, initialize_result=initialize_result)
        return None

    async def stop(self) -> None:
        """Wait for no more answers."""
        for task in self.waiting:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def end(self) -> None:
        """Have nothing of it left."""
        await self.stop()
        self._was_ended |= self.peer.end_state is None
        await self.peer.end(FAREWELL_SECONDS)
        await self.peer.gone()

    @property
    def own_end(self) -> End | None:
        """How it ended, where that was not our doing."""
        return None if self._was_ended else self.peer.end_state

    @property
    def _left(self) -> float:
        return max(self._last - asyncio.get_running_loop().time(), 0.1)


async def detect_era(start: Start, *, starts_many: bool, is_shared: bool, tell: Tell) -> Found:
    """
    Return who answers of those that *start* returns.

    Where clients share a server of both eras, a process of each is found before this returns.

    Raises:
        NoAnswer: none did.
        CannotStart, NoRoom: there was no process to ask.
    """
    if not starts_many:
        return await _ask_the_only_one(start)
    last = asyncio.get_running_loop().time() + START_SECONDS + SILENCE_SECONDS
    found = await _find(start, last, is_shared=is_shared, tell=tell)
    if not is_shared or found.stateless is None:
        return found
    try:
        return await _with_sessions(start, last, found)
    except (CannotStart, NoRoom):
        await found.stateless.end(FAREWELL_SECONDS)
        raise


async def initialize(peer: Peer, within: float = ANSWER_SECONDS) -> Message | None:
    """Return a server's answer to ``initialize``; None where it has none, or an error."""
    params = {"protocolVersion": LATEST_SESSION_VERSION, "capabilities": {}, "clientInfo": _CLIENT}
    answer = await _ask(peer, "initialize", params, within)
    if answer is None or "result" not in answer:
        return None
    initialize_result = jsonrpc.members(jsonrpc.own(answer["result"]))
    if not isinstance(jsonrpc.value(initialize_result.get("protocolVersion")), str):
        return None
    initialized = opened(jsonrpc.notification("notifications/initialized"))
    try:
        # Before anybody knows of this server: a request that comes first may be refused.
        await peer.tell(initialized, within)
    except (Busy, ChannelClosed):
        return None
    return initialize_result


def _result(task: "asyncio.Task[T] | None") -> T | None:
    return None if task is None or not task.done() or task.cancelled() else task.result()


async def _find(start: Start, last: float, *, is_shared: bool, tell: Tell) -> Found:
    first = _Asked(await start(), last)
    asked = [first]
    guess = _Guess(first.peer, tell)
    try:
        first.discover()
        await _until(asked, SILENCE_SECONDS, guess)
        # Nearly all servers of sessions take this after the question that they did not know.
        if first.found is None and first.peer.end_state is None:
            first.initialize()
            await _until(asked, PATIENCE_SECONDS, guess)
            if first.waiting and first.found is None and (is_shared or guess.words):
                await _until(asked, SHARED_PATIENCE_SECONDS - PATIENCE_SECONDS, guess)
        if first.found is None and asyncio.get_running_loop().time() < last:
            if not first.waiting or is_shared or guess.words:
                await first.end()
            asked.append(_Asked(await start(), last))
            asked[-1].initialize()
            await _until(asked, START_SECONDS + SILENCE_SECONDS, guess)
    except (CannotStart, NoRoom):
        await asyncio.gather(*(each.end() for each in asked))
        raise
    finally:
        for each in asked:
            await each.stop()
    keep = next((each for each in asked if each.found is not None), None)
    await asyncio.gather(*(each.end() for each in asked if each is not keep))
    if keep is None or keep.found is None:
        raise NoAnswer(asked[-1].own_end or first.own_end, guess.words)
    return keep.found


async def _until(asked: list[_Asked], within: float, guess: "_Guess") -> None:
    """Return when one of them has said what it is, none will any more, or time is over."""
    loop = asyncio.get_running_loop()
    last = loop.time() + within
    while (left := last - loop.time()) > 0:
        waiting = {task for each in asked for task in each.waiting}
        if not waiting or any(each.found is not None for each in asked):
            break
        await asyncio.wait(
            waiting, timeout=min(left, SILENCE_SECONDS), return_when=asyncio.FIRST_COMPLETED
        )
        guess.look()
    if not any(each.found is not None and each.found.stateless is None for each in asked):
        return
    # A slow one that speaks both eras was asked for the other one first.
    if waiting := {task for each in asked for task in each.waiting}:
        await asyncio.wait(waiting, timeout=LATE_SECONDS)


class _Guess:
    """Why a server is silent: one that listens may have been meant to be asked there."""

    def __init__(self, peer: Peer, tell: Tell) -> None:
        self._peer, self._tell = peer, tell
        self.words = ""

    def look(self) -> None:
        """See what it does instead of answering."""
        if self.words or self._peer.requests.has_answered or not (ports := self._peer.listening()):
            return
        named = f"port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports))}"
        self.words = (
            f"it listens on {named} and says nothing on its standard output: "
            "transport.type: streamable-http?"
        )
        self._tell(self.words)


async def _with_sessions(start: Start, last: float, found: Found) -> Found:
    """Return *found* and a process for sessions, or one for both where two cannot be."""
    second = _Asked(await start(), last)
    second.initialize()
    await asyncio.wait(second.waiting)
    if second.found is not None:
        found.stateful, found.initialize_result = second.peer, second.found.initialize_result
        return found
    found.refuses_sessions = second.peer.requests.has_answered
    has_ended = second.peer.end_state is not None
    await second.end()
    if found.refuses_sessions or not has_ended or found.stateless is None:
        return found
    log.info("a second process of this server ends at once: one serves both eras")
    await _Asked(found.stateless, last).end()
    only = _Asked(await start(), last)
    only.initialize()
    await asyncio.wait(only.waiting)
    if only.found is not None:
        return only.found
    await only.end()
    only = _Asked(await start(), last)
    only.discover()
    await asyncio.wait(only.waiting)
    if only.found is not None:
        return only.found
    await only.end()
    raise NoAnswer(only.own_end)


async def _ask_the_only_one(start: Start) -> Found:
    """Every client can fall back to ``initialize``, so that is asked for first."""
    peer = await start()
    initialize_result = await initialize(peer)
    if initialize_result is not None:
        return Found(stateful=peer, initialize_result=initialize_result)
    if versions := await _discover(peer, ANSWER_SECONDS):
        return Found(stateless=peer, versions=versions)
    ended = peer.end_state
    await peer.end(FAREWELL_SECONDS)
    raise NoAnswer(ended)


async def _discover(peer: Peer, within: float) -> tuple[str, ...]:
    """Return which revisions without sessions a server serves."""
    meta = {VERSION_KEY: STATELESS_VERSION, CAPABILITIES_KEY: {}, CLIENT_KEY: _CLIENT}
    answer = await _ask(peer, "server/discover", {"_meta": meta}, within)
    if answer is None:
        return ()
    if "result" in answer:
        found = jsonrpc.members(answer["result"]).get("supportedVersions")
    else:
        error = jsonrpc.members(answer["error"])
        if jsonrpc.value(error.get("code")) != jsonrpc.UNSUPPORTED_PROTOCOL_VERSION:
            return ()
        found = jsonrpc.members(error.get("data")).get("supported")
    versions: Any = jsonrpc.value(found)
    if not isinstance(versions, list):
        return ()
    return tuple(v for v in versions if isinstance(v, str) and v not in SESSION_VERSIONS)


async def _ask(peer: Peer, method: str, params: object, within: float) -> Message | None:
    mail = Mailbox()
    try:
        pending = await peer.call(request(method, params), mail, within + 1)
    except (Busy, ChannelClosed):
        return None
    try:
        frame, _ = await mail.get(within)
    finally:
        peer.let_go(pending)
    return None if frame is None or peer.end_state is not None else jsonrpc.decode(frame)
