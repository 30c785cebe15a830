"""
A server with everything that the conformance suite asks for, over stdio or over HTTP.

Usage: python -m tests.perf.bridge.fixture_server stdio | http PORT. The same handlers stand behind
both, so that what differs between them is the way to it.
"""

import json
import sys
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from tests.perf.bridge.fixture_texts import (
    EMPTY,
    PROMPTS,
    RESOURCES,
    SCHEMAS,
    ask_for,
)
from tests.perf.bridge.fixture_tools import HANDLERS, Context, Handler, bus

#: How long a client may keep an answer, and for whom.
PUBLIC = {"ttlMs": 60_000, "cacheScope": "public"}


def whole(handler: Handler) -> Handler:
    """Let results say that they are complete, where the client's revision knows of others."""

    async def marked(ctx: Context, params: Any) -> Any:
        result = await handler(ctx, params)
        is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        return {"resultType": "complete", **result} if is_modern else result

    return marked


@whole
async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> Any:
    """Call the tool of that name."""
    tool = HANDLERS.get(params.name)
    if tool is None:
        raise MCPError(code=types.INVALID_PARAMS, message=f"Unknown tool: {params.name}")
    return await tool(ctx, params)


@whole
async def get_prompt(_ctx: Context, params: types.GetPromptRequestParams) -> Any:
    """Return the prompt of that name."""
    if params.name == "test_input_required_result_prompt" and not params.input_responses:
        return ask_for("user_context")
    if params.name not in PROMPTS:
        raise MCPError(code=types.INVALID_PARAMS, message=f"Unknown prompt: {params.name}")
    messages = PROMPTS[params.name][1](params.arguments or {})
    return {"messages": [{"role": "user", "content": content} for content in messages]}


@whole
async def read_resource(_ctx: Context, params: types.ReadResourceRequestParams) -> Any:
    """Return the resource at that URI."""
    uri = str(params.uri)
    if uri in RESOURCES:
        return {"contents": [{"uri": uri, **RESOURCES[uri]}], **PUBLIC}
    if uri.startswith("test://template/"):
        number = uri.split("/")[3]
        data = {"id": number, "templateTest": True, "data": f"Data for ID: {number}"}
        content = {"uri": uri, "mimeType": "application/json", "text": json.dumps(data)}
        return {"contents": [content], **PUBLIC}
    raise MCPError(code=types.INVALID_PARAMS, message="Resource not found", data={"uri": uri})


@whole
async def list_tools(_ctx: Context, _params: types.PaginatedRequestParams | None) -> Any:
    """Return all tools."""
    tools = [
        {"name": n, "description": f"Fixture {n}", "inputSchema": SCHEMAS.get(n, EMPTY)}
        for n in HANDLERS
    ]
    return {"tools": tools, **PUBLIC}


@whole
async def list_prompts(_ctx: Context, _params: types.PaginatedRequestParams | None) -> Any:
    """Return all prompts."""
    prompts = [
        {
            "name": name,
            "description": f"Fixture {name}",
            "arguments": [{"name": a, "description": a, "required": True} for a in arguments],
        }
        for name, (arguments, _) in PROMPTS.items()
    ]
    return {"prompts": prompts, **PUBLIC}


@whole
async def list_resources(_ctx: Context, _params: types.PaginatedRequestParams | None) -> Any:
    """Return all resources."""
    resources = [
        {"uri": uri, "name": uri, "description": "Fixture", "mimeType": content["mimeType"]}
        for uri, content in RESOURCES.items()
    ]
    return {"resources": resources, **PUBLIC}


@whole
async def list_templates(_ctx: Context, _params: types.PaginatedRequestParams | None) -> Any:
    """Return the one template."""
    template = {"uriTemplate": "test://template/{id}/data", "name": "t", "description": "Fixture"}
    return {"resourceTemplates": [template], **PUBLIC}


@whole
async def complete(_ctx: Context, _params: types.CompleteRequestParams) -> Any:
    """Suggest something."""
    return {"completion": {"values": ["paris", "park"], "total": 2, "hasMore": False}}


async def nothing(_ctx: Context, _params: Any) -> Any:
    """Do nothing, successfully."""
    return {}


def fixture() -> Server[Any]:
    """Return the server."""
    return Server(
        "fixture",
        version="1",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=nothing,
        on_unsubscribe_resource=nothing,
        on_subscriptions_listen=ListenHandler(bus),
        on_completion=complete,
        on_set_logging_level=nothing,
    )


async def serve_stdio() -> None:
    """Serve on standard input and output."""
    server = fixture()
    options = server.create_initialization_options(NotificationOptions())
    async with stdio_server() as (read, write):
        await server.run(read, write, options)


def serve_http(port: int) -> None:
    """Serve on *port*."""
    import uvicorn

    uvicorn.run(fixture().streamable_http_app(), port=port, log_level="warning")


if __name__ == "__main__":
    if sys.argv[1] == "http":
        serve_http(int(sys.argv[2]))
    else:
        anyio.run(serve_stdio)
