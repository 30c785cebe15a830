"""
Detects whether a server answers, and which era it speaks: with sessions or stateless.

Some servers can run only once: they hold a lock, a port, a file. So the first process gets every
request that can tell its era, and a second one starts beside it only where that may be of use.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcpworkload.bridge.background import Spawn
from mcpworkload.bridge.candidate import (
    FAREWELL_SECONDS,
    Candidate,
    Found,
    Guess,
    ReportGuess,
    until_found,
)
from mcpworkload.bridge.channel import CannotStart, End, NoRoom
from mcpworkload.bridge.first_requests import discover, initialize
from mcpworkload.bridge.peer import Peer

log = logging.getLogger(__name__)

#: A server that is silent for so long may wait for ``initialize``.
SILENCE_SECONDS = 2.0
#: A server that is silent after both requests may have wanted ``initialize`` as the first one.
#: Where clients share it, no second process starts before the first has had its time.
PATIENCE_SECONDS, SHARED_PATIENCE_SECONDS = 1.0, 30.0
#: A server may install itself at its first start. The kubelet's startup probe allows a little
#: more, so that the bridge still reports why there is none.
START_SECONDS = 280.0

#: Returns a server that has received nothing yet.
StartServer = Callable[[], Awaitable[Peer]]


class NoAnswer(Exception):
    """The server showed in no way that it speaks MCP; *end* is how it ended, where it did."""

    def __init__(self, end: End | None, guess: str = "") -> None:
        text = (
            f"{end} before it answered server/discover or initialize"
            if end
            else "server answered neither server/discover nor initialize as MCP servers do"
        )
        super().__init__(f"{text}; {guess}" if guess else text)
        self.has_ended = end is not None
        self.end = end or End(code=1)


async def detect_era(
    start: StartServer, spawn: Spawn, *, starts_many: bool, is_shared: bool, report: ReportGuess
) -> Found:
    """
    Return the server that answers, of those that *start* returns.

    Where clients share a server of both eras, a process of each is found before this returns.
    *spawn* starts the tasks that ask the processes; none is left when this returns.

    Raises:
        NoAnswer: none did.
        CannotStart, NoRoom: there was no process to ask.
    """
    if not starts_many:
        return await _ask_the_only_one(start)
    last = asyncio.get_running_loop().time() + START_SECONDS + SILENCE_SECONDS
    detection = _Detection(start, spawn, last)
    found = await detection.find(is_shared=is_shared, report=report)
    if not is_shared or found.stateless is None:
        return found
    try:
        return await detection.add_sessions(found.stateless, found)
    except (CannotStart, NoRoom):
        await found.stateless.end(FAREWELL_SECONDS)
        raise


@dataclass(frozen=True)
class _Detection:
    """Asks processes of one server for their era, until *last*."""

    start: StartServer
    spawn: Spawn
    last: float

    async def find(self, *, is_shared: bool, report: ReportGuess) -> Found:
        """Return the process that answers first, and end any other."""
        first = await self._candidate()
        candidates = [first]
        guess = Guess(first.peer, report)
        try:
            await self._ask_for_both(first, guess, is_shared=is_shared)
            if first.found is None and asyncio.get_running_loop().time() < self.last:
                if not first.waiting or is_shared or guess.text:
                    await first.end()
                candidates.append(await self._candidate())
                candidates[-1].initialize()
                await until_found(candidates, START_SECONDS + SILENCE_SECONDS, guess)
        except (CannotStart, NoRoom):
            await asyncio.gather(*(each.end() for each in candidates))
            raise
        finally:
            for each in candidates:
                await each.stop()
        keep = next((each for each in candidates if each.found is not None), None)
        await asyncio.gather(*(each.end() for each in candidates if each is not keep))
        if keep is None or keep.found is None:
            raise NoAnswer(candidates[-1].own_end or first.own_end, guess.text)
        return keep.found

    async def _ask_for_both(self, first: Candidate, guess: Guess, *, is_shared: bool) -> None:
        """Ask one process for both eras, one after the other, until it has had its time."""
        first.discover()
        await until_found([first], SILENCE_SECONDS, guess)
        if first.found is not None or first.peer.end_state is not None:
            return
        # Nearly all servers of sessions take this after the request that they did not know.
        first.initialize()
        await until_found([first], PATIENCE_SECONDS, guess)
        if first.waiting and first.found is None and (is_shared or guess.text):
            await until_found([first], SHARED_PATIENCE_SECONDS - PATIENCE_SECONDS, guess)

    async def add_sessions(self, stateless: Peer, found: Found) -> Found:
        """Return *found* and a process for sessions, or one for both where two cannot run."""
        second = await self._answered(Candidate.initialize)
        if second.found is not None:
            found.stateful, found.initialize_result = second.peer, second.found.initialize_result
            return found
        found.refuses_sessions = second.peer.requests.has_answered
        has_ended = second.peer.end_state is not None
        await second.end()
        if found.refuses_sessions or not has_ended:
            return found
        log.info("a second process of this server ends at once: one serves both eras")
        await Candidate(stateless, self.last, self.spawn).end()
        return await self._find_the_only_one()

    async def _find_the_only_one(self) -> Found:
        """Return a process of one era, with sessions rather than without."""
        end: End | None = None
        for ask in (Candidate.initialize, Candidate.discover):
            only = await self._answered(ask)
            if only.found is not None:
                return only.found
            await only.end()
            end = only.own_end
        raise NoAnswer(end)

    async def _answered(self, ask: Callable[[Candidate], None]) -> Candidate:
        """Return a fresh process that has answered *ask*, or will not any more."""
        candidate = await self._candidate()
        ask(candidate)
        await asyncio.wait(candidate.waiting)
        return candidate

    async def _candidate(self) -> Candidate:
        return Candidate(await self.start(), self.last, self.spawn)


async def _ask_the_only_one(start: StartServer) -> Found:
    """Every client can fall back to ``initialize``, so that is the first request."""
    peer = await start()
    initialize_result = await initialize(peer)
    if initialize_result is not None:
        return Found(stateful=peer, initialize_result=initialize_result)
    if (discovery := await discover(peer)) is not None:
        return Found(stateless=peer, discovery=discovery)
    ended = peer.end_state
    await peer.end(FAREWELL_SECONDS)
    raise NoAnswer(ended)
