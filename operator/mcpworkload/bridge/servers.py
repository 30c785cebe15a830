"""The server processes that all clients share, and those of single sessions."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from mcpworkload.bridge.background import Background
from mcpworkload.bridge.candidate import FAREWELL_SECONDS, Found
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.channel import CannotStart, End, NoRoom, Source
from mcpworkload.bridge.effects import ServerKey
from mcpworkload.bridge.era import NoAnswer, detect_era
from mcpworkload.bridge.first_requests import initialize
from mcpworkload.bridge.introduction import bounded
from mcpworkload.bridge.known import Known
from mcpworkload.bridge.lists import NoLists, read_lists
from mcpworkload.bridge.message_router import EraRouter, ListWatch, MessageRouter, NoClients
from mcpworkload.bridge.options import SHARED, Options
from mcpworkload.bridge.param_headers import ParamHeaders
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.translation import TranslatedClients
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.versions import STATELESS_VERSION

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Pauses between the tries of a server that ends before it ever answers.
RETRY_PAUSES = (0.5, 1.0)
#: Pauses before the bridge tries again whether servers answer. After the last one it ends, unless
#: a server of an open session has answered.
LOOK_PAUSES = (0.25, 0.5, 1.0)
LAST_LOOK_PAUSE = 2.0
#: The first server has so long to list its tools. It is not ready before.
FIRST_LISTS_SECONDS = 2.0
#: The log names so many of the processes that a server left.
MAX_NAMED = 8


class NotServed(Exception):
    """There is no server of the era that a client speaks."""


class Servers:
    """
    Starts servers, keeps the shared ones and reports by `over` that the bridge has to end.

    *stateless* and *stateful* are the routers of the shared server of each era; where sessions have
    servers of their own, the shared one of their era gets translated requests alone.
    """

    def __init__(
        self,
        options: Options,
        source: Source,
        stateless: MessageRouter,
        stateful: MessageRouter,
        background: Background,
        changes: Changes,
        *,
        not_ready_reason: str = "the server has not answered yet",
    ) -> None:
        self.is_shared = options.sessions == SHARED or not source.starts_many
        self.stateless: Peer | None = None
        #: Since there are no sessions; of a server that has them, the one that is translated.
        self.versions: tuple[str, ...] = (STATELESS_VERSION,)
        self.stateful: Peer | None = None
        self.initialize_result: Message = {}
        self._refuses_sessions = False
        #: What `GET /server` is answered from.
        self.known = Known()
        #: Whether a server has ever answered.
        self.has_started = False
        #: Why a new client would not be served; None when it would be.
        self._reason: str | None = not_ready_reason
        #: How the server ended that all clients needed, and why the bridge ends with it.
        self.over: asyncio.Future[tuple[End, str]] = asyncio.get_running_loop().create_future()
        self._source = source
        self._routers = (stateless, stateful if self.is_shared else TranslatedClients())
        #: Which headers the tools of the server that is used without sessions name.
        self.param_headers = ParamHeaders()
        self._own: set[Peer] = set()
        self._was_ended: set[Peer] = set()
        self._serial = itertools.count(1)
        #: The servers of which a process runs; the task is done when none does any more.
        self._all: dict[ServerKey, tuple[Peer, asyncio.Task[None]]] = {}
        self._background, self._changes = background, changes
        self._is_ending = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._initialize_lock = asyncio.Lock()

    async def start(self) -> None:
        """Return when a server has answered, or none will and `over` is done."""
        pauses = iter(RETRY_PAUSES)
        while True:
            try:
                await self._adopt(await self._detect_era())
            except NoRoom as error:
                pause = LAST_LOOK_PAUSE
                self._wait_for(str(error), pause)
            except CannotStart as error:
                self.fail(error.end, str(error))
                return
            except NoAnswer as error:
                # To be silent took its time already; the kubelet can start the bridge again.
                pause = next(pauses, 0.0) if error.has_ended else 0.0
                if not pause:
                    self.fail(error.end, str(error))
                    return
                self._wait_for(str(error), pause)
            else:
                return
            await asyncio.sleep(pause)

    def _wait_for(self, reason: str, pause: float) -> None:
        self._reason = reason
        log.warning("%s; trying again in %g s", reason, pause)

    async def own(self, router: MessageRouter, name: str) -> Peer:
        """
        Return a fresh server for one session.

        Raises:
            CannotStart: the system has none.
            Busy: it has none at the moment.
        """
        try:
            peer = await self._launch(name, ListWatch(router, self.known.tools_changed))
        except NoRoom as error:
            raise Busy(str(error)) from error
        except CannotStart as error:
            self.mark_suspect(str(error))
            raise
        self._own.add(peer)
        peer.over.add_done_callback(lambda over: self._own_ended(peer, over))
        return peer

    async def spare(self) -> Peer:
        """
        Return a fresh server that the bridge alone uses, until `dismiss`.

        Raises:
            CannotStart, NoRoom: the system has none.
        """
        return await self._launch("a server without clients", NoClients())

    def dismiss(self, peer: Peer) -> None:
        """End *peer*, unless all servers are ending."""
        # At the end of all there is no time for a farewell.
        if not self._is_ending:
            self.spawn(peer.end(FAREWELL_SECONDS))

    def find(self, key: ServerKey) -> Peer | None:
        """Return the server of that key; None where nothing of it runs any more."""
        for shared in (self.stateful, self.stateless):
            if shared is not None and shared.key == key:
                return shared
        found = self._all.get(key)
        return None if found is None else found[0]

    def end_own(self, key: ServerKey) -> None:
        """End the server of a session that ended."""
        peer = self.find(key)
        if peer is None:
            return
        if peer.end_state is None:
            self._was_ended.add(peer)
        if peer.requests.is_mute:
            self.mark_suspect("the server of a session has not answered initialize in time")
        self.dismiss(peer)

    async def shared_stateful(self) -> tuple[Peer, Message]:
        """
        Return the server that all share, in sessions or without, and its answer to ``initialize``.

        Raises:
            NotServed: it has no sessions, or does not answer.
            CannotStart: the system has none.
            Busy: it has none at the moment.
        """
        async with self._initialize_lock:
            if self.stateful is None:
                if self._refuses_sessions or not self._source.starts_many:
                    raise NotServed("this server has no sessions, as of protocol 2026-07-28")
                try:
                    peer = await self._launch("server", self._routers[1])
                except NoRoom as error:
                    raise Busy(str(error)) from error
                initialize_result = await initialize(peer)
                if initialize_result is None:
                    self.spawn(peer.end(FAREWELL_SECONDS))
                    if peer.end_state is None:
                        raise NotServed("the server does not answer initialize")
                    self.session_server_ended(peer, peer.end_state)
                    raise NotServed(f"{peer.end_state} before it answered")
                self._keep_stateful(peer, initialize_result)
            return self._stateful_pair()

    def gone(self, key: ServerKey) -> "asyncio.Future[None]":
        """Return what is done when nothing of that server runs any more."""
        if (found := self._all.get(key)) is not None:
            return found[1]
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        over.set_result(None)
        return over

    def session_server_ended(self, peer: Peer, end: End) -> None:
        """Note that the server of one session ended by itself."""
        if not peer.requests.has_answered:
            self.mark_suspect(f"{end} before it answered")

    def mark_suspect(self, reason: str) -> None:
        """
        Note that a server came to nothing, for that *reason*, before it ever answered.

        Where no other one answers, new sessions have no chance: the bridge is not ready until one
        does again, and gives up after some tries.
        """
        if self.stateless is not None or self._is_ending or self._reason:
            return
        self._reason = reason
        self.spawn(self._look_again())

    def fail(self, end: End, reason: str) -> None:
        """Let everything end as *end* did."""
        self._reason = reason
        if not self.over.done():
            self.over.set_result((end, reason))

    async def end_all(self, within: float) -> None:
        """End every server, all at once."""
        self._is_ending = True
        self._reason = "the bridge is ending"
        for task in self._tasks:
            task.cancel()
        if left := list(self._all.values()):
            await asyncio.gather(*(peer.end(within) for peer, _ in left))
            await asyncio.wait({seeing_off for _, seeing_off in left}, timeout=within)

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Do *work* beside everything else, until the end."""
        task = self._background.start(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def not_ready_reason(self) -> str | None:
        """Why a client would not be served, and what delays a server that never answered."""
        delay = self._source.not_ready_reason
        if self._reason is None or self.has_started or not delay:
            return self._reason
        return f"{self._reason}; {delay}"

    def set_not_ready(self, reason: str) -> None:
        """Report *reason* as why there is no server for new clients."""
        self._reason = reason

    @property
    def peers(self) -> list[Peer]:
        """Return every server of which something runs."""
        return [peer for peer, _ in self._all.values()]

    async def _launch(self, name: str, router: MessageRouter | None = None) -> Peer:
        """Start a server; without a *router* it is one whose era is not known yet."""
        is_shared = router is None or router.is_shared
        key = ServerKey(name, next(self._serial), is_shared=is_shared)
        route = router or EraRouter(lambda: self._router_of(key))
        peer = Peer(await self._source.start(), route, key, self._background.start, self._changes)
        self._all[key] = peer, self._background.start(self._see_off(peer))
        return peer

    async def _see_off(self, peer: Peer) -> None:
        await peer.over
        left = await peer.gone()
        if left:
            more = f" and {len(left) - MAX_NAMED} more" if len(left) > MAX_NAMED else ""
            named = ", ".join(left[:MAX_NAMED])
            log.warning("%s: its server left %s%s; ended", peer.name, named, more)
        del self._all[peer.key]

    async def _detect_era(self) -> Found:
        def start() -> Coroutine[Any, Any, Peer]:
            return self._launch("server")

        return await detect_era(
            start,
            self._background.start,
            starts_many=self._source.starts_many,
            is_shared=self.is_shared,
            report=self._guess,
        )

    def _guess(self, text: str) -> None:
        self._reason = f"the server has not answered yet; {text}"
        log.warning("%s", self._reason)

    async def _adopt(self, found: Found) -> None:
        if found.stateless is not None and found.discovery is not None:
            self.stateless, self.versions = found.stateless, found.discovery.versions
            self.known.discover = found.discovery.result
            self._refuses_sessions = found.refuses_sessions
            found.stateless.over.add_done_callback(self._shared_ended)
        if found.stateful is not None and self.is_shared:
            self._keep_stateful(found.stateful, found.initialize_result)
        elif found.stateful is not None:
            await self._get_to_know(found.stateful, found.initialize_result)
            # Where there can be only one at a time, the first session's comes after it.
            await found.stateful.end(FAREWELL_SECONDS)
            await found.stateful.gone()
        self._reason, self.has_started = None, True
        eras = [e for e, p in (("2026-07-28", found.stateless), ("legacy", found.stateful)) if p]
        log.info("server answers; eras seen: %s", ", ".join(eras))

    async def _get_to_know(self, peer: Peer, initialize_result: Message) -> None:
        """Keep what *peer* says of itself, before it ends; one more need not start for that."""
        self.known.initialize = bounded(jsonrpc.raw(initialize_result))
        changes = self.known.changes
        with contextlib.suppress(NoLists):
            lists = await read_lists(peer, self.known.initialize, within=FIRST_LISTS_SECONDS)
            self.known.keep(lists, changes)

    def _keep_stateful(self, peer: Peer, initialize_result: Message) -> None:
        self.stateful, self.initialize_result = peer, initialize_result
        self.known.initialize = bounded(jsonrpc.raw(initialize_result))
        peer.over.add_done_callback(self._shared_ended)

    def _stateful_pair(self) -> tuple[Peer, Message]:
        assert self.stateful is not None  # noqa: S101 - its callers looked
        return self.stateful, self.initialize_result

    def _router_of(self, key: ServerKey) -> MessageRouter:
        for shared, router in zip((self.stateless, self.stateful), self._routers, strict=True):
            if shared is not None and shared.key == key:
                return router
        return NoClients()

    def _own_ended(self, peer: Peer, over: "asyncio.Task[End]") -> None:
        self._own.discard(peer)
        if peer in self._was_ended:
            self._was_ended.discard(peer)
        elif not over.cancelled():
            self.session_server_ended(peer, over.result())

    def _shared_ended(self, task: "asyncio.Task[End]") -> None:
        if not task.cancelled() and not self._is_ending:
            end = task.result()
            self.fail(end, str(end))

    async def _look_again(self) -> None:
        for pause in itertools.chain(LOOK_PAUSES, itertools.repeat(LAST_LOOK_PAUSE)):
            await asyncio.sleep(pause)
            try:
                found = await self._detect_era()
            except NoRoom as error:
                self._reason = str(error)
            except (NoAnswer, CannotStart) as error:
                self._reason = str(error)
                if pause == LAST_LOOK_PAUSE and not any(p.requests.has_answered for p in self._own):
                    self.fail(error.end, f"{error}, as others before it")
                    return
            else:
                await self._adopt(found)
                return
