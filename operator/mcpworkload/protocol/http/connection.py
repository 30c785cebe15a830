"""One client's connection: requests one after another, each answered before the next."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from mcpworkload.protocol.http.limits import (
    BODY_LIMIT_BYTES,
    BODY_SECONDS,
    BODY_TOTAL_SECONDS,
    DISCARD_SECONDS,
    HEAD_SECONDS,
    IDLE_SECONDS,
    PIECE_BYTES,
    READ_BYTES,
    WRITE_BYTES,
    WRITE_SECONDS,
)
from mcpworkload.protocol.http.reader import Reader, Refused
from mcpworkload.protocol.http.request import NO_STORE, RETRY_LATER, TEXT, Headers, Request, head

if TYPE_CHECKING:
    from mcpworkload.protocol.http.server import Server

#: Below this, what is written goes out in one piece.
JOINED_BYTES = 64 * 1024
NEVER = float("inf")


class Connection(asyncio.BufferedProtocol):
    """One client connection of the HTTP server; `expire` is called at its `deadline`."""

    transport: asyncio.Transport

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._reader = Reader(server, self, self._take_head, self._take)
        self._body_deadline = NEVER
        #: What came behind the request that is answered, and is not looked at before its turn.
        self._unread = b""
        #: Requests that came in one piece with the one before them; the one that is answered.
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._task: asyncio.Task[None] | None = None
        #: What is answered after all of them, if they are followed by what cannot be served.
        self._refusal: Refused | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._unsent = 0
        self._is_discarding, self._discarded = False, 0
        self._closes = False
        self.deadline = self._loop.time() + HEAD_SECONDS

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self.transport = transport
        self._server.room.rest(self, self._loop.time())

    def connection_lost(self, _error: Exception | None) -> None:
        """Wake the task that answers, since the client is gone."""
        self._server.leave(self)
        self._reader.drop()
        self._unread = b""
        self._can_write.set()
        while self._waiting:
            self._release(len(self._waiting.popleft().body))
        request, self._current = self._current, None
        if request is not None:
            request.is_lost = True
            if request.on_lost is not None:
                request.on_lost()

    def get_buffer(self, _hint: int) -> memoryview:
        """Return where to put what comes next: no more than can be handled at once."""
        if self._is_discarding:
            return self._server.buffer
        size = PIECE_BYTES if self._is_answering else self._reader.wanted
        return self._server.buffer[: min(size, READ_BYTES)]

    def buffer_updated(self, size: int) -> None:
        """Feed the parser, within the limits."""
        if self._is_discarding:
            self._discarded += size
            if self._discarded > BODY_LIMIT_BYTES:
                self.transport.abort()
            return
        self._unread += self._server.buffer[:size]
        self._read_on()

    def pause_writing(self) -> None:
        """Let writers wait, for so long."""
        self._can_write.clear()
        self._unsent = self.transport.get_write_buffer_size()
        self.deadline = self._loop.time() + WRITE_SECONDS

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._can_write.set()
        self.deadline = NEVER
        self._go_on()

    # What the parser calls.

    def _take_head(self, request: Request) -> None:
        """Refuse *request* by its head, or ask for its body."""
        if (refusal := self._server.app.check(request)) is not None:
            raise Refused(*refusal)
        if self._server.room.is_crowded and not self._server.app.is_urgent(request):
            raise Refused(503, "too many requests at a time; try again later")
        if not self._is_answering:
            self._invite()

    def _take(self, request: Request, stays: bool) -> None:
        """Start to answer, or let it wait for its turn."""
        self._closes = not stays
        if self._is_answering:
            self._waiting.append(request)
        else:
            self._start(request)

    # What the request that is answered calls.

    @property
    def is_last(self) -> bool:
        """True if the response that begins now is the last one on the connection."""
        self._closes = self._closes or self._server.is_closing
        return self._closes and not self._waiting and self._refusal is None

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
        self._go_on()

    def abort(self) -> None:
        """Close the connection, with no regard to what is not sent yet."""
        self.transport.abort()

    # What the server calls.

    @property
    def is_idle(self) -> bool:
        """True if every request is answered, and no byte of a further one has arrived."""
        return not self._is_answering and self._reader.is_idle and not self._unread

    def close(self) -> None:
        """Close the connection after what is written to it already."""
        if hasattr(self, "transport"):
            self.transport.close()

    def expire(self) -> None:
        """Give up on a client that took too long."""
        if not hasattr(self, "transport"):
            return
        left = self.transport.get_write_buffer_size()
        does_read = self._can_write.is_set()
        if not does_read and self._unsent - left >= WRITE_BYTES:
            self._unsent, self.deadline = left, self._loop.time() + WRITE_SECONDS
        elif not does_read or self._is_answering or self.is_idle or self._is_discarding:
            self.transport.abort()
        else:
            self._refuse(Refused(408, "the request took too long to arrive"))

    def give_way(self) -> None:
        """Close the connection at once, with a refusal where a request is on its way."""
        if not self.is_idle and not self._is_discarding:
            self._write_refusal(Refused(503, "too many connections; try again later"))
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    # The rest.

    @property
    def _is_answering(self) -> bool:
        """True while a response has to be sent before the next request is read."""
        return self._current is not None or bool(self._waiting) or not self._can_write.is_set()

    def _read_on(self) -> None:
        """Feed what has come to the parser, up to the first request that is complete."""
        if self._unread and not self._is_answering and self._reader.is_idle:
            self._server.room.begin(self, self._loop.time())
            self.deadline = self._loop.time() + HEAD_SECONDS
        try:
            while self._unread and not self._is_answering and not self._is_discarding:
                size = self._reader.wanted
                piece, self._unread = self._unread[:size], self._unread[size:]
                self._reader.feed(piece)
        except Refused as refused:
            self._refuse(refused)
            return
        if self._unread:
            self.transport.pause_reading()
        elif self._reader.coming is not None and not self._is_answering:
            self.deadline = min(self._loop.time() + BODY_SECONDS, self._body_deadline)

    def _go_on(self) -> None:
        """Turn to what comes next, unless it has to wait for what is answered."""
        if self._current is not None or not self._can_write.is_set():
            return
        if self.transport.is_closing():
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._refusal is not None:
            self._answer_refusal(self._refusal)
        elif self._closes:
            self.transport.close()
        else:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        """Rest, or go on with the next request where some of it is here already."""
        now = self._loop.time()
        if self._reader.is_idle:
            self.deadline = now + IDLE_SECONDS
            self._server.room.rest(self, now)
        else:
            self.deadline = now + HEAD_SECONDS
            self._server.room.begin(self, now)
        if self._reader.coming is not None:
            self._invite()
        self._read_on()
        if not self._unread and not self._is_discarding:
            self.transport.resume_reading()

    def _invite(self) -> None:
        """Let the body come of the request whose head is here."""
        now = self._loop.time()
        self._body_deadline = now + BODY_TOTAL_SECONDS
        self.deadline = now + BODY_SECONDS
        coming = self._reader.coming
        if coming is not None and coming.is_chunked and coming.header(b"expect") is not None:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _start(self, request: Request) -> None:
        self._current = request
        self.deadline = NEVER
        self._server.room.serve(self)
        self._task = self._loop.create_task(self._server.app.serve(request))
        size = len(request.body)
        # Not when the client goes: what it sent may wait for the server even then.
        self._task.add_done_callback(lambda _: self._release(size))

    def _release(self, size: int) -> None:
        self._server.body_bytes -= size

    def _refuse(self, refused: Refused) -> None:
        """Answer what cannot be served, and close: where a next request begins is unknown."""
        coming = self._reader.coming
        refused.is_bodiless = coming is not None and coming.method == "HEAD"
        self._reader.drop()
        self._unread = b""
        self._is_discarding = True
        if self._closes:
            return  # what is answered now is the last one, as its client has asked for
        if self._is_answering:
            self._refusal = refused
            self.transport.pause_reading()
        else:
            self._answer_refusal(refused)

    def _answer_refusal(self, refused: Refused) -> None:
        self._closes, self._refusal = True, None
        self._write_refusal(refused)
        now = self._loop.time()
        self._server.room.begin(self, now)
        self.deadline = now + DISCARD_SECONDS
        if not self.transport.is_closing():
            self.transport.resume_reading()
            if self.transport.can_write_eof():
                self.transport.write_eof()

    def _write_refusal(self, refused: Refused) -> None:
        body = f"{refused.reason}\n".encode()
        fields: Headers = [TEXT, (b"content-length", b"%d" % len(body)), NO_STORE]
        if refused.status == 503:
            fields.append(RETRY_LATER)
        first = head(refused.status, fields, is_last=True)
        self.write(first, b"" if refused.is_bodiless else body)
