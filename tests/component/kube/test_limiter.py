"""The client and a server that has too much to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from mcpworkload.kube import client
from mcpworkload.kube.client import Api
from mcpworkload.kube.connection import Connection
from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.limiter import LEAST, Limiter
from tests.support.waits import until
from tests.support.web_server import listening

PATH = "/api/v1/namespaces/team/services/weather"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/system/leases/mcpworkload"
MOST = 16


class Server:
    """Answers each request after a moment, and with too many at a time that it is busy."""

    def __init__(self) -> None:
        self.capacity = 1000
        self.seconds = 0.005
        self.busy_headers: dict[str, str] = {}
        self.in_flight = self.most = self.refused = 0
        self.seen: list[str] = []

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append(request.path)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            if self.in_flight > self.capacity:
                self.refused += 1
                return web.json_response({"message": "busy"}, status=429, headers=self.busy_headers)
            await asyncio.sleep(self.seconds)
            return web.json_response({})
        finally:
            self.in_flight -= 1

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{}\n")
        return response

    @asynccontextmanager
    async def open(self, limiter: Limiter) -> AsyncIterator[Api]:
        """A client of it."""
        app = web.Application()
        app.router.add_get("/watch", self._watch)
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with listening(app) as port, aiohttp.ClientSession() as session:
            yield Api(Connection(f"http://127.0.0.1:{port}", session), limiter)


async def ask(api: Api, count: int, path: str = PATH) -> int:
    """Send so many requests side by side; how many of them were refused."""
    answers = await asyncio.gather(
        *(api.request("PATCH", path) for _ in range(count)), return_exceptions=True
    )
    assert all(isinstance(answer, bytes | Unavailable) for answer in answers)
    return sum(isinstance(answer, Unavailable) for answer in answers)


async def test_a_busy_server_gets_fewer_requests_and_soon_more_again() -> None:
    """Never more than the most; about as many as it takes; all, once it takes them."""
    server, limiter = Server(), Limiter(MOST)
    async with server.open(limiter) as api:
        assert await ask(api, 200) == 0
        assert server.most == MOST == limiter.limit

        server.capacity, server.most = 4, 0
        refused = await ask(api, 400)
        assert LEAST <= limiter.limit <= MOST // 2
        # Without the limit, sixteen at a time, three of four are refused.
        assert 0 < refused == limiter.throttled < 200
        server.most = 0
        await ask(api, 200)
        assert server.most <= MOST // 2

        server.capacity = 1000
        assert await ask(api, 300) == 0
        assert limiter.limit == MOST
        assert (limiter.in_flight, limiter.waiting) == (0, 0)


async def test_only_the_lease_is_renewed_before_the_server_wants_more() -> None:
    """Retry-After is a second, and all others wait for so long."""
    server, limiter = Server(), Limiter(MOST)
    server.capacity, server.busy_headers = 0, {"Retry-After": "1"}
    loop = asyncio.get_running_loop()
    async with server.open(limiter) as api:
        begin = loop.time()
        assert await ask(api, 1) == 1
        server.capacity, server.seen = 1000, []
        waiting = asyncio.create_task(ask(api, 20))
        await ask(api, 3, LEASE)
        assert loop.time() - begin < 1
        assert server.seen == 3 * [LEASE]

        assert await waiting == 0
        assert loop.time() - begin >= 1


async def test_the_wait_for_a_turn_is_no_part_of_the_time_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request that waits longer than an answer may take is sent all the same."""
    monkeypatch.setattr(client, "REQUEST_SECONDS", 0.5)
    server, limiter = Server(), Limiter(1)
    server.seconds = 0.2
    async with server.open(limiter) as api:
        assert await ask(api, 5) == 0


async def test_watches_do_not_count() -> None:
    """They last, and cost nothing while nothing happens."""
    server, limiter = Server(), Limiter(1)
    server.seconds = 0.5
    async with server.open(limiter) as api:
        request = asyncio.create_task(ask(api, 2))
        await until(lambda: limiter.waiting == 1)
        async with api.lines("/watch", {"watch": "true"}, silence=5) as lines:
            assert [line async for line in lines] == [b"{}"]
        assert limiter.waiting == 1
        assert await request == 0
