"""Carries out what the session table decides, with the servers that there are."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator

from mcpworkload.bridge.candidate import FAREWELL_SECONDS
from mcpworkload.bridge.channel import ChannelClosed, End
from mcpworkload.bridge.effects import (
    CancelRequest,
    EndServer,
    ReportEnd,
    ServerKey,
    SessionEffect,
    carry_out,
)
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.session_table import SessionTable
from mcpworkload.bridge.supervisor import Supervisor
from mcpworkload.protocol.jsonrpc import Message

log = logging.getLogger(__name__)

LONGEST_SWEEP_SECONDS = 30.0
#: A new session waits so long for the place of one whose server is ending.
PLACE_SECONDS = 2 * FAREWELL_SECONDS


class Sessions:
    """The edge of the session table: clock, servers and mailboxes."""

    def __init__(self, table: SessionTable, supervisor: Supervisor, idle_timeout: float) -> None:
        self.table = table
        self._supervisor = supervisor
        self._idle_timeout = idle_timeout

    def find(self, session_id: str) -> Session | None:
        """Return the open session of that id."""
        return self.table.find(session_id)

    def open(self) -> Session:
        """
        Return a new session, without a server so far.

        Raises:
            TooManySessions: names how many there are.
        """
        session, effects = self.table.open(_now())
        self._carry_out(effects)
        return session

    @contextlib.contextmanager
    def held(self, session: Session) -> Iterator[None]:
        """Keep *session* from expiring."""
        session.hold()
        try:
            yield
        finally:
            session.release(_now())

    async def give_server(self, session: Session) -> None:
        """
        Start the session's own server at the first call, once there is room for it.

        Raises:
            CannotStart: the system has none.
            ChannelClosed: the session ended meanwhile.
            Busy: the server before it has not ended, or the system has no room at the moment.
        """
        servers = self._supervisor.servers
        if session.waits_for is not None:
            gone = servers.gone(session.waits_for)
            await asyncio.wait({gone}, timeout=PLACE_SECONDS)
            if not gone.done():
                raise Busy("the server that ends for this one has not ended yet; try again later")
        if session not in self.table:
            raise ChannelClosed("the session has ended")
        if session.server is None:
            peer = await servers.own(session, session.name)
            key = peer.key
            self.table.give_server(session, key)
            peer.over.add_done_callback(lambda over: self._server_ended(key, over))
            servers.gone(key).add_done_callback(lambda _: self.table.server_gone(key))

    async def share_server(self, session: Session) -> Message:
        """
        Have the shared server own *session*; return its answer to ``initialize``.

        Raises:
            NotServed, CannotStart, Busy: as `Servers.shared_stateful`.
        """
        peer, initialize_result = await self._supervisor.servers.shared_stateful()
        self.table.give_server(session, peer.key)
        return initialize_result

    def cancel(self, session: Session, request_id: str | int, reason: str) -> None:
        """End a request of the session's without an answer."""
        self._carry_out(session.cancel(request_id, reason))

    def end(self, session: Session, reason: str) -> None:
        """End *session*, and the server that it has for itself."""
        self._carry_out(self.table.end(session, reason))

    def end_all(self, reason: str) -> None:
        """End every session."""
        self._carry_out(self.table.end_all(reason))

    async def sweep(self) -> None:
        """End sessions that no client uses, for ever."""
        while True:
            await asyncio.sleep(min(self._idle_timeout / 4, LONGEST_SWEEP_SECONDS))
            self._carry_out(self.table.expire(_now()))

    def _server_ended(self, server: ServerKey, over: "asyncio.Task[End]") -> None:
        if not over.cancelled():
            self._carry_out(self.table.server_ended(server, str(over.result())))

    def _carry_out(self, effects: Iterable[SessionEffect]) -> None:
        servers = self._supervisor.servers
        for effect in effects:
            match effect:
                case CancelRequest(server, request, reason):
                    if (peer := servers.find(server)) is not None:
                        peer.cancel(request, reason)
                case EndServer(server):
                    servers.end_own(server)
                case ReportEnd(name, reason):
                    log.info("%s ended: %s", name, reason)
                case _:
                    carry_out(effect)


def _now() -> float:
    return asyncio.get_running_loop().time()
