"""The operator's end of the gate: it accepts, closes, and cannot be used up."""

import asyncio
import socket
from pathlib import Path

from mcpworkload.controller.gate import serve_gate
from tests.support.bridges import free_port


def descriptors() -> int:
    """How many file descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_it_accepts_and_closes() -> None:
    """By an end of the stream, not by a reset: the gate of a pod may look a little later."""
    port = free_port()
    server = await serve_gate(port)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
    finally:
        server.close()


async def test_it_serves_both_families_on_one_port() -> None:
    """A Service may have an address of either."""
    port = free_port()
    server = await serve_gate(port)
    try:
        for host in ("127.0.0.1", "::1"):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
    finally:
        server.close()


async def test_clients_that_stay_hold_no_descriptors() -> None:
    """The server's end is closed, whatever theirs does: nobody can use the operator up."""
    port = free_port()
    server = await serve_gate(port)
    clients = []
    before = descriptors()
    try:
        for _ in range(500):
            client = socket.socket()
            client.setblocking(False)
            clients.append(client)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        await asyncio.sleep(0.2)
        assert descriptors() - before - len(clients) <= 1
    finally:
        server.close()
        for client in clients:
            client.close()
