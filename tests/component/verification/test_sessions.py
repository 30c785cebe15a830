"""No session and no socket is left on a server, however a verification ends."""

import asyncio
import random

import pytest
from aiohttp import web

from mcpworkload.verification.finding import Result
from mcpworkload.verification.target import Target
from tests.component.verification.conftest import Probe
from tests.component.verification.servers import (
    LEGACY,
    Handler,
    Legacy,
    Older,
    always,
    error,
    hang,
    result_of,
    serving,
    stream,
)
from tests.support.api import open_sockets

HOST = "127.0.0.1"


async def head_only(request: web.Request) -> web.StreamResponse:
    """The head of an answer, with a session; then nothing."""
    await stream(request, **{"Mcp-Session-Id": "session-0"})
    return await hang(request)


async def without_version(request: web.Request) -> web.StreamResponse:
    """A result that is none."""
    return result_of(await request.json(), capabilities={})


@pytest.mark.parametrize(
    ("method", "instead", "result"),
    [
        ("initialize", head_only, Result.HANDSHAKE_TIMEOUT),
        ("initialize", error(-32602), Result.PROTOCOL_ERROR),
        ("initialize", always(404), Result.NOT_MCP),
        ("initialize", always(403), Result.AUTH_REQUIRED),
        ("initialize", without_version, Result.PROTOCOL_ERROR),
        ("initialize", always(200, "<html>", "text/html"), Result.NOT_MCP),
        ("initialize", always(200, "x" * 2_000_000, "application/json"), Result.NOT_MCP),
        ("initialize", always(200, "", "application/json"), Result.PROTOCOL_ERROR),
        ("notifications/initialized", hang, Result.HANDSHAKE_TIMEOUT),
        ("notifications/initialized", always(400), Result.PROTOCOL_ERROR),
        ("notifications/initialized", always(401), Result.AUTH_REQUIRED),
        ("tools/list", hang, Result.HANDSHAKE_TIMEOUT),
        ("tools/list", error(-32603, 500), Result.PROTOCOL_ERROR),
        ("tools/list", always(200, "x" * 2_000_000, "application/json"), Result.HANDSHAKE_OK),
    ],
)
async def test_no_session_is_left(
    ask: Probe, method: str, instead: Handler, result: Result
) -> None:
    """Whatever the server answers once it has opened one."""
    server = Legacy()
    server.instead = {method: instead}
    sockets = open_sockets()
    async with serving(server) as port:
        found = await ask(Target(HOST, port), timeout=1.0, era="legacy")
        assert (server.opened, server.open) == (1, set())
    await no_more_sockets_than(sockets)
    assert found.result is result, found.message


@pytest.mark.parametrize(("length", "left"), [(1500, 0), (20_000, 1)])
async def test_a_long_session_id_is_refused(ask: Probe, length: int, left: int) -> None:
    """And ended, unless it is longer than any header that is read."""
    server = Legacy()
    server.session = "{}" + "s" * length
    async with serving(server) as port:
        found = await ask(Target(HOST, port))
    assert found.result in (Result.PROTOCOL_ERROR, Result.NOT_MCP)
    assert len(found.message) < 300
    assert len(server.open) == left


@pytest.mark.parametrize("part", [number / 20 for number in range(21)])
async def test_no_session_is_left_by_who_is_cancelled(ask: Probe, part: float) -> None:
    """At any moment, while the server opens it as well."""
    server = Legacy(tools=3, page=1)
    server.slow = 0.02
    sockets = open_sockets()
    async with serving(server) as port:
        asking = asyncio.ensure_future(ask(Target(HOST, port), era="legacy"))
        await asyncio.sleep(part * 0.05)
        asking.cancel()
        await asyncio.wait((asking,))
        assert server.open == set()
    await no_more_sockets_than(sockets)


async def test_no_session_is_left_by_many(ask: Probe) -> None:
    """Some are cancelled, some are late, some are through."""
    server = Legacy()
    server.slow = 0.02
    chosen = random.Random(7)  # noqa: S311 - the same each time
    sockets = open_sockets()

    async def one(port: int) -> None:
        asking = asyncio.ensure_future(ask(Target(HOST, port), timeout=chosen.choice((2.0, 10.0))))
        await asyncio.wait((asking,), timeout=chosen.random() * 2)
        asking.cancel()
        await asyncio.wait((asking,))

    async with serving(server) as port:
        await asyncio.gather(*(one(port) for _ in range(30)))
        assert server.opened > 0
        assert server.open == set()
    await no_more_sockets_than(sockets)


async def test_a_server_that_lets_nobody_leave(ask: Probe) -> None:
    """To end a session that cannot be ended takes no more than the time that there is."""
    server = Legacy()

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (hang if request.method == "DELETE" else server)(request)

    async with serving(handler) as port:
        begun = asyncio.get_running_loop().time()
        found = await ask(Target(HOST, port), timeout=1.0)
        assert asyncio.get_running_loop().time() - begun < 1.2
    assert found.is_ok


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.01, 0.02, 0.04])
async def test_no_stream_is_left(ask: Probe, seconds: float) -> None:
    """The older transport's session is its stream."""
    server = Older()
    async with serving(server, notices=True) as port:
        asking = asyncio.ensure_future(ask(Target(HOST, port, path="/sse", kind="sse")))
        await asyncio.wait((asking,), timeout=seconds)
        asking.cancel()
        await asyncio.wait((asking,))
        async with asyncio.timeout(5):
            while server.open:
                await asyncio.sleep(0.01)


async def test_the_version_that_was_agreed_ends_the_session(ask: Probe) -> None:
    """Servers check it."""
    server = Legacy()
    async with serving(server) as port:
        await ask(Target(HOST, port), era="legacy")
    assert server.ended_as == [LEGACY]


async def no_more_sockets_than(before: int) -> None:
    """Wait a few turns of the loop, which is what a closed socket takes."""
    for _ in range(20):
        if open_sockets() <= before:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{open_sockets() - before} sockets are left")


async def test_a_session_that_nobody_asked_for_is_ended_too(ask: Probe) -> None:
    """Some servers open one before they see that they do not know the request."""
    server = Legacy()
    server.is_hasty = True
    async with serving(server) as port:
        found = await ask(Target("127.0.0.1", port))

    assert found.result is Result.HANDSHAKE_OK
    assert (server.opened, server.open) == (2, set())
