"""Who a server is, in both eras and transports, over real sockets."""

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mcpworkload.verification.finding import Era, Result, Server
from mcpworkload.verification.lists import MAX_PAGES
from mcpworkload.verification.probe import probe
from mcpworkload.verification.target import Target
from mcpworkload.verification.tools import digest_tools
from tests.component.verification.conftest import Probe
from tests.component.verification.servers import (
    Handler,
    Legacy,
    Modern,
    Older,
    always,
    error,
    hang,
    result_of,
    serving,
    stream,
    tool,
)

HOST = "127.0.0.1"
ONE_TOOL = digest_tools([tool("tool-00000")])


async def test_a_modern_server(ask: Probe) -> None:
    """It is asked strictly as the protocol has it, once for each thing."""
    server = Modern()
    server.capabilities = {"tools": {}, "prompts": {}, "resources": {}}
    async with serving(server) as port:
        found = await ask(Target(HOST, port))
    assert found.result is Result.HANDSHAKE_OK
    assert found.message == ""
    assert found.server == Server(
        era="modern",
        protocol_version="2026-07-28",
        supported_versions=("2026-07-28",),
        name="modern",
        version="1",
        capabilities=("prompts", "resources", "tools"),
        tools=ONE_TOOL,
        prompts=2,
        resources=2,
    )
    assert server.asked == ["server/discover", "tools/list", "prompts/list", "resources/list"]
    assert [(step.asked, step.answered) for step in found.steps] == [
        ("POST /mcp server/discover", "200, an MCP server of 2026-07-28"),
        ("POST /mcp tools/list", "200, a result"),
        ("POST /mcp prompts/list", "200, a result"),
        ("POST /mcp resources/list", "200, a result"),
    ]


async def test_a_legacy_server(ask: Probe) -> None:
    """Its session is ended, in the version that was agreed."""
    server = Legacy()
    async with serving(server) as port:
        found = await ask(Target(HOST, port))
    assert found.server == Server(
        era="legacy",
        protocol_version="2025-11-25",
        name="legacy",
        version="1",
        capabilities=("tools",),
        tools=ONE_TOOL,
    )
    expected = ["server/discover", "initialize", "notifications/initialized", "tools/list"]
    assert server.asked == expected
    assert (server.opened, server.open, server.ended_as) == (1, set(), ["2025-11-25"])


async def test_an_older_server(ask: Probe) -> None:
    """Its answers come on a stream, which is closed."""
    server = Older()
    async with serving(server, notices=True) as port:
        found = await ask(Target(HOST, port, path="/sse", kind="sse"))
        await until(lambda: server.open == 0)
    assert found.server == Server(
        era="legacy",
        protocol_version="2024-11-05",
        name="older",
        version="1",
        capabilities=("tools",),
        tools=digest_tools([tool("old")]),
    )


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.2:1/messages", "//other/x", "ftp:x", "http://["]
)
async def test_an_endpoint_elsewhere_is_not_asked(ask: Probe, endpoint: str) -> None:
    """A server cannot send the operator, and its credentials, to another one."""
    server = Older()
    server.endpoint = endpoint
    async with serving(server) as port:
        found = await ask(Target(HOST, port, path="/sse", kind="sse", headers={"X": "secret"}))
    assert found.result is Result.PROTOCOL_ERROR
    assert "endpoint" in found.message
    assert server.asked == []


async def test_an_endpoint_by_the_own_name_is_asked_at_the_address(ask: Probe) -> None:
    """Servers make URLs of the Host header."""
    server = Older()
    server.endpoint = "http://weather.demo:8080/messages?session=1"
    async with serving(server) as port:
        target = Target(HOST, port, path="/sse", kind="sse", authority="weather.demo:8080")
        found = await ask(target)
    assert found.is_ok


