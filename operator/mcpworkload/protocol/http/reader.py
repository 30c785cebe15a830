"""Takes requests out of the bytes of a connection; each part of a request has its limit."""

from collections.abc import Callable
from typing import Any, Protocol

import httptools

from mcpworkload.protocol.http.limits import (
    BODIES_LIMIT_BYTES,
    BODY_LIMIT_BYTES,
    FRAMING_LIMIT_BYTES,
    HEAD_LIMIT_BYTES,
    HEAD_LIMIT_FIELDS,
    HEADS_LIMIT_BYTES,
    PIECE_BYTES,
    READ_BYTES,
    SMALL_BODY_BYTES,
    SMALL_HEAD_BYTES,
)
from mcpworkload.protocol.http.request import Headers, Request, Wire

VERSIONS = ("1.0", "1.1")


class Refused(Exception):
    """Raised inside the parser to stop it; the connection answers with *status* and ends."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
        #: Whether only the head of the answer is wanted.
        self.is_bodiless = False


class Held(Protocol):
    """The bytes of unanswered requests that all connections hold together."""

    head_bytes: int
    body_bytes: int


class Reader:
    """
    Parses the requests of one connection.

    Calls *on_head* with each request whose head is complete, which may raise `Refused`, and
    *on_request* with each that is complete, and with whether the connection stays after it.
    """

    def __init__(
        self,
        held: Held,
        wire: Wire,
        on_head: Callable[[Request], None],
        on_request: Callable[[Request, bool], None],
    ) -> None:
        self._held, self._wire = held, wire
        self._on_head, self._on_request = on_head, on_request
        self._parser: Any = httptools.HttpRequestParser(self)
        self._is_in_head = True
        self._target = b""
        self._headers: Headers = []
        self._body = bytearray()
        #: What is still to come of a body whose length was announced.
        self._left = 0
        #: Bytes of this request that are no body, before or after the end of its head; how many
        #: there were when some body came last; how many count in `Held`.
        self._outer = self._outer_at_body = self._counted = 0
        #: The request whose head is complete and whose body is not.
        self.coming: Request | None = None

    @property
    def is_idle(self) -> bool:
        """True if no byte of a further request has arrived."""
        return self._is_in_head and not self._outer

    @property
    def wanted(self) -> int:
        """The number of bytes that `feed` may get: few where they could begin another head."""
        if not self._is_in_head:
            return min(self._left, READ_BYTES) or PIECE_BYTES
        return max(min(PIECE_BYTES, HEAD_LIMIT_BYTES - self._outer), 1)

    def feed(self, data: bytes) -> None:
        """
        Take *data*, of which there may be `wanted` at most.

        Raises:
            Refused: the request is no HTTP, or more than a limit; nothing may be fed after it.
        """
        while data:
            self._outer += len(data)
            try:
                self._parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]
            except httptools.HttpParserError as error:
                cause = error.__context__
                if isinstance(cause, Refused):
                    raise cause from None
                raise Refused(400, "this is not HTTP/1.1") from None
        # Less than none where the head of this body was in the same piece.
        self._outer = max(self._outer, 0)
        self._outer_at_body = min(self._outer_at_body, self._outer)
        self._look()

    def drop(self) -> None:
        """Forget what has come of a request."""
        self._held.body_bytes -= len(self._body)
        self._held.head_bytes -= self._counted
        self._counted = 0
        self._body = bytearray()
        self.coming = None

    def _look(self) -> None:
        """Refuse a request of which too much has come that is no body."""
        stretch = self._outer - self._outer_at_body
        self._held.head_bytes += stretch - self._counted
        self._counted = stretch
        if self._is_in_head:
            if self._outer >= HEAD_LIMIT_BYTES:
                raise Refused(431, f"the head is larger than {HEAD_LIMIT_BYTES} bytes")
        elif stretch > FRAMING_LIMIT_BYTES or self._outer > FRAMING_LIMIT_BYTES + len(self._body):
            raise Refused(
                431, "chunk heads, extensions and trailers together are too large for this body"
            )
        if self._held.head_bytes > HEADS_LIMIT_BYTES and stretch > SMALL_HEAD_BYTES:
            raise Refused(503, "too many large heads at a time")

    def _without_upgrade(self) -> bytes:
        """
        Return the head once more, without the offer of another protocol, for a new parser.

        Some clients offer HTTP/2 with every request, bodies included, which the parser takes
        for something else by then. The answer will show them that the connection stays HTTP/1.1.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version()
        kept = [(name, value) for name, value in self._headers if name != b"upgrade"]
        lines = [method + b" " + self._target + b" HTTP/" + version.encode()]
        lines += [name + b": " + value for name, value in kept]
        self._parser = httptools.HttpRequestParser(self)
        self._outer = self._outer_at_body = 0
        return b"\r\n".join(lines) + b"\r\n\r\n"

    # What the parser calls, in the order in which a request comes.

    def on_message_begin(self) -> None:
        """Forget the head before this one."""
        self._target, self._headers = b"", []

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field of the head."""
        if not self._is_in_head:
            return  # a trailer
        self._headers.append((name.lower(), value))
        if len(self._headers) > HEAD_LIMIT_FIELDS:
            raise Refused(431, f"the head has more than {HEAD_LIMIT_FIELDS} fields")

    def on_headers_complete(self) -> None:
        """Decide by the head whether to read on."""
        version = self._parser.get_http_version()
        if version not in VERSIONS:
            raise Refused(505, f"this is HTTP/{version}; send HTTP/1.1")
        if self._parser.should_upgrade():
            if self._parser.get_method() == b"CONNECT":
                raise Refused(405, "this is no proxy")
            return
        self._is_in_head, self._outer, self._outer_at_body = False, 0, 0
        method = self._parser.get_method().decode("latin-1")
        request = Request(
            self._wire, method, self._target, self._headers, is_chunked=version == "1.1"
        )
        self.coming = request
        self._left = int(request.header(b"content-length") or 0)
        if self._left > BODY_LIMIT_BYTES:
            raise Refused(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")
        self._on_head(request)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._body += part
        self._held.body_bytes += len(part)
        self._outer -= len(part)
        self._outer_at_body = self._outer
        self._left = max(self._left - len(part), 0)
        if len(self._body) > BODY_LIMIT_BYTES:
            raise Refused(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")
        is_small = len(self._body) <= SMALL_BODY_BYTES
        if self._held.body_bytes > BODIES_LIMIT_BYTES and not is_small:
            raise Refused(503, "too many large requests at a time")

    def on_message_complete(self) -> None:
        """Pass the request on. Its body counts until it is answered: its server may be slow."""
        if self._parser.should_upgrade():
            return
        request, self.coming = self.coming, None
        assert request is not None  # noqa: S101 - its head came first
        request.body, self._body = bytes(self._body), bytearray()
        self._is_in_head, self._outer, self._outer_at_body = True, 0, 0
        self._on_request(request, self._parser.should_keep_alive())
