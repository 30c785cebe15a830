"""How many sessions there are at a time, and how somebody new gets in."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.bridges import (
    JSON_HEADERS,
    PLAIN,
    Bridge,
    head,
    initialize,
    read_head,
    running,
    tool,
)

#: A server that takes neither the end of its input nor SIGTERM for a reason to end.
STUBBORN = ("/bin/sh", "-c", f"trap '' TERM; {' '.join(PLAIN)} legacy; sleep 60")
MOST = 3


async def most_servers(bridge: Bridge, done: Callable[[], bool]) -> int:
    """Return how many servers there were at most, until *done*."""
    most = 0
    while not done():
        most = max(most, len(bridge.children()))
        await asyncio.sleep(0.01)
    return most


async def opens_and_ends(bridge: Bridge) -> None:
    """Be a client that does nothing else."""
    answer = await bridge.in_session(None, initialize())
    if answer.status == 200:
        await bridge.end(answer.headers["mcp-session-id"])
    else:
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")


async def vanishes(bridge: Bridge) -> None:
    """Be one that is gone before it is answered."""
    body = json.dumps(initialize()).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
    writer.write(head("POST", "/mcp", body, JSON_HEADERS) + body)
    await asyncio.sleep(0.02)
    writer.close()


@pytest.mark.long
@pytest.mark.timeout(60)
@pytest.mark.parametrize("client", [opens_and_ends, vanishes])
@pytest.mark.parametrize("command", [(*PLAIN, "legacy"), STUBBORN], ids=["willing", "stubborn"])
async def test_sessions_that_end_count_until_their_server_is_gone(
    client: Any, command: tuple[str, ...]
) -> None:
    """However fast clients come and go, and whatever their servers make of it."""
    async with running(*command, options=("--max-sessions", str(MOST)), ready=False) as bridge:
        # The stubborn one that was asked first has to end before.
        await bridge.ready(within=20)

        async def churn() -> None:
            for _ in range(2 if command is STUBBORN else 8):
                await client(bridge)

        clients = [asyncio.create_task(churn()) for _ in range(6)]
        most = await most_servers(bridge, lambda: all(c.done() for c in clients))
        await asyncio.gather(*clients)
        async with asyncio.timeout(20):
            answer = await bridge.in_session(None, initialize())
            while answer.status == 503:
                await asyncio.sleep(0.1)
                answer = await bridge.in_session(None, initialize())

    assert answer.status == 200
    assert most <= MOST + 2


async def test_a_place_that_is_about_to_be_free_is_waited_for() -> None:
    """Who ends a session and opens the next one is not refused."""
    async with running(*PLAIN, "legacy", options=("--max-sessions", "1")) as bridge:
        for _ in range(5):
            await bridge.end(await bridge.open())
        session = await bridge.open()
        refused = await bridge.in_session(None, initialize())
        answer = await bridge.in_session(session, tool("echo"))

    assert (refused.status, refused.headers["retry-after"], answer.status) == (503, "5", 200)


@pytest.mark.parametrize("sessions", ["PerSession", "Shared"])
async def test_a_session_that_was_only_opened_gives_way(sessions: str) -> None:
    """When there is no other place, and after a time that depends on that for idle ones."""
    options = ("--max-sessions", "3", "--idle-timeout", "4", "--sessions", sessions)
    async with running(*PLAIN, "legacy", options=options) as bridge:
        used = await bridge.open()
        await bridge.in_session(used, tool("echo"))
        opened = (await bridge.in_session(None, initialize())).headers["mcp-session-id"]
        greeted = await bridge.open()
        at_once = await bridge.in_session(None, initialize())
        begin = asyncio.get_running_loop().time()
        async with asyncio.timeout(15):
            while (answer := await bridge.in_session(None, initialize())).status == 503:
                await bridge.in_session(used, tool("echo"))
                await asyncio.sleep(0.05)
        took = asyncio.get_running_loop().time() - begin
        gone = (await bridge.in_session(opened, tool("echo"))).status
        kept = [(await bridge.in_session(s, tool("echo"))).status for s in (used, greeted)]

    assert (at_once.status, answer.status, gone, kept) == (503, 200, 404, [200, 200])
    assert took > 1
    assert "it was opened and never used" in bridge.log


@pytest.mark.timeout(60)
async def test_a_session_that_ends_while_it_waits_gives_its_place_back() -> None:
    """On the old transport the stream can end between its opening and a server for it."""
    options = ("--max-sessions", "1", "--serve", "sse")
    async with running(*STUBBORN, options=options, ready=False) as bridge, asyncio.timeout(40):
        await bridge.ready(within=20)
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
            writer.write(b"GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await read_head(reader)
            await reader.readuntil(b"data: ")
            path = (await reader.readline()).decode().strip()
            body = json.dumps(initialize()).encode()
            asking = asyncio.create_task(bridge.request("POST", path, body, JSON_HEADERS))
            await asyncio.sleep(0.3)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            await asyncio.sleep(0.1)
            asking.cancel()
        servers = len(bridge.children())

    assert servers == 1
