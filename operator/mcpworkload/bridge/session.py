"""A legacy client between its ``initialize`` and its end."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterator

from mcpworkload.bridge.audience import Calls
from mcpworkload.bridge.calls import Call
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.peer import Peer
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox

log = logging.getLogger(__name__)

MAX_STREAMS = 8
#: So much is kept for a client that has not opened a stream for it yet.
BACKLOG_BYTES = 256 * 1024


class Session:
    """
    One client: its id, the requests that it waits for, the streams that it listens on.

    It is the audience of a server that it has for itself. With a shared server, its messages
    come from whoever tells the clients apart.
    """

    is_shared = False

    def __init__(self) -> None:
        #: 32 random bytes: whoever knows it is the client.
        self.id = secrets.token_urlsafe(32)
        self.peer: Peer | None = None
        #: In the order in which they came.
        self.calls: dict[Call, None] = {}
        #: Resources it subscribed to, where it shares its server.
        self.subscriptions: set[str] = set()
        #: Where all answers go, with the transport that has one stream for them.
        self.answers: Mailbox | None = None
        #: Whether it was ended while its server was there.
        self.was_ended = False
        self._streams: list[Mailbox] = []
        self._backlog = Mailbox(is_stream=True)
        self._holds = 0
        self.opened = self._idle_since = asyncio.get_running_loop().time()
        #: Whether its client has asked for anything but to open it and for a ping, or was asked so.
        self.has_asked = False
        #: Done when there is room for its server.
        self.after: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        """What may be shown of the id."""
        return f"session {self.id[:8]}"

    def is_idle_for(self, seconds: float) -> bool:
        """Whether nobody has used it for that long; an open stream is use."""
        now = asyncio.get_running_loop().time()
        return not self._holds and now - self._idle_since >= seconds

    def is_unused_for(self, seconds: float) -> bool:
        """Whether it was opened that long ago and asked for nothing since; streams aside."""
        is_old = asyncio.get_running_loop().time() - self.opened >= seconds
        return is_old and not self.has_asked and not self.calls

    @property
    def is_held(self) -> bool:
        """Whether somebody uses it at this moment, if only to listen."""
        return self._holds > 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep it from being taken for idle."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._idle_since = asyncio.get_running_loop().time()

    def open_stream(self) -> Mailbox:
        """Return a mailbox for what the server says by itself, with what has waited for one."""
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

    def finish(self) -> None:
        """End every stream after what is in it."""
        for stream in self._streams:
            stream.finish()
        self._streams.clear()

    def call_of(self, number: str | int) -> Call | None:
        """Return the unanswered request that this client knows as *number*."""
        for call in self.calls:
            if jsonrpc.identifier(call.client_id) == number:
                return call
        return None

    def told(
        self, _calls: Calls, _given_up: GivenUp, _method: str, _message: Message
    ) -> Mailbox | None:
        """
        Return where a message goes that names no request.

        On pipes nothing says what it belongs to. With one request under way it can hardly be
        another's; with several, or none, it goes to the client's own stream.
        """
        return self._place()

    def _place(self) -> Mailbox | None:
        waiting = [call.mail for call in self.calls if not call.mail.is_closed]
        if len(waiting) == 1:
            return waiting[0]
        open_streams = [stream for stream in self._streams if not stream.is_closed]
        if open_streams:
            return open_streams[-1]
        if waiting:
            return waiting[-1]
        return self._backlog if self._backlog.size < BACKLOG_BYTES else None

    def asked(self, _method: str, _message: Message) -> Mailbox | str:
        """Return where a request of the server's goes; refused when too much waits there."""
        return self._place() or "the client does not listen"

    def overheard(self, frame: bytes) -> None:
        """Take a message that a shared server meant for this client too."""
        stream = self._streams[-1] if self._streams else self._backlog
        if stream.size < BACKLOG_BYTES:
            stream.put(frame)