@pytest.mark.parametrize(
    ("server", "era", "first"),
    [
        (Modern, None, "server/discover"),
        (Modern, "modern", "server/discover"),
        (Modern, "legacy", "initialize"),
        (Legacy, None, "server/discover"),
        (Legacy, "modern", "server/discover"),
        (Legacy, "legacy", "initialize"),
    ],
)
async def test_the_era_that_answered_last_is_asked_first(
    ask: Probe, server: type[Modern | Legacy], era: Era | None, first: str
) -> None:
    """And the other one if the server does not answer that."""
    asked = server()
    if isinstance(asked, Modern):
        asked.instead = {"initialize": error(-32601, 404)}
    async with serving(asked) as port:
        found = await ask(Target(HOST, port), era=era)
    assert found.is_ok
    assert asked.asked[0] == first


async def test_a_server_that_is_silent_to_what_it_does_not_know(ask: Probe) -> None:
    """There is time left for the older handshake."""
    server = Legacy()

    async def handler(request: web.Request) -> web.StreamResponse:
        if "Mcp-Method" in request.headers:
            return await hang(request)
        return await server(request)

    async with serving(handler) as port:
        found = await ask(Target(HOST, port), timeout=4.0)
    assert found.server is not None
    assert found.server.era == "legacy"
    assert server.open == set()


async def test_a_server_that_closes_on_what_it_does_not_know(ask: Probe) -> None:
    """It is asked in the older way."""
    server = Legacy()

    async def handler(request: web.Request) -> web.StreamResponse:
        if "Mcp-Method" in request.headers and request.transport is not None:
            request.transport.abort()
        return await server(request)

    async with serving(handler) as port:
        found = await ask(Target(HOST, port))
    assert found.server is not None
    assert found.server.era == "legacy"


async def test_a_session_that_is_closed_meanwhile(session: aiohttp.ClientSession) -> None:
    """The operator ends; its last verifications find nothing, and raise nothing."""
    async with serving(hang) as port:
        asking = asyncio.ensure_future(probe(Target(HOST, port), session=session, timeout=2.0))
        await asyncio.sleep(0.1)
        await session.close()
        assert not (await asking).is_ok
    found = await probe(Target(HOST, port), session=session)
    assert found.result is Result.UNREACHABLE


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("era", [None, "legacy"])
async def test_a_guarded_server_is_reachable(ask: Probe, status: int, era: Era | None) -> None:
    """What it needs is named, or what did not help."""
    async with serving(always(status)) as port:
        found = await ask(Target(HOST, port), era=era)
        again = await ask(Target(HOST, port, headers={"Authorization": "Bearer x"}), era=era)
    assert found.result is again.result is Result.AUTH_REQUIRED
    assert found.message == (
        f"POST /mcp was answered with {status}; to have it verified, name a Secret with the "
        "header that lets the operator in at verification.headersFrom"
    )
    assert again.message.endswith("verification.headersFrom do not let the operator in")


async def test_headers_and_name_are_sent_with_each_request(ask: Probe) -> None:
    """And what is the protocol's own is not taken from them."""
    server, seen = Legacy(), []

    async def handler(request: web.Request) -> web.StreamResponse:
        names = ("Authorization", "Host", "Accept-Encoding", "Cookie")
        seen.append(tuple(request.headers.getall(name, []) for name in names))
        response = await server(request)
        response.set_cookie("a", "b")
        return response

    async with serving(handler) as port:
        headers = {"authorization": "Bearer x", "accept-encoding": "gzip", "Host": "other"}
        found = await ask(Target(HOST, port, headers=headers, authority="weather.demo"))
    assert found.is_ok
    assert len(seen) == 5
    assert set(map(str, seen)) == {str((["Bearer x"], ["weather.demo"], ["identity"], []))}


def account(**members: Any) -> Handler:
    """A bridge with this account of its server."""

    async def handler(request: web.Request) -> web.StreamResponse:
        assert (request.method, request.path) == ("GET", "/server")
        return web.json_response(members)

    return handler


INFO = {"name": "child", "version": "3"}


