"""A server of which only the entrypoint is known: one static file, attached to by a sidecar."""

import asyncio

import pytest
from mcp import Client, MCPError

from tests.rig.builders import STATIC, make_workload
from tests.rig.mcp_calls import call_tool, forwarded
from tests.rig.predicates import Predicate, field, is_ready
from tests.rig.space import Space

NAME = "silent"
READY_SECONDS = 90
#: What a client waits for an answer or an error, and what is lost on the way to this machine.
ANSWER_SECONDS = 1.0 + 1.0
LARGE = "é" * 5_000_000

has_restarted = Predicate(
    "has restarted", lambda found: (found or {}).get("status", {}).get("restarts", 0) >= 1
)


async def settle(space: Space) -> None:
    """The workload, ready."""
    transport = {"type": "stdio"}
    manifest = make_workload(NAME, image=STATIC, replicas=1, transport=transport)
    await space.settle(manifest, READY_SECONDS)


async def test_large_and_many_messages(space: Space) -> None:
    """Through the API server, the kubelet and back, each to who asked."""
    await settle(space)

    async with (
        forwarded(space.name, f"pod/{NAME}-0", "8080") as port,
        Client(f"http://127.0.0.1:{port}/mcp") as client,
    ):
        answers = await asyncio.gather(
            *(call_tool(client, "echo", text=str(number)) for number in range(100))
        )
        large = await call_tool(client, "echo", text=LARGE)

    assert answers == [str(number) for number in range(100)]
    assert large == LARGE


@pytest.mark.parametrize(
    ("tool", "code"), [pytest.param("exit", 3, id="exit"), pytest.param("crash", 139, id="crash")]
)
async def test_the_end_of_a_server_is_told(space: Space, tool: str, code: int) -> None:
    """To its client at once, by its own container to everybody else; the successor is served."""
    await settle(space)

    async with forwarded(space.name, f"pod/{NAME}-0", "8080") as port:
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            with pytest.raises(MCPError, match="server is gone"):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await call_tool(client, tool, code=code)
        workload = await space.until("MCPWorkload", NAME, has_restarted, READY_SECONDS)
        await space.until("MCPWorkload", NAME, is_ready(), READY_SECONDS)
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            assert await call_tool(client, "echo", text="again") == "again"

    last = field(workload, "status", "lastTermination")
    assert (last["container"], last["exitCode"]) == ("mcp", code)
    assert field(workload, "status", "restarts") == 1
