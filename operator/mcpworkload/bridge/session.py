"""
A session: a client between its ``initialize`` and its end.

There is neither I/O nor a clock here. Times are seconds of whatever clock the caller has.
"""

import secrets

from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.bridge.effects import CancelRequest, EndStream, ServerKey, SessionEffect
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import ClientRequests
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox

MAX_STREAMS = 8
#: So many bytes of messages are kept for a client that has not opened a stream.
BACKLOG_BYTES = 256 * 1024


class Session:
    """
    One client: its id, its unanswered requests, the streams that it listens on, and its server.

    It is the router of a server that it has for itself. With a shared server, its messages come
    from the `SessionTable`.
    """

    is_shared = False

    def __init__(self, now: float) -> None:
        #: 32 random bytes: only the client knows it.
        self.id = secrets.token_urlsafe(32)
        #: The server that owns the session: its messages go there and come from there.
        self.server: ServerKey | None = None
        #: The server that has to be gone before this session's own can start.
        self.waits_for: ServerKey | None = None
        #: Its unanswered requests, in the order in which they came.
        self.client_requests: dict[ClientRequest, None] = {}
        #: Resources it subscribed to, where it shares its server.
        self.subscriptions: set[str] = set()
        #: Where all answers go, with the transport that has one stream for them.
        self.answers: Mailbox | None = None
        self.opened = self._idle_since = now
        #: Whether its client has sent or answered a request, ``initialize`` and pings aside.
        self.has_asked = False
        self._streams: list[Mailbox] = []
        self._backlog = Mailbox(is_stream=True)
        self._holds = 0

    @property
    def name(self) -> str:
        """Its name in the log, with the part of the id that may be shown."""
        return f"session {self.id[:8]}"

    def is_idle_for(self, seconds: float, now: float) -> bool:
        """Whether it was not used for that long; an open stream is use."""
        return not self._holds and now - self._idle_since >= seconds

    def is_unused_for(self, seconds: float, now: float) -> bool:
        """Whether it was opened that long ago and asked for nothing since; streams aside."""
        return now - self.opened >= seconds and not self.has_asked and not self.client_requests

    @property
    def is_held(self) -> bool:
        """Whether a request or a stream of its client is open."""
        return self._holds > 0

    def hold(self) -> None:
        """Keep it from expiring until as many calls of `release`."""
        self._holds += 1

    def release(self, now: float) -> None:
        """Let it be idle from *now* on, if nothing else holds it."""
        self._holds -= 1
        self._idle_since = now

    def add_request(self, pending: ClientRequest) -> None:
        """See `RequestOwner`."""
        self.client_requests[pending] = None

    def remove_request(self, pending: ClientRequest) -> None:
        """See `RequestOwner`."""
        self.client_requests.pop(pending, None)

    def cancel(self, request_id: str | int, reason: str) -> list[SessionEffect]:
        """
        End the client's request *request_id* without an answer, if it is unanswered.

        A client that cancelled has forgotten its request, and takes an answer for a protocol error.
        """
        pending = self._request_of(request_id)
        if pending is None or self.server is None:
            return []
        pending.error_code = jsonrpc.REQUEST_CANCELLED
        effects: list[SessionEffect] = [CancelRequest(self.server, pending, reason)]
        if pending.mail is not self.answers:
            effects.append(EndStream(pending.mail))
        return effects

    def open_stream(self) -> Mailbox:
        """Return a stream for messages that answer no request, with those that waited for one."""
        stream, self._backlog = self._backlog, Mailbox(is_stream=True)
        self._streams = [s for s in self._streams if not s.is_closed]
        if len(self._streams) >= MAX_STREAMS:
            self._streams.pop(0).finish()
        self._streams.append(stream)
        return stream

    def catch_up(self, mail: Mailbox) -> None:
        """Put what has waited for a stream before an answer, if no stream is open."""
        if not any(not stream.is_closed for stream in self._streams):
            self._backlog.hand_over(mail)

    def close_stream(self, stream: Mailbox) -> None:
        """Forget a stream whose client is gone."""
        stream.close()
        if stream in self._streams:
            self._streams.remove(stream)

    def end_streams(self) -> list[EndStream]:
        """End every stream."""
        streams, self._streams = self._streams, []
        return [EndStream(stream) for stream in streams]

    def route_notification(
        self, _requests: ClientRequests, _given_up: GivenUp, _method: str, _message: Message
    ) -> Mailbox | None:
        """
        Return where a message goes that names no request.

        On pipes nothing names its request. With one request under way it is that one's as a rule;
        with several, or none, it goes to the client's own stream.
        """
        return self._place()

    def route_request(self, _method: str, _message: Message) -> Mailbox | str:
        """Return where a request of the server's goes; refused when too much waits there."""
        return self._place() or "the client does not listen"

    def place_for_copy(self) -> Mailbox | None:
        """Return where the copy of a shared server's message goes; None when too much waits."""
        stream = self._streams[-1] if self._streams else self._backlog
        return stream if stream.size < BACKLOG_BYTES else None

    def _place(self) -> Mailbox | None:
        waiting = [pending.mail for pending in self.client_requests if not pending.mail.is_closed]
        if len(waiting) == 1:
            return waiting[0]
        open_streams = [stream for stream in self._streams if not stream.is_closed]
        if open_streams:
            return open_streams[-1]
        if waiting:
            return waiting[-1]
        return self._backlog if self._backlog.size < BACKLOG_BYTES else None

    def _request_of(self, request_id: str | int) -> ClientRequest | None:
        for pending in self.client_requests:
            if jsonrpc.identifier(pending.client_request_id) == request_id:
                return pending
        return None
