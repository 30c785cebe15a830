"""All sessions of legacy clients, and the way they begin and end."""

import asyncio
import logging
from collections.abc import Iterator

from mcpworkload.bridge.audience import Calls
from mcpworkload.bridge.channel import ChannelClosed, End
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.peer import Busy, Peer
from mcpworkload.bridge.places import Leaving, gives_way
from mcpworkload.bridge.servers import Servers
from mcpworkload.bridge.session import Session
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox

log = logging.getLogger(__name__)

#: A session's own server has so long to end after its client said goodbye.
FAREWELL_SECONDS = 5.0
LONGEST_SWEEP_SECONDS = 30.0
#: A new session waits so long for the place of one whose server is ending.
PLACE_SECONDS = 2 * FAREWELL_SECONDS


class TooManySessions(Exception):
    """As many sessions as there may be are open."""


class Registry:
    """The open sessions, by id. As an audience, it stands for all who share one server."""

    is_shared = True

    def __init__(self, options: Options) -> None:
        self.servers: Servers
        self._options = options
        self._sessions: dict[str, Session] = {}
        self._leaving = Leaving()

    def __iter__(self) -> Iterator[Session]:
        """All open sessions."""
        return iter(tuple(self._sessions.values()))

    def find(self, number: str) -> Session | None:
        """Return the open session of that id."""
        return self._sessions.get(number)

    def open(self) -> Session:
        """
        Return a new session, without a server so far.

        Raises:
            TooManySessions: names how many there are.
        """
        most = self._options.max_sessions
        if self._taken >= most and not self._leaving and not self._one_gives_way():
            raise TooManySessions(f"{most} sessions are open, which is the limit; try again later")
        session = Session()
        if self._taken >= most:
            session.after = self._leaving.claim()
        self._sessions[session.id] = session
        return session

    async def give_server(self, session: Session) -> Peer:
        """
        Return the session's own server, started at the first call, once there is room for it.

        Raises:
            CannotStart: the system has none.
            ChannelClosed: the session ended meanwhile.
            Busy: the server before it has not ended, or the system has no room at the moment.
        """
        if session.after is not None and not session.after.done():
            await asyncio.wait({session.after}, timeout=PLACE_SECONDS)
            if not session.after.done():
                raise Busy("the server that ends for this one has not ended yet; try again later")
        if self.find(session.id) is not session:
            raise ChannelClosed("the session has ended")
        if session.peer is None:
            session.peer = peer = await self.servers.own(session, session.name)
            peer.over.add_done_callback(lambda over: self._server_ended(session, over))
        return session.peer

    def end(self, session: Session, why: str) -> None:
        """End a session: its id is unknown from now on, its server and streams end."""
        if self._sessions.pop(session.id, None) is None:
            return
        log.info("%s ended: %s", session.name, why)
        session.was_ended = session.peer is None or session.peer.end_state is None
        if session.peer is not None and not self.servers.is_shared:
            if session.peer.is_mute:
                self.servers.doubt("the server of a session has not answered initialize in time")
            self.servers.spawn(session.peer.end(FAREWELL_SECONDS))
            self._leaving.add(self.servers.gone(session.peer))
        elif session.peer is not None:
            for call in tuple(session.calls):
                text = f"the session ended: {why}"
                call.mail.put(call.error(jsonrpc.CONNECTION_CLOSED, text), is_answer=True)
                session.peer.cancel(call, text)
        elif session.after is not None:
            self._leaving.add(session.after)
        session.finish()

    async def sweep(self) -> None:
        """End sessions that nobody uses, for ever."""
        limit = self._options.idle_timeout
        while True:
            await asyncio.sleep(min(limit / 4, LONGEST_SWEEP_SECONDS))
            for session in self:
                if session.is_idle_for(limit):
                    self.end(session, f"not used for {limit:g} seconds")

    def told(
        self, calls: Calls, given_up: GivenUp, method: str, message: Message
    ) -> Mailbox | None:
        """Hand a shared server's notification to whom it concerns, as far as that can be told."""
        if method.endswith("/list_changed"):
            hearers = tuple(self)
        elif method == "notifications/resources/updated":
            uri = jsonrpc.text(jsonrpc.members(message.get("params")).get("uri"))
            hearers = tuple(s for s in self if uri in s.subscriptions)
        else:
            sessions = tuple(self)
            # Whose request is translated has no session, and is somebody else.
            is_clear = (
                len(sessions) == 1
                and not given_up.may_be_anothers(sessions[0].calls)
                and all(call.among is sessions[0].calls for call in calls.values())
            )
            hearers = sessions if is_clear else ()
        frame = jsonrpc.encode(message)
        for session in hearers:
            session.overheard(frame)
        return None

    def asked(self, _method: str, _message: Message) -> Mailbox | str:
        """Refuse: the server said nothing about whom it asks, and was told that nobody answers."""
        return (
            "this server is shared by its clients, and which of them is asked cannot be told;"
            " with sessions: PerSession each client has a server of its own"
        )

    @property
    def _taken(self) -> int:
        return len(self._sessions) + len(self._leaving)

    def _one_gives_way(self) -> bool:
        session = gives_way(tuple(self), self._options.idle_timeout)
        if session is None:
            return False
        self.end(session, "it was opened and never used, and there is another client")
        return True

    def _server_ended(self, session: Session, over: "asyncio.Task[End]") -> None:
        if over.cancelled() or session.was_ended or session.peer is None:
            return
        self.servers.session_server_ended(session.peer, over.result())
        self.end(session, str(over.result()))
