"""The HTTP+SSE transport of 2024-11-05."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import ClientSession
from mcp.client.sse import sse_client

from tests.support.bridges import (
    DUAL,
    JSON_HEADERS,
    PLAIN,
    Answer,
    Bridge,
    head,
    initialize,
    read_head,
    running,
    tool,
)
from tests.support.waits import until

BOTH = ("--serve", "streamable-http,sse")


@asynccontextmanager
async def stream(bridge: Bridge) -> AsyncIterator[tuple[asyncio.StreamReader, str]]:
    """Open a stream; its reader and where to post messages."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
    writer.write(head("GET", "/sse", None, {"accept": "text/event-stream"}))
    status, _ = await read_head(reader)
    assert status == 200
    await reader.readuntil(b"event: endpoint\ndata: ")
    yield reader, (await reader.readline()).decode().strip()
    writer.close()
    await writer.wait_closed()


async def post(bridge: Bridge, where: str, message: Any) -> Answer:
    """Post a message."""
    return await bridge.request("POST", where, json.dumps(message).encode(), JSON_HEADERS)


async def next_message(reader: asyncio.StreamReader) -> Any:
    """Read the next message of a stream."""
    await reader.readuntil(b"event: message\ndata: ")
    return json.loads(await reader.readline())


async def test_answers_come_over_the_stream() -> None:
    """Each session has its own server, which ends with the stream."""
    async with running(*PLAIN, "legacy", options=BOTH) as bridge:
        async with stream(bridge) as (first, where), stream(bridge) as (second, elsewhere):
            posted = await post(bridge, where, initialize())
            greeting = await next_message(first)
            await post(bridge, elsewhere, initialize())
            await next_message(second)
            await post(
                bridge, where, tool("sleep", "a", meta={"progressToken": 1}, seconds=0, steps=1)
            )
            progress, slept = await next_message(first), await next_message(first)
            await post(bridge, elsewhere, tool("echo", "a"))
            other = await next_message(second)
            children = len(bridge.children())
        await until(lambda: not bridge.children())
        gone = await post(bridge, where, tool("echo"))

    assert (posted.status, greeting["result"]["serverInfo"]["name"]) == (202, "plain")
    assert (progress["params"]["progressToken"], slept["id"], other["id"]) == (1, "a", "a")
    assert (children, gone.status) == (2, 404)


async def test_the_end_of_a_server_ends_its_stream() -> None:
    """After an error for each request that waits."""
    async with running(*PLAIN, "legacy", options=BOTH) as bridge, stream(bridge) as (reader, where):
        await post(bridge, where, initialize())
        await next_message(reader)
        await post(bridge, where, tool("kill", 5, signal="SIGSEGV"))
        failed = await next_message(reader)
        rest = await reader.readuntil(b"0\r\n\r\n")

    assert (failed["id"], rest[-5:]) == (5, b"0\r\n\r\n")
    assert failed["error"]["message"] == "server ended by SIGSEGV (11) before it answered"


async def test_sessions_are_not_guessed() -> None:
    """Without one, or with one that is not open, nothing is taken."""
    async with running(*PLAIN, "legacy", options=BOTH) as bridge:
        session = await bridge.open()
        statuses = [
            (await post(bridge, f"/messages{query}", tool("echo"))).status
            for query in ("", "?session_id=", "?session_id=abc", f"?session_id={session}")
        ]

    assert statuses == [400, 400, 404, 404]


async def test_without_the_other_transport_it_takes_the_path() -> None:
    """And the official client works with it, at a shared server too."""
    options = ("--serve", "sse", "--path", "/events", "--sessions", "Shared")
    async with running(*DUAL, options=options) as bridge:
        url = f"http://127.0.0.1:{bridge.port}/events"
        async with sse_client(url) as streams, ClientSession(*streams) as client:
            await client.initialize()
            result = await client.call_tool("echo", {"text": "over events"})
        missing = await bridge.request("GET", "/mcp")

    assert result.content[0].text == "over events"  # type: ignore[union-attr]
    assert missing.status == 404