@pytest.mark.parametrize(
    ("members", "server"),
    [
        (
            {
                "discover": {
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": {"tools": {}},
                    "serverInfo": INFO,
                },
                "tools": [tool("tool-00000")],
                "prompts": 2,
            },
            Server(
                era="modern",
                protocol_version="2026-07-28",
                supported_versions=("2026-07-28",),
                name="child",
                version="3",
                capabilities=("tools",),
                tools=ONE_TOOL,
                prompts=2,
            ),
        ),
        (
            {
                "initialize": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "serverInfo": INFO,
                },
                "resources": 0,
            },
            Server(
                era="legacy", protocol_version="2025-06-18", name="child", version="3", resources=0
            ),
        ),
    ],
)
async def test_a_bridge_gives_account(ask: Probe, members: Any, server: Server) -> None:
    """One request, and nothing begins for it."""
    async with serving(account(**members)) as port:
        found = await ask(Target(HOST, port, kind="bridge"))
    assert found.server == server
    assert [step.asked for step in found.steps] == ["GET /server"]


async def test_a_bridge_that_has_no_account_yet(ask: Probe) -> None:
    """Its reason is shown, cut and printable."""
    reason = "the server's\x1b[31m first answer is due" + "!" * 5000
    async with serving(always(503, reason)) as port:
        found = await ask(Target(HOST, port, kind="bridge"))
    assert found.result is Result.HANDSHAKE_TIMEOUT
    said = "GET /server was answered with 503: the server's?[31m first answer is due!!!"
    assert found.message.startswith(said)
    assert len(found.message) < 300


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"discover": 5}', '{"initialize": {}}'])
async def test_a_bridge_with_a_strange_account(ask: Probe, body: str) -> None:
    """It is an error, and no server."""
    async with serving(always(200, body, "application/json")) as port:
        found = await ask(Target(HOST, port, kind="bridge"))
    assert found.result is Result.PROTOCOL_ERROR


async def test_an_older_bridge_is_asked_as_a_server(ask: Probe) -> None:
    """It answers for its server over MCP."""
    async with serving(Legacy()) as port:
        found = await ask(Target(HOST, port, kind="bridge"))
    assert found.server is not None
    assert found.server.name == "legacy"


@pytest.mark.parametrize("server", [Modern, Legacy])
async def test_tools_on_forty_pages(ask: Probe, server: type[Modern | Legacy]) -> None:
    """All are in the digest."""
    asked = server(tools=2000)
    async with serving(asked) as port:
        found = await ask(Target(HOST, port))
    assert found.server is not None
    assert found.server.tools == digest_tools(asked.tools)
    assert asked.asked.count("tools/list") == 40


NESTED = (
    '{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"a","inputSchema":'
    + "[" * 50_000
    + "]" * 50_000
    + "}]}}"
)


def pages(cursor: str | None, count: int = 1) -> Handler:
    """A page that is followed by *cursor*; counted through where there is a `{}` in it."""
    number = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal number
        number += 1
        more = {"nextCursor": cursor.format(number)} if cursor is not None else {}
        found = [tool(f"{number}-{each}" + "x" * 50) for each in range(count)]
        return result_of(await request.json(), tools=found, **more)

    return answer


@pytest.mark.parametrize(
    ("page", "count"),
    [(pages("{}"), MAX_PAGES), (pages("{}", 1000), None)],
    ids=["pages without an end", "more than the budget"],
)
@pytest.mark.parametrize("server", [Modern, Legacy])
async def test_a_list_without_an_end(
    ask: Probe, server: type[Modern | Legacy], page: Handler, count: int | None
) -> None:
    """What was seen is counted, and there is no digest."""
    asked = server()
    asked.instead = {"tools/list": page}
    async with serving(asked) as port:
        found = await ask(Target(HOST, port), timeout=25.0)
    assert found.result is Result.HANDSHAKE_OK
    assert found.server is not None
    assert found.server.tools is not None
    assert found.server.tools.digest == ""
    assert found.server.tools.count == count or 1000 <= found.server.tools.count < 20_000


