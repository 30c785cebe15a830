"""Real stdio servers by CR: in Python, in TypeScript, in C without a C library; two clients."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from mcp import Client

from tests.support.cluster import Cluster
from tests.support.kinds import Manifest
from tests.support.manifests import EVERYTHING, SMALL, STATIC
from tests.support.mcp_calls import call_tool, forwarded, list_tools
from tests.support.namespace import Namespace
from tests.support.stdio import make_everything, make_stdio, make_time
from tests.support.typescript import call_by_typescript, start_client

READY_SECONDS = 90

#: Of the Python client; one that looks for the best finds sessions where the server has them.
MODES = ("auto", "legacy", "2026-07-28")


@dataclass(frozen=True)
class Case:
    """A server, and a tool of it with the text that its answer holds."""

    workload: Manifest
    tool: str
    answer: str
    arguments: dict[str, Any] = field(default_factory=dict)


CASES = {
    "python": Case(
        make_time("python"), "get_current_time", "Europe/Oslo", {"timezone": "Europe/Oslo"},
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


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
async def test_a_server_answers_both_clients(
    namespace: Namespace, cluster: Cluster, name: str
) -> None:
    """Tools are listed and called by the Python client, and from a pod by the TypeScript one."""
    case = CASES[name]
    workload = await namespace.settle(case.workload, READY_SECONDS)

    for mode in MODES:
        async with (
            forwarded(namespace.name, f"service/{name}") as port,
            Client(f"http://127.0.0.1:{port}/mcp", mode=mode) as client,
        ):
            assert case.tool in await list_tools(client), mode
            assert case.answer in await call_tool(client, case.tool, **case.arguments), mode
    await start_client(namespace)
    tools, text = await call_by_typescript(
        namespace, cluster, workload["status"]["url"], case.tool, **case.arguments
    )
    assert case.tool in tools
    assert case.answer in text
