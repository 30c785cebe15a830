"""One client's connection: requests one after another, each answered before the next."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools

from mcpworkload.bridge.web.limits import (
    BODIES_LIMIT_BYTES,
    BODY_LIMIT_BYTES,
    BODY_SECONDS,
    BODY_TOTAL_SECONDS,
    DISCARD_SECONDS,
    HEAD_LIMIT_BYTES,
    HEAD_LIMIT_FIELDS,
    HEAD_SECONDS,
    IDLE_SECONDS,
    MAX_PIPELINED,
    WRITE_SECONDS,
)
from mcpworkload.bridge.web.request import NO_STORE, TEXT, Headers, Request, head

if TYPE_CHECKING:
    from mcpworkload.bridge.web.server import Server

#: Below this, what is written goes out in one piece.
JOINED_BYTES = 64 * 1024
NEVER = float("inf")


class _Refused(Exception):
    """Raised inside the parser to stop it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Connection(asyncio.Protocol):
    """What the event loop and the parser call; `deadline` is when to call `expire`."""

    transport: asyncio.Transport

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._is_in_head, self._head_bytes = True, 0
        self._target = b""
        self._headers: Headers = []
        self._body = bytearray()
        self._body_deadline = NEVER
        #: The sizes of bodies whose requests are not answered, in their order.
        self._held: deque[int] = deque()
        #: The request that is coming, those that wait, the one that is answered.
        self._coming: Request | None = None
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._is_discarding = False
        self._closes = False
        self.is_chunked = True
        self.deadline = self._loop.time() + HEAD_SECONDS

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the transport, or refuse it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self.transport = transport
        if not self._server.admit(self):
            self._refuse(503, "too many connections")

    def connection_lost(self, _error: Exception | None) -> None:
        """Let who answers know that nobody listens."""
        self._server.leave(self)
        self._drop_body()
        self._drop_bodies()
        self._can_write.set()
        self._waiting.clear()
        request, self._current = self._current, None
        if request is not None:
            request.is_lost = True
            if request.on_lost is not None:
                request.on_lost()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, within the limits."""
        if self._is_discarding:
            return
        if self._is_in_head:
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(431, f"the head is larger than {HEAD_LIMIT_BYTES} bytes")
                return
            if not self._head_bytes and self._current is None:
                self.deadline = self._loop.time() + HEAD_SECONDS
            self._head_bytes += len(data)
        elif self._current is None:
            self.deadline = min(self._loop.time() + BODY_SECONDS, self._body_deadline)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, _Refused):
                self._refuse(cause.status, cause.reason)
            else:
                self._refuse(400, "this is not HTTP/1.1")

    def pause_writing(self) -> None:
        """Let writers wait, for so long."""
        self._can_write.clear()
        self.deadline = self._loop.time() + WRITE_SECONDS

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._can_write.set()
        self.deadline = NEVER if self._current else self._loop.time() + IDLE_SECONDS

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
            raise _Refused(431, f"the head has more than {HEAD_LIMIT_FIELDS} fields")

    def on_headers_complete(self) -> None:
        """Decide by the head whether to read on."""
        if self._parser.should_upgrade():
            if self._parser.get_method() == b"CONNECT":
                raise _Refused(405, "this is no proxy")
            return
        self._is_in_head, self._head_bytes = False, 0
        self._body_deadline = self._loop.time() + BODY_TOTAL_SECONDS
        method = self._parser.get_method().decode("latin-1")
        self._coming = request = Request(self, method, self._target, self._headers)
        length = request.header(b"content-length")
        if length is not None and int(length) > BODY_LIMIT_BYTES:
            raise _Refused(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")
        if (refusal := self._server.app.check(request)) is not None:
            raise _Refused(*refusal)
        if self._current is None:
            self.deadline = self._loop.time() + BODY_SECONDS
            if request.header(b"expect") is not None:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._body += part
        self._server.body_bytes += len(part)
        if len(self._body) > BODY_LIMIT_BYTES:
            raise _Refused(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")
        if self._server.body_bytes > BODIES_LIMIT_BYTES:
            raise _Refused(503, "too many large requests at a time")

    def on_message_complete(self) -> None:
        """Start to answer, or let it wait for its turn."""
        if self._parser.should_upgrade():
            return
        request, self._coming = self._coming, None
        assert request is not None  # noqa: S101 - its head came first
        request.body = bytes(self._body)
        self._held.append(len(self._body))
        self._body = bytearray()
        self._is_in_head = True
        self._closes = not self._parser.should_keep_alive()
        self.is_chunked = self._parser.get_http_version() == "1.1"
        if self._current is None:
            self._start(request)
        elif len(self._waiting) < MAX_PIPELINED:
            self._waiting.append(request)
            self.transport.pause_reading()
        else:
            raise _Refused(400, "too many requests before an answer")

    # What the request that is answered calls.

    @property
    def is_last(self) -> bool:
        """Whether the response that begins now is the last one here."""
        self._closes = self._closes or self._server.is_closing
        return self._closes and not self._waiting

    def write(self, *parts: bytes) -> None:
        """Write *parts*, in one piece unless that would copy much."""
        if self.transport.is_closing():
            return
        if sum(map(len, parts)) <= JOINED_BYTES:
            self.transport.write(b"".join(parts))
            return
        for part in parts:
            self.transport.write(part)

    async def drained(self) -> None:
        """Wait until the client has read some of what was written, or is gone."""
        if not self._can_write.is_set():
            await self._can_write.wait()

    def finished(self) -> None:
        """Go on to the next request, or wait for it."""
        self._current = None
        self._server.body_bytes -= self._held.popleft()
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._closes:
            self.transport.close()
        else:
            self.deadline = self._loop.time() + IDLE_SECONDS
            self.transport.resume_reading()

    def abort(self) -> None:
        """Close the connection, with no regard to what is not sent yet."""
        self.transport.abort()

    # What the server calls.

    @property
    def is_idle(self) -> bool:
        """Whether nothing has come of a request that is not answered."""
        return self._current is None and self._is_in_head and not self._head_bytes

    def expire(self) -> None:
        """Give up on a client that took too long."""
        if self._current is not None or self.is_idle or self._is_discarding:
            self.transport.abort()
        else:
            self._refuse(408, "the request took too long to arrive")

    def _decline_upgrade(self, rest: bytes) -> None:
        """
        Go on in HTTP/1.1, as our answer will show, with the same request.

        Some clients offer HTTP/2 with every request, bodies included, which the parser takes
        for something else by then.
        """
        method, target, headers = self._parser.get_method(), self._target, self._headers
        kept = [(n, v) for n, v in headers if n not in (b"connection", b"upgrade")]
        lines = [method + b" " + target + b" HTTP/1.1", *(n + b": " + v for n, v in kept)]
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def _start(self, request: Request) -> None:
        self._current = request
        self.deadline = NEVER
        self._head_bytes = 0
        self._task = self._loop.create_task(self._server.app.serve(request))

    def _drop_body(self) -> None:
        self._server.body_bytes -= len(self._body)
        self._body = bytearray()

    def _drop_bodies(self) -> None:
        self._server.body_bytes -= sum(self._held)
        self._held.clear()

    def _refuse(self, status: int, reason: str) -> None:
        """Answer what cannot be served, and close: where a next request begins is unknown."""
        self._closes = self._is_discarding = True
        self._drop_body()
        self._waiting.clear()
        if self._current is not None:
            return
        body = f"{reason}\n".encode()
        length = (b"content-length", b"%d" % len(body))
        is_head = self._coming is not None and self._coming.method == "HEAD"
        first = head(status, [TEXT, length, NO_STORE], is_last=True)
        self.write(first, b"" if is_head else body)
        self.deadline = self._loop.time() + DISCARD_SECONDS
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
