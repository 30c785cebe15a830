"""Real stdio servers by CR: in Python, in TypeScript, in C without a C library; two clients."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from mcp import Client

from tests.rig.builders import EVERYTHING, SMALL, STATIC
from tests.rig.cluster import Cluster
from tests.rig.kinds import Manifest
from tests.rig.mcp_calls import call_tool, forwarded, list_tools
from tests.rig.space import Space
from tests.rig.stdio import make_everything, make_stdio, make_time
from tests.rig.typescript import call_by_typescript, start_client

READY_SECONDS = 90

SESSIONS = ("auto", "legacy")


@dataclass(frozen=True)
class Case:
    """A server, and a tool of it with the text that its answer holds."""

    workload: Manifest
    tool: str
    answer: str
    arguments: dict[str, Any] = field(default_factory=dict)
    #: Of the Python client, those that the server speaks.
    modes: tuple[str, ...] = SESSIONS


CASES = {
    "python": Case(
        make_time("python"), "get_current_time", "Europe/Oslo", {"timezone": "Europe/Oslo"},
        (*SESSIONS, "2026-07-28"),
    ),
    "typescript": Case(make_everything("typescript"), "echo", "Echo: hello", {"message": "hello"}),
    "scratch": Case(
        make_stdio("scratch", STATIC, "/server"), "echo", "hello", {"text": "hello"}
    ),
    # Nobody says what the image starts.
    "entrypoint": Case(make_stdio("entrypoint", STATIC), "echo", "hello", {"text": "hello"}),
    "attached": Case(
        make_stdio("attached", SMALL), "get_current_time", "Europe/Oslo",
        {"timezone": "Europe/Oslo"},
    ),
    "arguments": Case(
        make_stdio("arguments", EVERYTHING, args=["stdio"]), "echo", "Echo: hello",
        {"message": "hello"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_server_answers_both_clients(space: Space, cluster: Cluster, name: str) -> None:
    """Tools are listed and called by the Python client, and from a pod by the TypeScript one."""
    case = CASES[name]
    workload = await space.settle(case.workload, READY_SECONDS)

    for mode in case.modes:
        async with (
            forwarded(space.name, f"service/{name}") as port,
            Client(f"http://127.0.0.1:{port}/mcp", mode=mode) as client,
        ):
            assert case.tool in await list_tools(client), mode
            assert case.answer in await call_tool(client, case.tool, **case.arguments), mode
    await start_client(space)
    tools, text = await call_by_typescript(
        space, cluster, workload["status"]["url"], case.tool, **case.arguments
    )
    assert case.tool in tools
    assert case.answer in text
