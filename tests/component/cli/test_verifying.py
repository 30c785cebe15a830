"""What a server's answers say about a spec: real servers, with TLS and without."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from mcpworkload.cli.cluster import Forward
from mcpworkload.cli.endpoint import Endpoint, endpoint_of
from mcpworkload.cli.verifying import ask, complaint, target_of
from mcpworkload.runtime import RightsMissing, WorkloadError, WorkloadNotRunning
from mcpworkload.verification.finding import Finding, Result
from mcpworkload.verification.target import Target
from tests.support.certificate import self_signed
from tests.support.commands import Manifest, make_body
from tests.support.mcp_answers import (
    ENDED,
    Handler,
    events,
    guarded,
    older,
    page,
    serving,
    streamable,
)


@dataclass
class Led:
    """A port-forward that is a port of this machine."""

    port: int
    error: WorkloadError | None = None


def led(port: int, error: WorkloadError | None = None) -> Forward:
    """It, for what takes the real one."""
    return cast("Forward", Led(port, error))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context, with a certificate that nobody signed, for another name."""
    certificate: Path = self_signed(tmp_path_factory.mktemp("tls"), "weather.demo.svc")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def spec(scheme: str = "http", path: str = "/mcp", *, sse: bool = False) -> Manifest:
    """A workload that says so about its server."""
    body = make_body(url=f"{scheme}://weather.demo.svc:8080{path}")
    body["spec"]["transport"] = {
        "type": "sse" if sse else "streamable-http",
        "scheme": scheme.upper(),
    }
    body["spec"]["verification"] = {"timeout": "2s"}
    return body


@pytest.mark.parametrize(
    ("said", "path", "handler", "has_tls", "words"),
    [
        (spec(), "/mcp", streamable, False, ""),
        (spec(), "/mcp", events, False, ""),
        (spec(), "/mcp", guarded, False, ""),
        (spec(path="/sse", sse=True), "/sse", older, False, ""),
        (spec("https"), "/mcp", streamable, True, ""),
        (spec("https", "/sse", sse=True), "/sse", older, True, ""),
        (spec(), "/mcp", streamable, True, "set transport.scheme to HTTPS"),
        (spec(sse=True), "/mcp", older, True, "set transport.scheme to HTTPS"),
        (spec("https"), "/mcp", events, False, "set transport.scheme to HTTP"),
        (spec(path="/api/mcp"), "/mcp", streamable, False, "set transport.path to /mcp:"),
        (spec(), "/", streamable, False, "set transport.path to /:"),
        (spec("https", "/"), "/mcp", streamable, True, "set transport.path to /mcp:"),
        (spec(path="/x"), "/mcp", streamable, True, "set transport.scheme to HTTPS"),
        (spec(), "/mcp", older, False, "set transport.type to sse:"),
        (spec(sse=True), "/mcp", streamable, False, "set transport.type to streamable-http:"),
        (spec(), "/sse", older, False, "transport.path to /sse and transport.type to sse"),
    ],
)
async def test_a_wrong_field_is_named(
    said: Manifest, path: str, handler: Handler, has_tls: bool, words: str, tls: ssl.SSLContext
) -> None:
    """Nothing is said where all is right, and where credentials are all that is missing."""
    async with serving(path, handler, tls if has_tls else None) as port:
        found = complaint(await ask(led(port), said))

    assert words in found
    assert bool(found) == bool(words)


async def test_where_no_field_helps_what_came_back_is_said() -> None:
    """A page for people is no MCP server under any path."""
    async with serving("/mcp", page) as port:
        finding = await ask(led(port), spec())

    assert finding.result is Result.NOT_MCP
    assert complaint(finding) == finding.message != ""


async def test_a_session_that_was_opened_is_ended() -> None:
    """To ask leaves nothing behind in the server."""
    ENDED.clear()
    async with serving("/mcp", streamable) as port:
        assert (await ask(led(port), spec())).is_ok

    assert ENDED == ["s-1"]


async def closed_at_once(error: WorkloadError | None) -> Finding:
    """What is made of a port behind which the connection closes, with what the pod said."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        return await ask(led(server.sockets[0].getsockname()[1], error), spec())


async def test_a_port_on_which_nothing_listens_is_told_from_one_that_closes() -> None:
    """Here both are a connection that closes; the other end of the port-forward knows."""
    words = "dial tcp4 127.0.0.1:8080: connect: connection refused"

    refused = await closed_at_once(WorkloadNotRunning(words))
    closed = await closed_at_once(None)

    assert refused.result is Result.CONNECTION_REFUSED
    assert "nothing listens on port 8080 of the pod" in complaint(refused)
    assert closed.result is Result.NOT_MCP
    assert "nothing listens" not in complaint(closed)


async def test_what_keeps_the_port_from_being_forwarded_is_no_finding() -> None:
    """It says nothing about the server."""
    with pytest.raises(RightsMissing):
        await closed_at_once(RightsMissing("pods/portforward is forbidden"))


@pytest.mark.parametrize(
    ("url", "transport", "expected"),
    [
        ("http://a.b.svc:80/mcp", {"type": "streamable-http"}, Endpoint("http", "/mcp", False)),
        ("https://a.b.svc:80/x", {"type": "sse"}, Endpoint("https", "/x", True)),
        ("", {"type": "sse", "scheme": "HTTPS"}, Endpoint("https", "/sse", True)),
        ("", {"type": "streamable-http"}, Endpoint("http", "/mcp", False)),
    ],
)
def test_where_a_workload_says_its_server_is(
    url: str, transport: dict[str, Any], expected: Endpoint
) -> None:
    """By its URL, and by its spec while it has none."""
    assert endpoint_of(url, transport) == expected


@pytest.mark.parametrize(
    ("transport", "kind"),
    [
        ({"type": "streamable-http"}, "streamable-http"),
        ({"type": "sse"}, "sse"),
        ({"type": "stdio"}, "bridge"),
        ({"type": "stdio", "stdio": {"serve": ["sse"]}}, "bridge"),
    ],
)
def test_the_server_is_asked_as_a_client_in_the_cluster_would(
    transport: dict[str, Any], kind: str
) -> None:
    """Under its own name, though at a port of this machine; a bridge about its child."""
    body = make_body(url="http://weather.demo.svc:8080/x")
    body["spec"]["transport"] = transport

    assert target_of(body, 4711, {"A": "b"}) == Target(
        host="127.0.0.1",
        port=4711,
        path="/x",
        kind=kind,  # type: ignore[arg-type]  # the words of the table
        authority="weather.demo.svc:8080",
        headers={"A": "b"},
    )
