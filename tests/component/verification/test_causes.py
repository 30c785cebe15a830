"""The sentence about a server that does not answer as it should names what to change."""

import socket
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from mcpworkload.verification.finding import Result
from mcpworkload.verification.target import Target
from tests.component.verification.conftest import Probe
from tests.component.verification.servers import (
    Handler,
    Legacy,
    Modern,
    Older,
    always,
    serving,
)
from tests.support.certificate import self_signed

HOST = "127.0.0.1"
PAGE = always(200, "<html>hello</html>", "text/html")
WANTS_TLS = always(400, "Client sent an HTTP request to an HTTPS server.\n")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context, with a certificate that nobody signed, for another name."""
    certificate: Path = self_signed(tmp_path_factory.mktemp("tls"), "weather.demo.svc")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def at(path: str, server: Handler, elsewhere: Handler | None = None) -> Handler:
    """*server* at *path*, whatever path it knows itself by."""
    own = "/sse" if isinstance(server, Older) else "/mcp"

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == path:
            return await server(request.clone(rel_url=own))
        if request.path == "/messages":
            return await server(request)
        return await (elsewhere or always(404))(request)

    return handler


MCP = Target(HOST, 0)
SSE = Target(HOST, 0, path="/sse", kind="sse")


def of(target: Target, port: int, **members: str) -> Target:
    """*target* on *port*."""
    values = {"scheme": target.scheme, "path": target.path, "kind": target.kind, **members}
    return Target(target.host, port, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "handler", "words"),
    [
        (MCP, always(404), "POST /mcp was answered with 404; it is no MCP endpoint: check"),
        (MCP, always(405), "it is no MCP endpoint: check transport.path, transport.port and"),
        (MCP, PAGE, "POST /mcp was answered with 200, text/html; it is a page for people"),
        (MCP, at("/api/mcp", Modern()), "404; set transport.path to /api/mcp: the server answers"),
        (MCP, at("/api/mcp", Legacy()), "404; set transport.path to /api/mcp: the server answers"),
        (MCP, at("/", Legacy()), "404; set transport.path to /: the server answers there"),
        (MCP, at("/", Legacy(), PAGE), "text/html; set transport.path to /: the server answers"),
        (MCP, at("/sse", Older()), "set transport.path to /sse and transport.type to sse:"),
        (MCP, at("/mcp", Older()), "405; set transport.type to sse: the server answers there"),
        (SSE, at("/sse", Modern()), "GET /sse was answered with 405; set transport.type to stream"),
        (SSE, at("/sse", Legacy()), "set transport.type to streamable-http: the server answers"),
        (SSE, at("/mcp", Legacy()), "set transport.path to /mcp and transport.type to streamable"),
        (SSE, always(404), "GET /sse was answered with 404; it is no MCP endpoint"),
        (MCP, always(502), "502; a proxy in the pod answers in place of the server"),
        (MCP, always(503, "<html>", "text/html"), "503; a proxy in the pod answers in place of"),
        (MCP, always(307, Location="/mcp/"), "307; set transport.path to /mcp/: the server point"),
        (MCP, always(301, Location="http://evil.test/mcp"), "301; it points to another host"),
        (MCP, always(301, Location="http://["), "301; it points nowhere"),
        (MCP, always(301, Location="/mcp"), "301; it points to itself"),
        (MCP, always(301, Location="/\x85<script>"), "301; it points to itself"),
        (MCP, always(421), "421; the server refuses its address as Host"),
        (MCP, WANTS_TLS, "POST /mcp was answered with 400"),
    ],
)
async def test_a_wrong_answer(ask: Probe, target: Target, handler: Handler, words: str) -> None:
    """What was asked, what came back, and the likely cause."""
    async with serving(handler) as port:
        found = await ask(of(target, port))
    assert found.result is Result.NOT_MCP
    assert words in found.message


async def test_no_session_is_left_where_a_server_was_looked_for(ask: Probe) -> None:
    """To find a server that minds everything else, one is opened, and ended."""
    server = Legacy()

    async def blunt(request: web.Request) -> web.StreamResponse:
        if "Mcp-Method" in request.headers:
            return web.Response(status=400, text="bad request")
        return await server(request)

    async with serving(at("/api/mcp", blunt)) as port:
        found = await ask(Target(HOST, port))
    assert found.message.endswith("set transport.path to /api/mcp: the server answers there")
    assert (server.opened, server.open) == (1, set())


@pytest.mark.parametrize("server", [Modern(), Legacy(), always(404)])
async def test_tls_where_plain_http_is_asked(
    ask: Probe, tls: ssl.SSLContext, server: Handler
) -> None:
    """And credentials are not sent by the other scheme."""
    seen = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return await server(request)

    async with serving(handler, tls) as port:
        found = await ask(Target(HOST, port, headers={"Authorization": "Bearer x"}))
    assert found.result is Result.NOT_MCP
    assert found.message.endswith("the server speaks TLS: set transport.scheme to HTTPS")
    assert set(seen) == {None}


async def test_plain_http_where_tls_is_asked(ask: Probe) -> None:
    """The same the other way round."""
    async with serving(Modern()) as port:
        found = await ask(Target(HOST, port, scheme="https"))
    assert found.result is Result.NOT_MCP
    assert found.message == (
        "POST /mcp was answered without TLS; the server speaks plain HTTP: set transport.scheme "
        "to HTTP"
    )


@pytest.mark.parametrize("server", [Modern, Legacy])
async def test_tls_with_any_certificate(
    ask: Probe, tls: ssl.SSLContext, server: type[Modern | Legacy]
) -> None:
    """It is for a name, and an address was asked."""
    async with serving(server(), tls) as port:
        found = await ask(Target(HOST, port, scheme="https"))
    assert found.is_ok


async def test_tls_that_never_begins(ask: Probe) -> None:
    """The connection was made: so the server can be reached."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        found = await ask(Target(HOST, listener.getsockname()[1], scheme="https"), timeout=1.0)
    assert found.result is Result.HANDSHAKE_TIMEOUT
    assert "no TLS came; check transport.scheme" in found.message


async def test_nothing_listens(ask: Probe) -> None:
    """The likely cause is the address that the server listens on."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        found = await ask(Target(HOST, free.getsockname()[1]))
    assert found.result is Result.CONNECTION_REFUSED
    assert found.message == (
        "POST /mcp was not sent: the connection was refused; nothing listens there: let the server "
        "listen on 0.0.0.0, not on 127.0.0.1 alone, or change transport.port"
    )


@pytest.mark.parametrize("status", [421, 403, 400])
async def test_a_server_that_checks_its_name(ask: Probe, status: int) -> None:
    """The name is to be added where the server has its list."""
    server = Legacy()

    async def handler(request: web.Request) -> web.StreamResponse:
        if not request.host.startswith(HOST):
            return web.Response(status=status, text="Invalid Host header")
        return await server(request)

    async with serving(handler) as port:
        found = await ask(Target(HOST, port, authority="weather.demo:8080"))
        by_address = await ask(Target(HOST, port))
    assert by_address.is_ok
    assert found.result is Result.NOT_MCP
    assert found.message.endswith(
        f"{status}; the server's Host check refuses weather.demo:8080: add that name to the hosts "
        "that it allows"
    )