async def test_later_pages_that_never_come(ask: Probe) -> None:
    """The server has answered for its tools; the time is over, and that is in time."""
    asked, first = Modern(), pages("next")

    async def page(request: web.Request) -> web.StreamResponse:
        is_first = "cursor" not in (await request.json())["params"]
        return await (first if is_first else hang)(request)

    asked.instead = {"tools/list": page}
    async with serving(asked) as port:
        found = await ask(Target(HOST, port), timeout=2.0)
    assert found.server is not None
    assert found.server.tools is not None
    assert (found.server.tools.count, found.server.tools.digest) == (1, "")


@pytest.mark.parametrize(
    ("instead", "result", "words"),
    [
        (pages("same"), Result.PROTOCOL_ERROR, "cursor that leads back"),
        (pages("x" * 5000), Result.PROTOCOL_ERROR, "cursor of 5000 characters"),
        (error(-32601), Result.PROTOCOL_ERROR, "answered with 200, error -32601"),
        (always(500), Result.PROTOCOL_ERROR, "answered with 500"),
        (always(401), Result.AUTH_REQUIRED, "answered with 401"),
        (error(-32001, 403), Result.AUTH_REQUIRED, "answered with 403, error -32001"),
        (always(200, NESTED, "application/json"), Result.PROTOCOL_ERROR, "no message of JSON-RPC"),
        (always(200, "{}", "application/json"), Result.PROTOCOL_ERROR, "no message of JSON-RPC"),
        (hang, Result.HANDSHAKE_TIMEOUT, "had no whole answer within 2 s"),
    ],
    ids=["cycle", "cursor", "error", "500", "401", "403", "nested", "no message", "silence"],
)
@pytest.mark.parametrize("server", [Modern, Legacy])
async def test_tools_that_are_not_listed(
    ask: Probe, server: type[Modern | Legacy], instead: Handler, result: Result, words: str
) -> None:
    """The server says that it has tools; then it has to list them."""
    asked = server()
    asked.instead = {"tools/list": instead}
    async with serving(asked) as port:
        found = await ask(Target(HOST, port), timeout=2.0)
    assert found.result is result
    assert found.message.startswith("POST /mcp tools/list")
    assert words in found.message
    assert found.server is None
    if isinstance(asked, Legacy):
        assert (asked.opened, asked.open) == (1, set())


@pytest.mark.parametrize("instead", [error(-32601), hang, always(500)])
async def test_prompts_that_are_not_listed(ask: Probe, instead: Handler) -> None:
    """Their number is not known, and nothing else is wrong."""
    server = Modern()
    server.capabilities = {"tools": {}, "prompts": {}}
    server.instead = {"prompts/list": instead}
    async with serving(server) as port:
        found = await ask(Target(HOST, port), timeout=2.0)
    assert found.server is not None
    assert (found.server.tools, found.server.prompts) == (ONE_TOOL, None)


async def test_an_answer_in_events(ask: Probe) -> None:
    """What comes before the response is passed over, and nothing after it is waited for."""
    server = Modern()

    async def events(request: web.Request) -> web.StreamResponse:
        body = result_of(await request.json(), supportedVersions=["2026-07-28"]).body
        assert isinstance(body, bytes)
        response = await stream(request)
        await response.write(
            b': hi\n\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n'
        )
        await response.write(body.replace(b'{"jsonrpc', b'data: {\ndata: "jsonrpc') + b"\n\n")
        return await hang(request)

    server.instead = {"server/discover": events}
    async with serving(server) as port:
        found = await ask(Target(HOST, port), era="modern")
    assert found.is_ok


async def test_many_at_once_at_one_server(ask: Probe) -> None:
    """They do not get in each other's way, and leave nothing."""
    server = Legacy()
    async with serving(server) as port:
        target = Target(HOST, port)
        found = await asyncio.gather(*(ask(replace(target)) for _ in range(32)))
    assert {each.result for each in found} == {Result.HANDSHAKE_OK}
    assert (server.opened, server.open) == (32, set())


async def until(is_so: Any) -> None:
    """Wait until *is_so*."""
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.01)
