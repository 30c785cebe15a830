"""A session that is closed leaves no socket open, whatever the server does."""

import asyncio
import gc
import socket
import ssl
import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mcpworkload.runtime.connection import RuntimeConnection
from tests.support.certificate import self_signed
from tests.support.fake_api import FakeApi, write_kubeconfig

NAME = {"tls-server-name": "api.example"}


class Client:
    """An event loop of its own, with a watch in it."""

    def __init__(self, kubeconfig: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._kubeconfig = kubeconfig
        self._resources = AsyncExitStack()

    def open(self) -> None:
        """Begin a watch."""
        self._loop.run_until_complete(self._open())

    async def _open(self) -> None:
        opening = RuntimeConnection.from_environment(kubeconfig=self._kubeconfig)
        connection = await self._resources.enter_async_context(await opening)
        watch = connection.watch("/watch", {"watch": "1", "resourceVersion": "1"})
        await anext(await self._resources.enter_async_context(watch))

    def close(self) -> None:
        """Give the watch up, close the connection, and the event loop at once."""
        self._loop.run_until_complete(self._resources.aclose())
        self._loop.close()


def sockets_to(port: int) -> list[socket.socket]:
    """The open sockets of this process that lead to *port*."""
    found = [each for each in gc.get_objects() if isinstance(each, socket.socket)]
    return [each for each in found if each.fileno() != -1 and peer_port(each) == port]


def peer_port(each: socket.socket) -> int:
    """The port at the other end; 0 where there is none."""
    try:
        return int(each.getpeername()[1])
    except (OSError, IndexError, TypeError):
        return 0


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_watch_that_was_given_up_ends_with_the_session(
    tmp_path: Path, is_answered: bool
) -> None:
    """Also where the server does not answer the goodbye of TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path, "api.example"))
    api = FakeApi([], [[{"type": "ADDED", "object": {}}]])
    async with api.serve(tls) as host:
        authority = {"certificate-authority": str(tmp_path / "server.crt")}
        path = tmp_path / "kubeconfig"
        client = Client(write_kubeconfig(path, server=host, **NAME, **authority))
        await asyncio.to_thread(client.open)
        port = int(host.rpartition(":")[2])
        closing = threading.Thread(target=client.close)
        closing.start()
        if is_answered:
            await asyncio.to_thread(closing.join)
        else:
            closing.join()

        assert sockets_to(port) == []
