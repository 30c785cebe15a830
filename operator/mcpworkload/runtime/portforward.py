"""A port of this machine that leads to a port of a pod, over a WebSocket for each connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from mcpworkload.runtime.connection import Connection, core_path
from mcpworkload.runtime.errors import WorkloadError, WorkloadNotRunning

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_PIECE = 65_536


class PortForward:
    """
    Each connection to `port` on 127.0.0.1 becomes a connection inside the pod.

    `error` is why the last one could not be made, or was broken off by the other side.
    """

    def __init__(self, connection: Connection, namespace: str, pod: str, pod_port: int) -> None:
        self._connection = connection
        self._path = core_path("pods", namespace, pod, "portforward")
        self._pod_port = pod_port
        self._workload = f"{namespace}/{pod}"
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.error: WorkloadError | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["PortForward"]:
        """Listen as long as the block lasts; nothing is left of any connection after it."""
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
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = [("ports", str(self._pod_port))]
        try:
            async with self._connection.websocket(
                self._path, query, (_PROTOCOL,), self._workload
            ) as socket:
                outwards = asyncio.create_task(_send(reader, socket))
                try:
                    await self._receive(socket, writer)
                finally:
                    outwards.cancel()
                    await asyncio.gather(outwards, return_exceptions=True)
        except WorkloadError as error:
            self.error = error
        except (aiohttp.ClientError, OSError) as error:
            self.error = WorkloadNotRunning(
                f"the connection broke: {error}", workload=self._workload
            )
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _receive(
        self, socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter
    ) -> None:
        # The first message of each channel only repeats the port.
        opened: set[int] = set()
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in opened:
                opened.add(channel)
            elif channel == _DATA:
                writer.write(data)
                await writer.drain()
            elif channel == _ERROR and data:
                words = data.decode(errors="replace").strip()
                self.error = WorkloadNotRunning(words, workload=self._workload)
                return


async def _send(reader: asyncio.StreamReader, socket: aiohttp.ClientWebSocketResponse) -> None:
    while data := await reader.read(_PIECE):
        await socket.send_bytes(bytes((_DATA,)) + data)
    # The protocol cannot say that one direction has ended: it closes both.
    await socket.close()
