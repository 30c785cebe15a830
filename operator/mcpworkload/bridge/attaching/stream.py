"""
The WebSocket of an attach: bytes into a container's standard input, and out of its output.

Each message begins with the number of the stream that the rest belongs to.
"""

import asyncio
import contextlib
from typing import Protocol

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from mcpworkload.bridge.attaching.apiserver import ApiServer, Target

STDIN, STDOUT, ERROR = 0, 1, 3
#: The newest first.
SUBPROTOCOLS = (Subprotocol("v5.channel.k8s.io"), Subprotocol("v4.channel.k8s.io"))
#: Larger messages are refused on the way.
SENT_BYTES = 32 * 1024
RECEIVED_BYTES = 16 * 1024 * 1024
#: Proxies on the way close what is silent, as a rule after a minute.
PING_SECONDS = 20.0
#: A peer that sends no pong, nor anything else, for so long is gone.
SILENCE_SECONDS = 65.0


class NotAttached(Exception):
    """The API server refused the stream; the message is the API server's."""


class Listener(Protocol):
    """Receives what comes out of a stream."""

    def opened(self, stream: "Stream") -> None:
        """Receive *stream*, which has opened. The first call; others may follow at once."""

    def heard(self, data: bytes) -> None:
        """Receive what the container wrote to its standard output."""

    def may_write(self) -> None:
        """Go on writing: what was written has left."""

    def ended(self, reason: str) -> None:
        """Receive the end of the stream, and why. The last call, and made once."""


class _Status(msgspec.Struct):
    """The API server's status of a request, or of a stream's end."""

    status: str = ""
    message: str = ""


async def open_stream(server: ApiServer, target: Target, listener: Listener) -> None:
    """
    Return once the API server has given *listener* a stream to *target*.

    It gives one to a container that has ended, too, and closes it a moment later.

    Raises:
        NotAttached: it refused, or is not there.
    """
    loop = asyncio.get_running_loop()
    try:
        token = server.token()
        _, stream = await loop.create_connection(
            lambda: Stream(server, target, token, listener),
            server.host,
            server.port,
            ssl=server.tls(),
        )
    except OSError as error:
        raise NotAttached(f"the API server at {server.host}:{server.port}: {error}") from error
    try:
        await stream.accepted
    except BaseException:
        stream.abort()
        raise


class Stream(asyncio.Protocol):
    """One WebSocket, from its handshake to its end. `open_stream` makes one."""

    def __init__(self, server: ApiServer, target: Target, token: str, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        uri = WebSocketURI(
            secure=True, host=server.host, port=server.port, path=target.path, query=""
        )
        self._protocol = ClientProtocol(uri, subprotocols=SUBPROTOCOLS, max_size=RECEIVED_BYTES)
        self._token = token
        self._listener = listener
        self._transport: asyncio.Transport
        #: Done when the API server has agreed; fails with NotAttached.
        self.accepted: asyncio.Future[None] = self._loop.create_future()
        #: Whether what is written now would only be kept here.
        self.is_full = False
        self._number = ERROR
        self._reason = ""
        self._last_heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Send at most SENT_BYTES to the container's standard input."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_binary(b"".join((bytes((STDIN,)), data)))
            self._flush()

    def pause_reading(self) -> None:
        """Let the container wait, once all that is on the way is full."""
        with contextlib.suppress(RuntimeError):
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what comes again."""
        self._last_heard = self._loop.time()
        with contextlib.suppress(RuntimeError):
            self._transport.resume_reading()

    def close(self) -> None:
        """Close the WebSocket; the container goes on."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()
        self._transport.close()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP is
        self._transport = transport
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {self._token}"
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take apart what came."""
        self._last_heard = self._loop.time()
        self._protocol.receive_data(data)
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._answered(event)
            elif isinstance(event, Frame):
                self._framed(event)
        if self._protocol.close_expected():
            self._transport.close()

    def eof_received(self) -> None:
        """Let the transport close."""
        self._protocol.receive_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """Report the end to the listener, and to the task that opens the stream."""
        if self._timer is not None:
            self._timer.cancel()
        reason = self._reason or self._close_reason() or f"the connection ended: {error or 'EOF'}"
        if not self.accepted.done():
            self.accepted.set_exception(NotAttached(reason))
            # The task that opened the stream may have given up.
            self.accepted.exception()
            return
        # The task that opened the stream gave up, and its listener never received it.
        if self.accepted.cancelled():
            return
        if self.accepted.exception() is None:
            self._listener.ended(reason)

    def pause_writing(self) -> None:
        """Note that the network does not keep up."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Let the writer go on."""
        self.is_full = False
        self._listener.may_write()

    def _answered(self, response: Response) -> None:
        failure = self._protocol.handshake_exc
        if failure is None:
            self.accepted.set_result(None)
            self._listener.opened(self)
            self._timer = self._loop.call_later(PING_SECONDS, self._ping)
        elif not self.accepted.done():
            self.accepted.set_exception(NotAttached(_refusal(failure, response)))

    def _framed(self, frame: Frame) -> None:
        data = bytes(frame.data)
        if frame.opcode is Opcode.BINARY and data:
            self._number, data = data[0], data[1:]
        elif frame.opcode is not Opcode.CONT:
            return
        if self._number == STDOUT and data:
            self._listener.heard(data)
        elif self._number == ERROR and data:
            self._reason = _message(data) or self._reason

    def _close_reason(self) -> str:
        close = self._protocol.close_rcvd
        return close.reason if close is not None else ""

    def _ping(self) -> None:
        # While reading is paused, no pong can arrive.
        is_listening = self._transport.is_reading()
        if is_listening and self._loop.time() - self._last_heard > SILENCE_SECONDS:
            self._reason = f"the API server has been silent for {SILENCE_SECONDS:g} s"
            self.abort()
            return
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            self._flush()
            self._timer = self._loop.call_later(PING_SECONDS, self._ping)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)


def _refusal(failure: Exception, response: Response) -> str:
    """Return the API server's message, or its status where it sent none."""
    if not isinstance(failure, InvalidStatus):
        return f"the API server does not speak as it should: {failure}"
    said = _message(response.body or b"") or response.reason_phrase
    return f"the API server answers {response.status_code}: {said}"


def _message(body: bytes | bytearray) -> str:
    """Return the message of a Status; the body itself where it is no Status."""
    try:
        status = msgspec.json.decode(body, type=_Status)
    except msgspec.MsgspecError:
        return bytes(body[:300]).decode(errors="replace").strip()
    return status.message
