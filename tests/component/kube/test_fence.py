"""Writes of a process whose Lease has run out, against a server that counts what arrives."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from mcpworkload.kube.client import Api
from mcpworkload.kube.connection import Connection
from mcpworkload.kube.fence import Fence, LeadershipLost, seconds_since_boot
from tests.support.waits import until

WRITES = ("POST", "PUT", "PATCH", "DELETE")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/ops/leases/lock"


class Anonymous:
    """Credentials of nobody, which is who authorizes as well."""

    token = None

    def __init__(self, server: str) -> None:
        self.server = server

    def as_ssl_context(self) -> bool:
        """No TLS."""
        return False

    def as_http_headers(self) -> Mapping[str, str]:
        """No headers."""
        return {}

    async def headers(self) -> Mapping[str, str]:
        """No headers."""
        return {}

    async def renew(self) -> bool:
        """There is nothing to renew."""
        return False


@asynccontextmanager
async def served(
    fence: Fence, *middlewares: aiohttp.ClientMiddlewareType
) -> AsyncIterator[tuple[Api, list[str]]]:
    """A client behind *fence*, and the requests that have arrived at its server."""
    arrived: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        arrived.append(f"{request.method} {request.path}")
        return web.Response(text="{}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    nobody = Anonymous(f"http://127.0.0.1:{runner.addresses[0][1]}")
    connection = Connection.open(nobody, nobody, "tests", *middlewares, fence=fence)  # type: ignore[arg-type]
    try:
        yield Api(connection), arrived
    finally:
        await connection.close()
        await runner.cleanup()


def opened() -> Fence:
    """A fence that is open for a minute."""
    fence = Fence()
    fence.open_until(seconds_since_boot() + 60)
    return fence


@pytest.mark.parametrize("method", WRITES)
async def test_no_write_is_sent_through_a_closed_fence(method: str) -> None:
    """It is none of the errors that a reconcile handles."""
    fence = opened()
    async with served(fence) as (api, arrived):
        await api.request(method, "/x")
        fence.close()
        with pytest.raises(LeadershipLost) as caught:
            await api.request(method, "/x")

    assert not isinstance(caught.value, Exception)
    assert arrived == [f"{method} /x"]


async def test_reads_and_the_lease_need_no_leadership() -> None:
    """Who does not lead has to read the Lease, and to write it in order to lead."""
    async with served(Fence()) as (api, arrived):
        await api.request("GET", "/x")
        await api.request("PUT", LEASE)

    assert arrived == ["GET /x", f"PUT {LEASE}"]


async def test_a_write_that_waited_is_checked_when_it_is_sent() -> None:
    """Whatever held it back between the decision and the wire: a limit, or a pause."""
    fence, go, waits = opened(), asyncio.Event(), asyncio.Event()

    async def hold(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        waits.set()
        await go.wait()
        return await handler(request)

    async with served(fence, hold) as (api, arrived):
        write = asyncio.create_task(api.request("PATCH", "/x"))
        await waits.wait()
        fence.close()
        go.set()
        with pytest.raises(LeadershipLost):
            await write

    assert arrived == []


async def test_a_write_that_waited_for_its_connection_is_checked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Making one takes up to five seconds, or however long the process was paused."""
    fence, go = opened(), asyncio.Event()
    make, waits = aiohttp.TCPConnector._create_connection, asyncio.Event()

    async def make_slowly(*arguments: object) -> object:
        waits.set()
        await go.wait()
        return await make(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", make_slowly)
    async with served(fence) as (api, arrived):
        write = asyncio.create_task(api.request("PATCH", "/x"))
        await waits.wait()
        fence.close()
        go.set()
        with pytest.raises(LeadershipLost):
            await write
        # The connection was not used, and serves the next request.
        await api.request("GET", "/x")

    assert arrived == ["GET /x"]


async def test_many_writes_that_meet_the_fence_end_a_group_at_once() -> None:
    """No handler of errors between the write and the group can hold that up."""
    fence, ended = opened(), []

    async def worker(api: Api) -> None:
        while True:
            try:
                await api.request("PATCH", "/x")
            except Exception as error:  # noqa: BLE001 - as a worker of the queue does
                ended.append(error)

    async def work() -> None:
        async with served(fence) as (api, arrived), asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(worker(api))
            await until(lambda: len(arrived) > 20)
            fence.close()

    with pytest.raises(BaseExceptionGroup) as caught:
        await work()

    assert ended == []
    assert {type(error) for error in caught.value.exceptions} == {LeadershipLost}


def test_the_fence_closes_by_its_clock() -> None:
    """Without anything that would have to happen for it."""
    now = 100.0
    fence = Fence(lambda: now)
    fence.open_until(110.0)
    assert fence.is_open
    assert fence.seconds_left == 10.0
    now = 110.0
    assert not fence.is_open
    assert fence.seconds_left == 0.0
