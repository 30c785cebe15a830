"""Serve one animal on a port of this machine."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.zoo.cage import ELSEWHERE, HOST, Animal, Cage

#: The kernel's buffers count as sent: they have to be small beside what is counted.
_SEND_BUFFER = 64 * 1024


@asynccontextmanager
async def open_cage(animal: Animal, certificate: Path) -> AsyncIterator[Cage]:
    """Serve *animal* on a free port; one that speaks TLS shows *certificate*."""
    listener = socket.create_server((HOST, 0), backlog=0 if animal.is_full else 128)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    cage = Cage(animal, listener.getsockname()[1])
    if animal.is_gone:
        listener.close()
        yield cage
    elif animal.is_full:
        with listener, _Crowd(cage.port):
            yield cage
    else:
        tls = _make_context(animal, certificate) if animal.has_tls else None
        async with _serving(cage, listener, tls):
            yield cage


@asynccontextmanager
async def _serving(
    cage: Cage, listener: socket.socket, tls: ssl.SSLContext | None
) -> AsyncIterator[None]:
    tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(cage.meet(reader, writer))
        tasks[task] = writer
        task.add_done_callback(tasks.pop)

    async def meet_stray(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cage.strayed += 1
        writer.close()

    server = await asyncio.start_server(meet, sock=listener, ssl=tls)
    other = await asyncio.start_server(meet_stray, ELSEWHERE, cage.port)
    try:
        yield
    finally:
        server.close()
        other.close()
        for task, writer in tuple(tasks.items()):
            task.cancel()
            # A task that has not begun closes nothing.
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)


def _make_context(animal: Animal, certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if animal.wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Crowd:
    """Connections that fill the kernel's queue of a listener, so that it answers no others."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections: list[socket.socket] = []

    def __enter__(self) -> None:
        for _ in range(8):
            connection = socket.socket()
            self._connections.append(connection)
            connection.setblocking(False)
            connection.connect_ex((HOST, self._port))

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()
