"""The servers themselves, as ASGI applications: what each SDK makes of the same two tools."""

import argparse
import importlib
import importlib.metadata
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# Not a loopback address, for which the SDKs would accept no other Host.
ANY = "0.0.0.0"  # noqa: S104
TOOLS_PER_PAGE = 50


def echo(text: str) -> str:
    """Return what came."""
    return text


def add(a: int, b: int) -> int:
    """Return the sum."""
    return a + b


def make_app(arguments: argparse.Namespace) -> App:
    """Return the server that the command line asks for, at /mcp or /sse."""
    make = {
        "python-sdk-1": make_first,
        "python-sdk-2": make_second,
        "fastmcp-2": make_fastmcp,
        "fastmcp-3": make_fastmcp,
    }
    return make[arguments.sdk](arguments.sdk, arguments.sse)


def make_first(name: str, sse: bool) -> App:
    """Return a server of the official SDK before 2."""
    # By its name: whoever reads the types here has another version of the SDK.
    module = importlib.import_module("mcp.server.fastmcp")
    server = module.FastMCP(name, host=ANY, log_level="WARNING")
    server.add_tool(echo)
    server.add_tool(add)
    app: App = server.sse_app() if sse else server.streamable_http_app()
    return app


def make_second(name: str, sse: bool) -> App:
    """Return a server of the official SDK from 2 on; over streamable HTTP it speaks both eras."""
    from mcp.server import MCPServer

    version = importlib.metadata.version("mcp")
    server = MCPServer(name, version=version, log_level="WARNING")
    server.add_tool(echo)
    server.add_tool(add)
    return server.sse_app(host=ANY) if sse else server.streamable_http_app(host=ANY)


def make_fastmcp(name: str, sse: bool) -> App:
    """Return a server of the package fastmcp, 2 or 3."""
    module, tools = (importlib.import_module(found) for found in ("fastmcp", "fastmcp.tools"))
    server = module.FastMCP(name, version=importlib.metadata.version("fastmcp"))
    server.add_tool(tools.Tool.from_function(echo))
    server.add_tool(tools.Tool.from_function(add))
    app: App = server.http_app(transport="sse" if sse else "http")
    return app


def make_paged(pages: int) -> App:
    """Return a server of the official SDK from 2 on whose tools come in so many pages."""
    from mcp import types
    from mcp.server import Server, ServerRequestContext

    schema = {"type": "object", "properties": {"text": {"type": "string"}}}

    async def list_tools(
        _: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        page = int((params and params.cursor) or 0)
        first = page * TOOLS_PER_PAGE
        tools = [
            types.Tool(name=f"tool-{number:04}", description="Return a text.", input_schema=schema)
            for number in range(first, first + TOOLS_PER_PAGE)
        ]
        cursor = str(page + 1) if page + 1 < pages else None
        return types.ListToolsResult(tools=tools, next_cursor=cursor)

    async def call_tool(
        _: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=params.name)])

    server: Server[Any] = Server(
        "paged", version="1", on_list_tools=list_tools, on_call_tool=call_tool
    )
    return server.streamable_http_app(host=ANY)
