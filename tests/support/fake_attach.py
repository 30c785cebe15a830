"""An API server that knows one request, attach, and plays what a test wrote for it."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from mcpworkload.bridge.attaching.apiserver import ApiServer

V4, V5 = Subprotocol("v4.channel.k8s.io"), Subprotocol("v5.channel.k8s.io")
STDOUT, STDERR, ERROR = b"\x01", b"\x02", b"\x03"


@dataclass
class Refusal:
    """An answer instead of a stream."""

    status: HTTPStatus
    message: str


class Container:
    """One attach, seen from the container's side."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.sizes: list[int] = []
        self._read = b""

    async def line(self) -> bytes:
        """The next line of standard input."""
        while b"\n" not in self._read:
            message = await self.connection.recv()
            assert isinstance(message, bytes)
            assert message[:1] == b"\0"
            self.sizes.append(len(message))
            self._read += message[1:]
        line, _, self._read = self._read.partition(b"\n")
        return line

    async def write(self, data: bytes, stream: bytes = STDOUT) -> None:
        """Write to standard output, or another stream."""
        await self.connection.send(stream + data)

    async def until_gone(self) -> None:
        """Wait until the bridge has left."""
        await self.connection.wait_closed()


Play = Callable[[Container], Awaitable[None]]


@dataclass
class FakeAttachApi:
    """Plays one of *plays* at each attach, the last one again and again."""

    plays: Sequence[Play | Refusal]
    server: ApiServer
    protocols: Sequence[Subprotocol] = (V5, V4)
    requests: list[Request] = field(default_factory=list)
    _listening: Server | None = None
    _playing: set[asyncio.Future[None]] = field(default_factory=set)

    async def listen(self) -> None:
        """Answer from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = self.server.credentials
        context.load_cert_chain(folder / "ca.crt", folder / "key.pem")
        self._listening = await serve(
            self._attached,
            self.server.host,
            self.server.port,
            ssl=context,
            subprotocols=self.protocols,
            process_request=self._asked,
            compression=None,
            max_size=None,
            ping_interval=None,
        )

    async def stop(self) -> None:
        """Drop everybody."""
        assert self._listening is not None
        for connection in self._listening.connections:
            connection.transport.abort()
        for performance in self._playing:
            performance.cancel()
        self._listening.close()
        await self._listening.wait_closed()

    def _play(self) -> Play | Refusal:
        return self.plays[min(len(self.requests), len(self.plays)) - 1]

    def _asked(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        play = self._play()
        if not isinstance(play, Refusal):
            return None
        response = connection.respond(
            play.status, f'{{"kind":"Status","message":"{play.message}"}}'
        )
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    async def _attached(self, connection: ServerConnection) -> None:
        play = self._play()
        assert not isinstance(play, Refusal)
        with contextlib.suppress(ConnectionClosed):
            self._playing.add(performance := asyncio.ensure_future(play(Container(connection))))
            await asyncio.wait({performance})
            if not performance.cancelled():
                performance.result()


@contextlib.asynccontextmanager
async def playing(
    credentials: Path, *plays: Play | Refusal, protocols: Sequence[Subprotocol] = (V5, V4)
) -> AsyncIterator[FakeAttachApi]:
    """An API server on a port of its own, with the plays for the attaches to come."""
    probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    api = FakeAttachApi(plays, ApiServer("127.0.0.1", port, credentials), protocols)
    await api.listen()
    try:
        yield api
    finally:
        await api.stop()


def make_credentials(folder: Path) -> Path:
    """A token and a certificate for 127.0.0.1 in *folder*, with the key that belongs to it."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=played",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ),
            *("-keyout", folder / "key.pem", "-out", folder / "ca.crt"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "token").write_text("first\n")
    return folder
