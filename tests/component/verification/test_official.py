"""The official SDK's server, in both eras and on the older transport."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from mcp import types
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from mcpworkload.verification.finding import Era, Server
from mcpworkload.verification.target import Target
from mcpworkload.verification.tools import digest_tools
from tests.component.verification.conftest import Probe

HOST = "127.0.0.1"
TOOLS = 3


@pytest.fixture(autouse=True)
def quiet() -> None:
    """The SDK logs each session."""
    logging.getLogger("mcp").setLevel(logging.ERROR)


def make() -> MCPServer:
    """A server with something of everything."""
    server = MCPServer("weather", title="Weather", version="1.2", instructions="Be kind")
    for number in range(TOOLS):

        def look(where: str) -> str:
            return where

        server.add_tool(look, name=f"look-{number}", description="Look outside")

    @server.prompt()
    def ask() -> str:
        return "?"

    @server.resource("weather://{city}")
    def city(city: str) -> str:
        return city

    return server


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[int]:
    """Give the port on which *app* is served in this process."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve([listener]))
        try:
            async with asyncio.timeout(10):
                while not server.started:
                    await asyncio.sleep(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


async def expected(server: MCPServer, **members: Any) -> Server:
    """What is to be found of *server*."""
    tools: list[types.Tool] = await server.list_tools()
    digest = digest_tools(tool.model_dump(mode="json", by_alias=True) for tool in tools)
    assert digest.count == TOOLS
    return Server(
        name="weather",
        title="Weather",
        version="1.2",
        instructions_length=7,
        capabilities=("prompts", "resources", "tools"),
        tools=digest,
        prompts=1,
        resources=0,
        **members,
    )


@pytest.mark.parametrize("json_response", [False, True])
@pytest.mark.parametrize("era", [None, "modern", "legacy"])
async def test_both_eras(ask: Probe, era: Era | None, json_response: bool) -> None:
    """Its answers are events or not; the digest is that of the library's own objects."""
    server = make()
    async with running(server.streamable_http_app(json_response=json_response)) as port:
        found = await ask(Target(HOST, port), era=era)
        manager = server.session_manager
        assert not manager._server_instances
    if era == "legacy":
        wanted = await expected(server, era="legacy", protocol_version="2025-11-25")
    else:
        versions = ("2026-07-28",)
        wanted = await expected(
            server, era="modern", protocol_version="2026-07-28", supported_versions=versions
        )
    assert found.server == wanted, found


async def test_the_older_transport(ask: Probe) -> None:
    """It names its endpoint by a path."""
    server = make()
    async with running(server.sse_app()) as port:
        found = await ask(Target(HOST, port, path="/sse", kind="sse"))
    assert found.server == await expected(server, era="legacy", protocol_version="2025-11-25")


async def test_its_check_of_the_host(ask: Probe) -> None:
    """By default it serves names of its own machine alone."""
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=["127.0.0.1:*"]
    )
    app = make().streamable_http_app(transport_security=security)
    async with running(app) as port:
        found = await ask(Target(HOST, port, authority="weather.demo:8080"))
    assert found.message == (
        "POST /mcp was answered with 421; the server's Host check refuses weather.demo:8080: add "
        "that name to the hosts that it allows"
    )


async def test_a_wrong_path(ask: Probe) -> None:
    """The right one is found."""
    async with running(make().streamable_http_app(streamable_http_path="/api/mcp")) as port:
        found = await ask(Target(HOST, port))
    assert found.message == (
        "POST /mcp was answered with 404; set transport.path to /api/mcp: the server answers there"
    )
