"""A port of this machine that leads to a port of a pod, over a WebSocket for each connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp

from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.connection import RuntimeConnection
from mcpworkload.runtime.errors import WorkloadError, WorkloadNotRunning

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_PIECE = 65_536
# What a client has sent is kept until the pod answers; more than this is sent once only.
_KEPT = 1_048_576


def open_port(
    connection: RuntimeConnection, namespace: str, pod: str, port: int, workload: str = ""
) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
    """
    Yield a WebSocket that carries one connection to *port* of *pod*.

    Raises:
        WorkloadError: the API server refuses it, or does not answer.
    """
    path = core_path("pods", namespace, pod, "portforward")
    return connection.websocket(path, [("ports", str(port))], (_PROTOCOL,), workload)


class Exchange:
    """The bytes between a client and a pod; repeatable over another WebSocket until an answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._said = bytearray()
        #: Whether all that the client sent can be sent again: not once the pod has answered.
        self.is_repeatable = True

    async def run(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """
        Carry both directions until one ends; return the pod's error, empty without one.

        What the client sent over a WebSocket without an answer is sent again over the next.
        """
        outwards = asyncio.create_task(self._send(socket))
        try:
            return await self._receive(socket)
        finally:
            outwards.cancel()
            await asyncio.gather(outwards, return_exceptions=True)

    async def close(self) -> None:
        """End the client's side."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        # The first message of each channel only repeats the port.
        opened: set[int] = set()
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in opened:
                opened.add(channel)
            elif channel == _DATA:
                self._forget()
                self._writer.write(data)
                await self._writer.drain()
            elif channel == _ERROR and data:
                return str(data.decode(errors="replace").strip())
        return ""

    def _forget(self) -> None:
        self.is_repeatable = False
        self._said.clear()

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if self._said:
            await socket.send_bytes(bytes((_DATA,)) + self._said)
        while data := await self._reader.read(_PIECE):
            if self.is_repeatable:
                self._said += data
            if len(self._said) > _KEPT:
                self._forget()
            await socket.send_bytes(bytes((_DATA,)) + data)
        # The protocol cannot say that one direction has ended: it closes both.
        await socket.close()


class PortForward:
    """
    Each connection to `port` on 127.0.0.1 becomes a connection inside the pod.

    `error` is why the last one could not be made, or was broken off by the other side.
    """

    def __init__(
        self, connection: RuntimeConnection, namespace: str, pod: str, pod_port: int
    ) -> None:
        self._connection = connection
        self._where = (namespace, pod, pod_port)
        self._workload = f"{namespace}/{pod}"
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.error: WorkloadError | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["PortForward"]:
        """Listen as long as the block lasts; close every connection after it."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(Exchange(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            async with open_port(self._connection, *self._where, self._workload) as socket:
                if words := await exchange.run(socket):
                    self.error = WorkloadNotRunning(words, workload=self._workload)
        except WorkloadError as error:
            self.error = error
        except (aiohttp.ClientError, OSError) as error:
            self.error = WorkloadNotRunning(
                f"the connection broke: {error}", workload=self._workload
            )
        finally:
            await exchange.close()
