"""A request, and the ways to answer it."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import httptools

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
TEXT = (b"content-type", b"text/plain; charset=utf-8")
NO_STORE = (b"cache-control", b"no-store")
#: Beside each 503: when to ask again, in seconds.
RETRY_LATER = (b"retry-after", b"5")
EVENT_STREAM: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]

NO_CONTENT = 204

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: The second that was written last, and how.
_written: tuple[int, bytes] = (0, b"")


class Wire(Protocol):
    """The connection, as far as an answer needs it."""

    @property
    def is_last(self) -> bool:
        """True if the response that begins now is the last one on the connection."""

    def write(self, *parts: bytes) -> None:
        """Write all *parts*."""

    async def drained(self) -> None:
        """Wait until the client has read some of what was written."""

    def finished(self) -> None:
        """Go on to the next request."""

    def abort(self) -> None:
        """Close the connection, with no regard to what is not sent yet."""


class Request:
    """One request: its head, its body when it is complete, and whether its client is there."""

    __slots__ = (
        "_is_ended",
        "_is_started",
        "_wire",
        "body",
        "extra",
        "headers",
        "is_chunked",
        "is_lost",
        "method",
        "on_lost",
        "path",
        "query",
    )

    def __init__(
        self, wire: Wire, method: str, target: bytes, headers: Headers, *, is_chunked: bool = True
    ) -> None:
        self._wire = wire
        #: Whether the client understands chunks; otherwise a stream ends with the connection.
        self.is_chunked = is_chunked
        self._is_started = self._is_ended = False
        self.method = method
        url = httptools.parse_url(target)
        self.path = (url.path or b"/").decode("latin-1")
        self.query = (url.query or b"").decode("latin-1")
        self.headers = headers
        self.body = b""
        #: Added to the headers of the answer, whatever that is.
        self.extra: Headers = []
        self.is_lost = False
        #: Called once when the client goes before it has the whole answer.
        self.on_lost: Callable[[], None] | None = None

    def header(self, name: bytes) -> bytes | None:
        """Return the value of the header *name*, in lower case; the first one of several."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def take_body(self) -> bytes:
        """Return the body and forget it, for it may be large and the answer late."""
        body, self.body = self.body, b""
        return body

    def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """Send the whole response, if the client is there and has none yet."""
        if self.is_lost or self._is_started:
            return
        self._is_started = self._is_ended = True
        # An answer without content has no length either.
        length = [(b"content-length", b"%d" % len(body))] if status != NO_CONTENT else []
        first = head(status, [*headers, *self.extra, *length], is_last=self._wire.is_last)
        self._wire.write(first, b"" if self.method == "HEAD" else body)
        self._wire.finished()

    def stream(self, headers: Headers) -> None:
        """Start a response whose parts follow by `send`."""
        self._is_started = True
        if self.is_lost:
            return
        if self.is_chunked:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        self._wire.write(head(200, [*headers, *self.extra], is_last=self._wire.is_last))

    async def send(self, part: bytes) -> None:
        """Send a part of a streamed response; waits while the client does not read."""
        if self.is_lost:
            return
        if self.is_chunked:
            self._wire.write(b"%x\r\n" % len(part), part, b"\r\n")
        else:
            self._wire.write(part)
        await self._wire.drained()

    def end(self) -> None:
        """End a streamed response."""
        self._is_ended = True
        if not self.is_lost:
            if self.is_chunked:
                self._wire.write(b"0\r\n\r\n")
            self._wire.finished()

    def abort(self) -> None:
        """Break off an answer that has no end, so that the client does not take it for whole."""
        if not self.is_lost and not self._is_ended:
            self._wire.abort()


class App(Protocol):
    """The application behind the HTTP server."""

    def check(self, request: Request) -> tuple[int, str] | None:
        """Return status and reason where *request* is refused for its head alone."""

    def is_urgent(self, request: Request) -> bool:
        """Return whether *request* is answered at once, and so even where too many wait."""

    async def serve(self, request: Request) -> None:
        """Answer *request*; raises nothing."""


def head(status: int, headers: Headers, *, is_last: bool) -> bytes:
    """Return the head of a response, up to its body."""
    parts = [_STATUS_LINES[status], b"date: ", _now(), b"\r\n"]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"connection: close\r\n\r\n" if is_last else b"\r\n")
    return b"".join(parts)


def _now() -> bytes:
    """Return the time as HTTP writes it, whatever the locale."""
    global _written
    second = int(time.time())
    if second != _written[0]:
        t = time.gmtime(second)
        day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
        clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
        _written = second, f"{day}, {t.tm_mday:02} {month} {t.tm_year} {clock} GMT".encode()
    return _written[1]
