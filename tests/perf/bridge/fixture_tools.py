"""The tools that the conformance suite calls."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError

from tests.perf.bridge.fixture_texts import (
    AUDIO,
    ELICITATIONS,
    EMBEDDED,
    IMAGE,
    MIXED,
    ask_for,
    text,
)

Context = ServerRequestContext[Any, Any]
Handler = Callable[[Context, Any], Awaitable[Any]]
Answer = dict[str, Any]

bus = InMemorySubscriptionBus()


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
