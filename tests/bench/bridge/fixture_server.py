"""
A server with everything that the conformance suite asks for, over stdio or over HTTP.

Usage: python -m tests.bench.bridge.fixture_server stdio | http PORT. The same handlers stand behind
both, so that what differs between them is the way to it.
"""

import hashlib
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from tests.bench.bridge.fixture_texts import (
    AUDIO,
    ELICITATIONS,
    EMBEDDED,
    EMPTY,
    IMAGE,
    MIXED,
    PROMPTS,
    RESOURCES,
    SCHEMAS,
    ask_for,
    text,
)

Context = ServerRequestContext[Any, Any]
Handler = Callable[[Context, Any], Awaitable[Any]]
Answer = dict[str, Any]

bus = InMemorySubscriptionBus()
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


def say(*content: Answer) -> Handler:
    """Return a tool that says always the same."""

    async def tool(_ctx: Context, _params: types.CallToolRequestParams) -> Answer:
        return {"content": list(content)}

    return tool


async def log_something(ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    """Log three messages."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", line, related_request_id=ctx.request_id)
        await anyio.sleep(0.05)
    return {"content": [text("Tool with logging executed successfully")]}


async def progress(ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    """Report progress three times."""
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100)
        await anyio.sleep(0.05)
    return {"content": [text(str(ctx.meta))]}


async def fail(_ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    """Fail, as tools do."""
    said = text("This tool intentionally returns an error for testing")
    return {"content": [said], "isError": True}


async def sample(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    """Ask the client's model."""
    prompt = str((params.arguments or {}).get("prompt"))
    message = types.SamplingMessage(
        role="user", content=types.TextContent(type="text", text=prompt)
    )
    answer = await ctx.session.create_message(
        messages=[message], max_tokens=100, related_request_id=ctx.request_id
    )
    return {"content": [text(f"LLM response: {answer.content}")]}


def elicit(schema: Answer, message: str, report: str) -> Handler:
    """Return a tool that asks the client's user, in a session."""

    async def tool(ctx: Context, params: types.CallToolRequestParams) -> Answer:
        said = str((params.arguments or {}).get("message", message))
        answer = await ctx.session.elicit_form(said, schema, related_request_id=ctx.request_id)
        content = json.dumps(answer.content)
        return {"content": [text(f"{report}: action={answer.action}, content={content}")]}

    return tool


def needs_input(state: str | None, *names: str) -> Handler:
    """Return a tool that asks by its result for what stands under *names*."""

    async def tool(_ctx: Context, params: types.CallToolRequestParams) -> Answer:
        given = params.input_responses or {}
        signed = _signed(state) if state is not None else None
        if params.request_state is not None and params.request_state != signed:
            raise MCPError(code=types.INVALID_PARAMS, message="requestState was changed")
        if all(name in given for name in names):
            return {"content": [text(f"state-ok {json.dumps(sorted(given))}")]}
        return ask_for(*names, state=signed)

    return tool


async def needs_more_input(_ctx: Context, params: types.CallToolRequestParams) -> Answer:
    """Ask twice, each time with another state."""
    given = params.input_responses or {}
    if params.request_state == _signed("two") and "step2" in given:
        return {"content": [text("done")]}
    if params.request_state == _signed("one") and "step1" in given:
        return ask_for("step2", state=_signed("two"))
    return ask_for("step1", state=_signed("one"))


async def needs_what_is_there(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    """Ask for nothing that the client can't do."""
    able = ctx.session.client_capabilities
    names = [
        name
        for name, one in (("user_name", "elicitation"), ("capital_question", "sampling"))
        if able is not None and getattr(able, one) is not None
    ]
    if all(name in (params.input_responses or {}) for name in names):
        return {"content": [text("enough")]}
    return ask_for(*names)


async def needs_sampling(ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    """Refuse a client that cannot sample."""
    able = ctx.session.client_capabilities
    if able is None or able.sampling is None:
        raise MCPError(
            code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="this tool needs sampling",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return {"content": [text("enough")]}


async def change_tools(_ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    """Let subscribers know of a change of tools."""
    await bus.publish(ToolsListChanged())
    return {"content": [text("changed")]}


async def change_prompts(_ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    """Let subscribers know of a change of prompts."""
    await bus.publish(PromptsListChanged())
    return {"content": [text("changed")]}


def _signed(state: str) -> str:
    return f"{state}.{hashlib.sha256(b'fixture' + state.encode()).hexdigest()}"


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


HANDLERS: dict[str, Handler] = {
    "test_simple_text": say(text("This is a simple text response for testing.")),
    "test_image_content": say(IMAGE),
    "test_audio_content": say(AUDIO),
    "test_embedded_resource": say(EMBEDDED),
    "test_multiple_content_types": say(text("Multiple content types test:"), IMAGE, MIXED),
    "test_tool_with_logging": log_something,
    "test_logging_tool": log_something,
    "test_tool_with_progress": progress,
    "test_error_handling": fail,
    "test_sampling": sample,
    "test_elicitation": elicit(ELICITATIONS["plain"], "?", "User response"),
    "test_elicitation_sep1034_defaults": elicit(
        ELICITATIONS["defaults"], "Review these", "Elicitation completed"
    ),
    "test_elicitation_sep1330_enums": elicit(
        ELICITATIONS["enums"], "Choose", "Elicitation completed"
    ),
    "json_schema_2020_12_tool": say(text("nothing")),
    "test_x_mcp_header": say(text("headers agree")),
    "test_missing_capability": needs_sampling,
    "test_streaming_elicitation": needs_input(None, "user_name"),
    "test_trigger_tool_change": change_tools,
    "test_trigger_prompt_change": change_prompts,
    "test_input_required_result_elicitation": needs_input(None, "user_name"),
    "test_input_required_result_sampling": needs_input(None, "capital_question"),
    "test_input_required_result_list_roots": needs_input(None, "client_roots"),
    "test_input_required_result_request_state": needs_input("s", "confirm"),
    "test_input_required_result_tampered_state": needs_input("t", "confirm"),
    "test_input_required_result_multiple_inputs": needs_input(
        "m", "user_name", "greeting", "client_roots"
    ),
    "test_input_required_result_multi_round": needs_more_input,
    "test_input_required_result_capabilities": needs_what_is_there,
}


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
