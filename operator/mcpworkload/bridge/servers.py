"""The server processes that everybody shares, and how sessions get their own."""

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from typing import Any

from mcpworkload.bridge.audience import Audience, Nobody
from mcpworkload.bridge.channel import CannotStart, End, NoRoom, Source
from mcpworkload.bridge.options import SHARED, Options
from mcpworkload.bridge.peer import Busy, Peer
from mcpworkload.bridge.probe import FAREWELL_SECONDS, Found, NoAnswer, greet, probe
from mcpworkload.bridge.translation import Strangers
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.versions import MODERN_VERSION

log = logging.getLogger(__name__)

#: Pauses between the tries of a server that ends before it ever answers.
RETRY_PAUSES = (0.5, 1.0)
#: Pauses before we look whether servers answer again; after the last one there is no hope, but
#: those whose session goes on are not disturbed.
LOOK_PAUSES = (0.25, 0.5, 1.0)
LAST_LOOK_PAUSE = 2.0
#: So many are named of the processes that a server left.
MAX_NAMED = 8


class NotServed(Exception):
    """There is no server of the era that a client speaks."""


class Servers:
    """
    Starts servers, keeps the shared ones and tells when there is no use in going on.

    *modern* and *legacy* are the audiences of the shared server of each era; where sessions have
    servers of their own, the shared one of their era gets translated requests alone.
    """

    def __init__(
        self, options: Options, source: Source, modern: Audience, legacy: Audience
    ) -> None:
        self.is_shared = options.sessions == SHARED or not source.starts_many
        self.modern: Peer | None = None
        #: Since there are no sessions; of a server that has them, the one that is translated.
        self.versions: tuple[str, ...] = (MODERN_VERSION,)
        self.legacy: Peer | None = None
        self.greeting: Message = {}
        self._refuses_sessions = False
        #: Whether a server has ever answered.
        self.has_started = False
        #: Why a client would find nobody; None when it would find somebody.
        self.trouble: str | None = "the server has not answered yet"
        #: How what everybody needed ended.
        self.over: asyncio.Future[tuple[End, str]] = asyncio.get_running_loop().create_future()
        self._source = source
        self._audiences = (modern, legacy if self.is_shared else Strangers())
        self._own: set[Peer] = set()
        #: Done when nothing of that server runs any more.
        self._all: dict[Peer, asyncio.Task[None]] = {}
        self._is_ending = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._greeting_lock = asyncio.Lock()

    async def start(self) -> None:
        """Return when a server has answered, or none will: then `over` is done."""
        pauses = iter(RETRY_PAUSES)
        while True:
            try:
                await self._adopt(await self._probe())
            except NoRoom as error:
                pause = LAST_LOOK_PAUSE
                self._wait_for(str(error), pause)
            except CannotStart as error:
                self.give_up(error.end, str(error))
                return
            except NoAnswer as error:
                # To be silent took its time already; whoever started us can try again.
                pause = next(pauses, 0.0) if error.has_ended else 0.0
                if not pause:
                    self.give_up(error.end, str(error))
                    return
                self._wait_for(str(error), pause)
            else:
                return
            await asyncio.sleep(pause)

    def _wait_for(self, trouble: str, pause: float) -> None:
        self.trouble = trouble
        log.warning("%s; trying again in %g s", trouble, pause)

    async def own(self, audience: Audience, name: str) -> Peer:
        """
        Return a fresh server for one session.

        Raises:
            CannotStart: the system has none.
            Busy: it has none at the moment.
        """
        try:
            peer = await self._launch(audience, name)
        except NoRoom as error:
            raise Busy(str(error)) from error
        except CannotStart as error:
            self.doubt(str(error))
            raise
        self._own.add(peer)
        peer.over.add_done_callback(lambda _: self._own.discard(peer))
        return peer

    async def shared_legacy(self) -> tuple[Peer, Message]:
        """
        Return the server that all share, in sessions or without, and its answer to ``initialize``.

        Raises:
            NotServed: it has no sessions, or does not answer.
            CannotStart: the system has none.
            Busy: it has none at the moment.
        """
        async with self._greeting_lock:
            if self.legacy is None:
                if self._refuses_sessions or not self._source.starts_many:
                    raise NotServed("this server has no sessions, as of protocol 2026-07-28")
                try:
                    peer = await self._launch(self._audiences[1], "server")
                except NoRoom as error:
                    raise Busy(str(error)) from error
                greeting = await greet(peer)
                if greeting is None:
                    self.spawn(peer.end(FAREWELL_SECONDS))
                    if peer.end_state is None:
                        raise NotServed("the server does not answer initialize")
                    self.session_server_ended(peer, peer.end_state)
                    raise NotServed(f"{peer.end_state} before it answered")
                self._keep_legacy(peer, greeting)
            return self._legacy_pair()

    def gone(self, peer: Peer) -> "asyncio.Future[None]":
        """Return what is done when nothing of *peer* runs any more."""
        if (seeing_off := self._all.get(peer)) is not None:
            return seeing_off
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        over.set_result(None)
        return over

    def session_server_ended(self, peer: Peer, end: End) -> None:
        """Note that a server ended by itself that not everybody needed."""
        if not peer.has_answered:
            self.doubt(f"{end} before it answered")

    def doubt(self, trouble: str) -> None:
        """
        Note that a server came to nothing, for the reason *trouble*, before it ever answered.

        Where no other one answers, new sessions have no chance: we are not ready until one
        does again, and give up after some tries.
        """
        if self.modern is not None or self._is_ending or self.trouble:
            return
        self.trouble = trouble
        self.spawn(self._look_again())

    def give_up(self, end: End, reason: str) -> None:
        """Let everything end as *end* did."""
        self.trouble = reason
        if not self.over.done():
            self.over.set_result((end, reason))

    async def end_all(self, within: float) -> None:
        """End every server, all at once."""
        self._is_ending = True
        self.trouble = "the bridge is ending"
        for task in self._tasks:
            task.cancel()
        if left := dict(self._all):
            await asyncio.gather(*(peer.end(within) for peer in left))
            await asyncio.wait(left.values(), timeout=within)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Do *work* beside everything else, until the end."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a fault in the bridge", exc_info=error)

    @property
    def complaint(self) -> str | None:
        """`trouble`, and what stands between us and a server that has not answered yet."""
        if self.trouble is None or self.has_started or not self._source.trouble:
            return self.trouble
        return f"{self.trouble}; {self._source.trouble}"

    @property
    def peers(self) -> list[Peer]:
        """Return every server of which something runs."""
        return list(self._all)

    async def _launch(self, audience: Audience, name: str) -> Peer:
        peer = Peer(await self._source.start(), audience, name)
        self._all[peer] = asyncio.create_task(self._see_off(peer))
        return peer

    async def _see_off(self, peer: Peer) -> None:
        await peer.over
        left = await peer.gone()
        if left:
            more = f" and {len(left) - MAX_NAMED} more" if len(left) > MAX_NAMED else ""
            named = ", ".join(left[:MAX_NAMED])
            log.warning("%s: its server left %s%s; ended", peer.name, named, more)
        del self._all[peer]

    async def _probe(self) -> Found:
        def start() -> Coroutine[Any, Any, Peer]:
            return self._launch(Nobody(), "server")

        return await probe(
            start, starts_many=self._source.starts_many, is_shared=self.is_shared, tell=self._guess
        )

    def _guess(self, words: str) -> None:
        self.trouble = f"the server has not answered yet; {words}"
        log.warning("%s", self.trouble)

    async def _adopt(self, found: Found) -> None:
        if found.modern is not None:
            self.modern, self.versions = found.modern, found.versions
            self._refuses_sessions = found.refuses_sessions
            self._share(found.modern, self._audiences[0])
        if found.legacy is not None and self.is_shared:
            self._keep_legacy(found.legacy, found.greeting)
        elif found.legacy is not None:
            # Where there can be only one at a time, the first session's comes after it.
            await found.legacy.end(FAREWELL_SECONDS)
            await found.legacy.gone()
        self.trouble, self.has_started = None, True
        eras = [e for e, p in (("2026-07-28", found.modern), ("legacy", found.legacy)) if p]
        log.info("server answers; eras seen: %s", ", ".join(eras))

    def _keep_legacy(self, peer: Peer, greeting: Message) -> None:
        self.legacy, self.greeting = peer, greeting
        self._share(peer, self._audiences[1])

    def _legacy_pair(self) -> tuple[Peer, Message]:
        assert self.legacy is not None  # noqa: S101 - its callers looked
        return self.legacy, self.greeting

    def _share(self, peer: Peer, audience: Audience) -> None:
        peer.audience = audience
        peer.over.add_done_callback(self._shared_ended)

    def _shared_ended(self, task: "asyncio.Task[End]") -> None:
        if not task.cancelled() and not self._is_ending:
            end = task.result()
            self.give_up(end, str(end))

    async def _look_again(self) -> None:
        for pause in itertools.chain(LOOK_PAUSES, itertools.repeat(LAST_LOOK_PAUSE)):
            await asyncio.sleep(pause)
            try:
                found = await self._probe()
            except NoRoom as error:
                self.trouble = str(error)
            except (NoAnswer, CannotStart) as error:
                self.trouble = str(error)
                if pause == LAST_LOOK_PAUSE and not any(p.has_answered for p in self._own):
                    self.give_up(error.end, f"{error}, as others before it")
                    return
            else:
                await self._adopt(found)
                return
