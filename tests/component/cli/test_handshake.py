"""What a server's first answer says about a spec: real servers, with TLS and without."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mcpworkload.cli.handshake import Endpoint, complaint, endpoint_of
from tests.support.certificate import self_signed

URL = "http://weather.demo.svc:8080/mcp"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ENDED: list[str] = []
# Set when a stream that was left open has to end with its server.
OVER = web.AppKey("over", asyncio.Event)


async def streamable(request: web.Request) -> web.StreamResponse:
    """The newer transport; a session is to be ended by whoever opened it."""
    if request.method == "DELETE":
        ENDED.append(request.headers["Mcp-Session-Id"])
        return web.Response(status=204)
    if request.method != "POST":
        return web.Response(status=405)
    asked = await request.json()
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {}}
    return web.json_response(answer, headers={"Mcp-Session-Id": "s-1"})


async def events(request: web.Request) -> web.StreamResponse:
    """The same, in an event that leaves the stream open."""
    if request.method != "POST":
        return web.Response(status=405)
    return await _stream(request, b'event: message\ndata: {"jsonrpc": "2.0", "id": 1}\n\n')


async def older(request: web.Request) -> web.StreamResponse:
    """The older HTTP+SSE: its stream begins with the endpoint."""
    if request.method != "GET":
        return web.Response(status=405)
    return await _stream(request, b"event: endpoint\ndata: /messages?session=1\n\n")


async def _stream(request: web.Request, data: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(data)
    await request.app[OVER].wait()
    return response


async def guarded(_: web.Request) -> web.StreamResponse:
    """Wants credentials."""
    return web.Response(status=401)


async def page(_: web.Request) -> web.StreamResponse:
    """No MCP at all."""
    return web.Response(text="<html>hello</html>", content_type="text/html")


async def other_version(_: web.Request) -> web.StreamResponse:
    """Refuses the version, in MCP's own form."""
    return web.json_response({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000}}, status=400)


@asynccontextmanager
async def serving(path: str, handler: Handler, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """A server on a port of this machine."""
    app = web.Application()
    app[OVER] = asyncio.Event()
    app.router.add_route("*", path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        app[OVER].set()
        await runner.cleanup()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context, with a certificate that nobody signed, for another name."""
    certificate: Path = self_signed(tmp_path_factory.mktemp("tls"), "weather.demo.svc")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def spec(scheme: str = "http", path: str = "/mcp", *, sse: bool = False) -> Endpoint:
    """What a workload says about its server."""
    return Endpoint(scheme, path, sse)


@pytest.mark.parametrize(
    ("said", "path", "handler", "has_tls", "words"),
    [
        (spec(), "/mcp", streamable, False, ""),
        (spec(), "/mcp", events, False, ""),
        (spec(), "/mcp", other_version, False, ""),
        (spec(), "/mcp", guarded, False, ""),
        (spec(path="/sse", sse=True), "/sse", older, False, ""),
        (spec("https"), "/mcp", streamable, True, ""),
        (spec("https", "/sse", sse=True), "/sse", older, True, ""),
        (spec(), "/mcp", streamable, True, "speaks TLS: set transport.scheme to HTTPS"),
        (spec(sse=True), "/mcp", older, True, "speaks TLS: set transport.scheme to HTTPS"),
        (spec(), "/other", page, True, "speaks TLS: set transport.scheme to HTTPS"),
        (spec("https"), "/mcp", events, False, "plain HTTP: set transport.scheme to HTTP"),
        (spec(path="/api/mcp"), "/mcp", streamable, False, "set transport.path to /mcp"),
        (spec(), "/", streamable, False, "set transport.path to /:"),
        (spec("https", "/"), "/mcp", streamable, True, "set transport.path to /mcp"),
        (spec(), "/mcp", older, False, "set transport.type to sse"),
        (spec(sse=True), "/mcp", streamable, False, "set transport.type to streamable-http"),
        (spec(), "/sse", older, False, "transport.path to /sse and transport.type to sse"),
        (spec(), "/mcp", page, False, "no MCP endpoint"),
        (spec(), "/nowhere", streamable, False, "404 Not Found to POST"),
    ],
)
async def test_a_wrong_field_is_named(
    said: Endpoint,
    path: str,
    handler: Handler,
    has_tls: bool,
    words: str,
    tls: ssl.SSLContext,
) -> None:
    """With the URL that clients know; nothing is said where all is right."""
    async with serving(path, handler, tls if has_tls else None) as port:
        found = await complaint(port, said, URL)

    assert words in found
    assert found.startswith(f"{URL} answered ") if words else not found


async def test_a_session_that_was_opened_is_ended() -> None:
    """To ask leaves nothing behind in the server."""
    ENDED.clear()
    async with serving("/mcp", streamable, None) as port:
        assert not await complaint(port, spec(), URL)

    assert ENDED == ["s-1"]


async def test_a_server_that_closes_at_once_is_distinguished_from_one_with_tls() -> None:
    """A port behind which nothing speaks: all three fields may be wrong."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        found = await complaint(server.sockets[0].getsockname()[1], spec(), URL)

    assert "answered nothing, and closed the connection" in found
    assert "transport.port" in found


@pytest.mark.parametrize(
    ("url", "transport", "expected"),
    [
        ("http://a.b.svc:80/mcp", {"type": "streamable-http"}, spec()),
        ("https://a.b.svc:80/x", {"type": "sse", "scheme": "HTTPS"}, spec("https", "/x", sse=True)),
        ("", {"type": "sse", "scheme": "HTTPS"}, spec("https", "/sse", sse=True)),
        ("", {"type": "streamable-http"}, spec()),
    ],
)
def test_where_a_workload_says_its_server_is(
    url: str, transport: dict[str, Any], expected: Endpoint
) -> None:
    """By its URL, and by its spec while it has none."""
    assert endpoint_of(url, transport) == expected
