"""A process that is asked for its era, and what it has answered so far."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mcpworkload.bridge.background import Spawn
from mcpworkload.bridge.channel import End
from mcpworkload.bridge.first_requests import Discovery, discover, initialize
from mcpworkload.bridge.peer import Peer
from mcpworkload.protocol.jsonrpc import Message

#: A process that is not needed has so long to end.
FAREWELL_SECONDS = 5.0
#: A process whose first answer names one era has so much longer to answer for the other one.
LATE_SECONDS = 0.25
#: A silent process is looked at so often.
LOOK_SECONDS = 2.0

#: Receives a guess at what keeps a server from answering.
ReportGuess = Callable[[str], None]

T = TypeVar("T")


@dataclass
class Found:
    """The server that answered: of one era, or one process of each."""

    stateless: Peer | None = None
    #: What that one said of itself.
    discovery: Discovery | None = None
    stateful: Peer | None = None
    #: Its result of ``initialize``.
    initialize_result: Message = field(default_factory=dict)
    #: Whether it answered ``initialize`` with an error.
    refuses_sessions: bool = False


class Candidate:
    """
    One process, and what it was asked.

    It has until *last*, a time of the loop, to answer. *spawn* starts the tasks that ask it.
    """

    def __init__(self, peer: Peer, last: float, spawn: Spawn) -> None:
        self.peer, self._last, self._spawn = peer, last, spawn
        self._was_ended = False
        self._discovery: asyncio.Task[Discovery | None] | None = None
        self._initialization: asyncio.Task[Message | None] | None = None

    def discover(self) -> None:
        """Ask for the revisions without sessions."""
        self._discovery = self._spawn(discover(self.peer, self._left))

    def initialize(self) -> None:
        """Ask for a session, once."""
        if self._initialization is None:
            self._initialization = self._spawn(initialize(self.peer, self._left))

    @property
    def waiting(self) -> set["asyncio.Task[Any]"]:
        """The requests that it has not answered."""
        tasks = self._discovery, self._initialization
        return {task for task in tasks if task is not None and not task.done()}

    @property
    def found(self) -> Found | None:
        """Its era, once an answer showed it."""
        if (discovery := _result(self._discovery)) is not None:
            return Found(stateless=self.peer, discovery=discovery)
        if (initialize_result := _result(self._initialization)) is not None:
            return Found(stateful=self.peer, initialize_result=initialize_result)
        return None

    async def stop(self) -> None:
        """Wait for no more answers."""
        if not (waiting := self.waiting):
            return
        for task in waiting:
            task.cancel()
        # To await a task would not tell its cancellation from that of the caller.
        await asyncio.wait(waiting)

    async def end(self) -> None:
        """End the process, and return when nothing of it runs."""
        await self.stop()
        self._was_ended |= self.peer.end_state is None
        await self.peer.end(FAREWELL_SECONDS)
        await self.peer.gone()

    @property
    def own_end(self) -> End | None:
        """The way it ended by itself; None where it runs, or `end` ended it."""
        return None if self._was_ended else self.peer.end_state

    @property
    def _left(self) -> float:
        return max(self._last - asyncio.get_running_loop().time(), 0.1)


class Guess:
    """Why a process is silent: one that listens on a port may serve HTTP there."""

    def __init__(self, peer: Peer, report: ReportGuess) -> None:
        self._peer, self._report = peer, report
        #: The guess in a sentence, once there is one.
        self.text = ""

    def look(self) -> None:
        """Report that the process listens on a port, once."""
        if self.text or self._peer.requests.has_answered or not (ports := self._peer.listening()):
            return
        named = f"port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports))}"
        self.text = (
            f"it listens on {named} and says nothing on its standard output: "
            "transport.type: streamable-http?"
        )
        self._report(self.text)


async def until_found(candidates: Iterable[Candidate], within: float, guess: Guess) -> None:
    """Return when one of *candidates* has shown its era, none can any more, or time is over."""
    loop = asyncio.get_running_loop()
    last = loop.time() + within
    while (left := last - loop.time()) > 0:
        waiting = {task for each in candidates for task in each.waiting}
        if not waiting or any(each.found is not None for each in candidates):
            break
        await asyncio.wait(
            waiting, timeout=min(left, LOOK_SECONDS), return_when=asyncio.FIRST_COMPLETED
        )
        guess.look()
    if not any(each.found is not None and each.found.stateless is None for each in candidates):
        return
    # A slow one that speaks both eras was asked for the other one first.
    if waiting := {task for each in candidates for task in each.waiting}:
        await asyncio.wait(waiting, timeout=LATE_SECONDS)


def _result(task: "asyncio.Task[T] | None") -> T | None:
    return None if task is None or not task.done() or task.cancelled() else task.result()
