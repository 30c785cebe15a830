"""
The open sessions, and every decision about them: opening, owners, routing, expiry, ending.

There is neither I/O nor a clock here: the caller passes the time and carries out the effects.
"""

from collections.abc import Iterator

from mcpworkload.bridge.effects import (
    CancelRequest,
    Deliver,
    EndServer,
    ReportEnd,
    ServerKey,
    SessionEffect,
)
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import ClientRequests
from mcpworkload.bridge.session import Session
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox

#: A session that was only opened gives way to another one after so long, or half of the time
#: after which it would end anyway.
OPENED_SECONDS = 60.0


class TooManySessions(Exception):
    """As many sessions as there may be are open."""


class SessionTable:
    """
    The open sessions, by id.

    A session keeps its place until the last process of its own server has ended. So sessions take
    places, and servers that are still ending. As a router, the table serves the clients that share
    one server.
    """

    is_shared = True

    def __init__(self, max_sessions: int, idle_timeout: float) -> None:
        self._max_sessions, self._idle_timeout = max_sessions, idle_timeout
        self._sessions: dict[str, Session] = {}
        #: Servers that end, or run for a moment, whose places no session waits for, the oldest
        #: first.
        self._ending: dict[ServerKey, None] = {}
        #: Own servers that are gone while their sessions are still open.
        self._gone: set[ServerKey] = set()

    def __iter__(self) -> Iterator[Session]:
        """All open sessions."""
        return iter(tuple(self._sessions.values()))

    def __contains__(self, session: Session) -> bool:
        """Whether *session* is open."""
        return self._sessions.get(session.id) is session

    def find(self, session_id: str) -> Session | None:
        """Return the open session of that id."""
        return self._sessions.get(session_id)

    def open(self, now: float) -> tuple[Session, list[SessionEffect]]:
        """
        Return a new session, without a server so far, and the end of the one that gives way.

        Raises:
            TooManySessions: names how many there are.
        """
        effects: list[SessionEffect] = []
        if self._taken >= self._max_sessions and not self._ending:
            given = gives_way(tuple(self), self._idle_timeout, now)
            if given is None:
                text = f"{self._max_sessions} sessions are open, which is the limit"
                raise TooManySessions(f"{text}; try again later")
            effects = self.end(given, "it was opened and never used, and there is another client")
        session = Session(now)
        if self._taken >= self._max_sessions:
            session.waits_for = next(iter(self._ending))
            del self._ending[session.waits_for]
        self._sessions[session.id] = session
        return session, effects

    def give_server(self, session: Session, server: ServerKey) -> None:
        """Have *server* own *session* from now on."""
        session.server = server

    def end(self, session: Session, reason: str) -> list[SessionEffect]:
        """
        End *session*: forget it, its server where it has one for itself, its requests otherwise.

        Nothing where it has ended already.
        """
        if self._sessions.pop(session.id, None) is None:
            return []
        effects: list[SessionEffect] = [ReportEnd(session.name, reason)]
        if session.server is None:
            if session.waits_for is not None:
                self._ending[session.waits_for] = None
        elif session.server.is_shared:
            text = f"the session ended: {reason}"
            for pending in tuple(session.client_requests):
                error = pending.error(jsonrpc.CONNECTION_CLOSED, text)
                effects.append(Deliver(pending.mail, error, is_answer=True))
                effects.append(CancelRequest(session.server, pending, text))
        else:
            effects.append(EndServer(session.server))
            if session.server not in self._gone:
                self._ending[session.server] = None
            self._gone.discard(session.server)
        return effects + session.end_streams()

    def end_all(self, reason: str) -> list[SessionEffect]:
        """End every session."""
        return [effect for session in self for effect in self.end(session, reason)]

    def expire(self, now: float) -> list[SessionEffect]:
        """End the sessions that were not used for the idle time."""
        reason = f"not used for {self._idle_timeout:g} seconds"
        idle = [each for each in self if each.is_idle_for(self._idle_timeout, now)]
        return [effect for session in idle for effect in self.end(session, reason)]

    def server_ended(self, server: ServerKey, reason: str) -> list[SessionEffect]:
        """End the session that had *server* for itself, and was not ended before."""
        owned = [each for each in self if each.server == server]
        return [effect for session in owned for effect in self.end(session, reason)]

    def server_gone(self, server: ServerKey) -> None:
        """Free the place of *server*: none of its processes runs any more."""
        self._ending.pop(server, None)
        for session in self:
            if session.waits_for == server:
                session.waits_for = None
            if session.server == server:
                self._gone.add(server)

    @property
    def has_room(self) -> bool:
        """Whether a place is free."""
        return self._taken < self._max_sessions

    def lend_place(self, server: ServerKey) -> None:
        """Let *server* have a place until it is gone; a session that needs the place waits."""
        self._ending[server] = None

    def route_notification(
        self, client_requests: ClientRequests, given_up: GivenUp, method: str, message: Message
    ) -> tuple[Mailbox, ...]:
        """Return where each client that a shared server's notification concerns gets its copy."""
        concerned = self._concerned(client_requests, given_up, method, message)
        places = (session.place_for_copy() for session in concerned)
        return tuple(place for place in places if place is not None)

    def route_request(self, _method: str, _message: Message) -> Mailbox | str:
        """Refuse: the server names no client, and none offered to answer."""
        return (
            "this server is shared by its clients, and which of them is asked cannot be told;"
            " with sessions: PerSession each client has a server of its own"
        )

    def has_subscriber(self, uri: str) -> bool:
        """Whether a session subscribes to the resource *uri*."""
        return any(uri in session.subscriptions for session in self)

    @property
    def _taken(self) -> int:
        return len(self._sessions) + len(self._ending)

    def _concerned(
        self, client_requests: ClientRequests, given_up: GivenUp, method: str, message: Message
    ) -> tuple[Session, ...]:
        sessions = tuple(self)
        if method.endswith("/list_changed"):
            return sessions
        if method == "notifications/resources/updated":
            uri = jsonrpc.text(jsonrpc.members(message.get("params")).get("uri"))
            return tuple(session for session in sessions if uri in session.subscriptions)
        if len(sessions) != 1 or given_up.may_be_anothers(sessions[0].id):
            return ()
        # A translated request has no session: it is another client's.
        is_clear = all(
            each.is_own or each.owner_id == sessions[0].id for each in client_requests.values()
        )
        return sessions if is_clear else ()


def gives_way(sessions: tuple[Session, ...], idle_timeout: float, now: float) -> Session | None:
    """
    Return the session that can be missed first: only opened, a while ago, and never used.

    A session to which a client listens comes after all others.
    """
    seconds = min(OPENED_SECONDS, idle_timeout / 2)
    unused = [session for session in sessions if session.is_unused_for(seconds, now)]
    return min(unused, key=lambda s: (s.is_held, s.opened), default=None)
