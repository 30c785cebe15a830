"""The proxy in front of an API server does what its rules say, and nothing else."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.support.fake_api import write_kubeconfig
from tests.support.fault_proxy import (
    Answer,
    Cut,
    Delay,
    Expire,
    Fault,
    FaultProxy,
    Hold,
    Limit,
    LoseAnswer,
    Rule,
    Silence,
)

LIST = "/api/v1/pods?limit=500"
WATCH = "/api/v1/pods?watch=true"
ONE = "/api/v1/namespaces/team/pods/weather"


class Server:
    """Answers each request with what it received; a watch is a line and then one a cue."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.cue = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What was received."""
        body = await request.text()
        self.received.append(f"{request.method} {request.rel_url.raw_path_qs} {body}".strip())
        if "watch" not in request.query:
            token = request.headers.get("Authorization", "")
            return web.json_response({"received": self.received[-1], "token": token})
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        await self.cue.wait()
        await response.write(b"second\n")
        return response


class Client:
    """Requests through the proxy, with what its kubeconfig says."""

    def __init__(self, session: aiohttp.ClientSession, server: str, token: str) -> None:
        self._session = session
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"}

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, body: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer."""
        url = self._server + path
        async with self._session.request(method, url, data=body, headers=self._headers) as answer:
            yield answer

    async def status(self, method: str, path: str) -> int:
        """The status of the answer."""
        async with self.ask(method, path) as answer:
            await answer.read()
            return answer.status


@pytest.fixture
async def server() -> Server:
    """What is behind the proxy."""
    return Server()


@pytest.fixture
async def proxy(server: Server, tmp_path: Path) -> AsyncIterator[FaultProxy]:
    """A proxy without rules."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server=f"http://{host}:{port}")
    async with FaultProxy.open(kubeconfig, seed=7) as proxy:
        yield proxy
    await runner.cleanup()


@pytest.fixture
async def client(proxy: FaultProxy) -> AsyncIterator[Client]:
    """A client of the proxy."""
    document = yaml.safe_load(Path(proxy.kubeconfig).read_text())
    cluster = document["clusters"][0]["cluster"]
    tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
    connector = aiohttp.TCPConnector(ssl=tls, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Client(session, cluster["server"], document["users"][0]["user"]["token"])


async def test_without_rules_it_changes_nothing(server: Server, client: Client) -> None:
    """Method, path, query, token, body and answer are what they were."""
    path = "/apis/apps/v1/namespaces/team/statefulsets/a?fieldManager=x&labelSelector=a%3Db"
    async with client.ask("PATCH", path, b'{"a": 1}') as answer:
        assert await answer.json() == {
            "received": f'PATCH {path} {{"a": 1}}',
            "token": "Bearer secret",
        }
    assert len(server.received) == 1


async def test_a_watch_streams(server: Server, client: Client) -> None:
    """Each line arrives when it was sent, and the end as an end."""
    async with client.ask("GET", WATCH) as answer:
        assert await answer.content.readline() == b"first\n"
        server.cue.set()
        assert await answer.content.read() == b"second\n"


async def test_a_rule_takes_what_fits(proxy: FaultProxy, client: Client, server: Server) -> None:
    """By verb and path; what the proxy answers itself never gets to the API server."""
    proxy.rules = [
        Rule(Answer(429, retry_after=3), verbs=frozenset({"watch"})),
        Rule(Answer(409), path="/pods/weather", times=1),
    ]

    async with client.ask("GET", WATCH) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        assert (await answer.json())["reason"] == "TooManyRequests"
    statuses = [await client.status("GET", path) for path in (ONE, ONE, LIST)]
    assert statuses == [409, 200, 200]
    assert len(server.received) == 2
    assert proxy.counts == {"429": 1, "409": 1, "passed": 2}


async def test_a_share_is_drawn_from_a_seed(proxy: FaultProxy, client: Client) -> None:
    """Of a thousand requests about a third fail, and with the same seed the same ones."""
    proxy.rules = [Rule(Answer(500), share=0.3)]

    def draw() -> list[int]:
        proxy.random.seed(7)
        request = make_mocked_request("GET", LIST)
        return [number for number in range(1000) if proxy._choose(request)]

    first, second = draw(), draw()
    assert first == second
    assert 250 < len(first) < 350
    assert await client.status("GET", LIST) in (200, 500)


async def test_a_delayed_request_arrives_later(
    proxy: FaultProxy, client: Client, server: Server
) -> None:
    """After a time, or when the test says so."""
    until = asyncio.Event()
    proxy.rules = [Rule(Delay(0.2), times=1), Rule(Hold(until))]

    begin = asyncio.get_running_loop().time()
    assert await client.status("GET", LIST) == 200
    assert asyncio.get_running_loop().time() - begin >= 0.2
    held = asyncio.create_task(client.status("GET", ONE))
    await asyncio.sleep(0.1)
    assert len(server.received) == 1
    until.set()
    assert await held == 200


@pytest.mark.parametrize(("fault", "reached"), [(Cut(), 0), (LoseAnswer(), 1)])
async def test_a_connection_breaks(
    proxy: FaultProxy, client: Client, server: Server, fault: Fault, reached: int
) -> None:
    """Before the request is carried out, or after it."""
    proxy.rules = [Rule(fault)]

    with pytest.raises(aiohttp.ClientError):
        await client.status("PATCH", ONE)

    assert len(server.received) == reached


async def test_pages_get_smaller(proxy: FaultProxy, client: Client, server: Server) -> None:
    """So that few objects take many pages."""
    proxy.rules = [Rule(Limit(20))]

    await client.status("GET", LIST + "&continue=limits")

    assert server.received == ["GET /api/v1/pods?limit=20&continue=limits"]


async def test_a_watch_expires(proxy: FaultProxy, client: Client, server: Server) -> None:
    """As a line in the stream; the next watch of that path is passed on."""
    proxy.rules = [Rule(Expire(), verbs=frozenset({"watch"}), times=1)]

    async with client.ask("GET", WATCH) as answer:
        line = json.loads(await answer.read())
        assert (answer.status, line["type"], line["object"]["code"]) == (200, "ERROR", 410)
    assert server.received == []
    async with client.ask("GET", WATCH) as answer:
        assert await answer.content.readline() == b"first\n"


async def test_open_watches_are_cut(proxy: FaultProxy, client: Client) -> None:
    """In the middle of the stream, as a failure and not as an end."""
    async with client.ask("GET", WATCH) as answer:
        await answer.content.readline()
        assert proxy.open_watches == 1
        assert proxy.cut() == 1
        with pytest.raises(aiohttp.ClientError):
            await answer.content.read()


async def test_open_watches_go_silent(proxy: FaultProxy, client: Client, server: Server) -> None:
    """What the API server sends is lost, and so is the end."""
    async with client.ask("GET", WATCH) as answer:
        await answer.content.readline()
        assert proxy.silence() == 1
        server.cue.set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await answer.content.read()


async def test_a_silent_request_is_never_answered(proxy: FaultProxy, client: Client) -> None:
    """The connection stays open; a client that gives up leaves nothing behind."""
    proxy.rules = [Rule(Silence())]

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.status("GET", LIST)
    await asyncio.sleep(0.1)

    assert json.dumps(proxy.counts) == '{"Silence": 1}'
    assert not proxy._open
