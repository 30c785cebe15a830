"""A server of which only the entrypoint is known: one static file, attached to by a sidecar."""

import asyncio
import time

import pytest
from mcp import Client, MCPError

from tests.support.cluster import Cluster
from tests.support.manifests import SMALL, STATIC, make_workload
from tests.support.mcp_calls import call_tool, forwarded, list_tools
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, condition_of, field, is_ready, is_replaced
from tests.support.stdio import make_slow, make_stdio

NAME = "silent"
READY_SECONDS = 90
#: What a client waits for an answer or an error, and what is lost on the way to this machine.
ANSWER_SECONDS = 1.0 + 4.0
LARGE = "é" * 5_000_000
#: What a pod waits at its end until Services have forgotten it, and what else its end may take.
PAUSE_SECONDS, END_SECONDS = 5.0, 12.0

HINT = "kubectl logs silent-0 --container mcpw-bridge"
SILENT = (
    "the server has not answered yet",
    "server is gone, its exit code is not known here before it answered",
)

has_restarted = Predicate(
    "has restarted", lambda found: (found or {}).get("status", {}).get("restarts", 0) >= 1
)
has_hint = Predicate(
    "says where to look",
    lambda found: HINT in condition_of(found or {}, "Ready").get("message", ""),
)


async def settle(namespace: Namespace) -> None:
    """The workload, ready."""
    transport = {"type": "stdio"}
    manifest = make_workload(NAME, image=STATIC, replicas=1, transport=transport)
    await namespace.settle(manifest, READY_SECONDS)


async def test_large_and_many_messages(namespace: Namespace) -> None:
    """Through the API server, the kubelet and back, each to who asked."""
    await settle(namespace)

    async with (
        forwarded(namespace.name, f"pod/{NAME}-0", "8080") as port,
        Client(f"http://127.0.0.1:{port}/mcp") as client,
    ):
        answers = await asyncio.gather(
            *(call_tool(client, "echo", text=str(number)) for number in range(100))
        )
        large = await call_tool(client, "echo", text=LARGE)

    assert answers == [str(number) for number in range(100)]
    assert large == LARGE


@pytest.mark.long
@pytest.mark.parametrize(
    ("tool", "code"), [pytest.param("exit", 3, id="exit"), pytest.param("crash", 139, id="crash")]
)
async def test_the_end_of_a_server_is_reported(namespace: Namespace, tool: str, code: int) -> None:
    """To its client at once, by its own container to everybody else; the successor is served."""
    await settle(namespace)

    async with forwarded(namespace.name, f"pod/{NAME}-0", "8080") as port:
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            with pytest.raises(MCPError, match="server is gone"):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await call_tool(client, tool, code=code)
        workload = await namespace.until("MCPWorkload", NAME, has_restarted, READY_SECONDS)
        await namespace.until("MCPWorkload", NAME, is_ready(), READY_SECONDS)
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            assert await call_tool(client, "echo", text="again") == "again"

    last = field(workload, "status", "lastTermination")
    assert (last["container"], last["exitCode"]) == ("mcp", code)
    assert field(workload, "status", "restarts") == 1


@pytest.mark.long
async def test_a_pod_ends_when_it_has_answered(namespace: Namespace) -> None:
    """However soon its server would end; with nothing to answer, after the pause."""
    transport = {"type": "stdio", "stdio": {"bridge": "Attach"}}
    await namespace.settle(
        make_slow(transport=transport, terminationGracePeriodSeconds=30), READY_SECONDS
    )

    async with (
        forwarded(namespace.name, "pod/slow-0", "8080") as port,
        Client(f"http://127.0.0.1:{port}/mcp") as client,
    ):
        # Known beforehand, the client does not ask for it after the call.
        assert await list_tools(client) == {"wait"}
        waiting = asyncio.create_task(call_tool(client, "wait", seconds=15))
        await asyncio.sleep(1)
        busy = asyncio.create_task(delete_pod(namespace, "slow-0"))
        assert await waiting == "done"
    await busy
    await namespace.until("MCPWorkload", "slow", is_ready(), READY_SECONDS)
    idle = await delete_pod(namespace, "slow-0")

    assert 14 < busy.result() < 15 + END_SECONDS
    assert PAUSE_SECONDS - 1 < idle < PAUSE_SECONDS + END_SECONDS


async def delete_pod(namespace: Namespace, name: str) -> float:
    """How long it takes until its successor is there."""
    begin = time.monotonic()
    uid = field(await namespace.get("Pod", name), "metadata", "uid")
    await namespace.delete("Pod", name)
    await namespace.until("Pod", name, is_replaced(uid), READY_SECONDS)
    return time.monotonic() - begin


@pytest.mark.long
async def test_a_server_that_does_not_answer_is_reported(
    namespace: Namespace, cluster: Cluster
) -> None:
    """The status says where the words are that the kubelet does not pass on."""
    mute = ["python", "-c", "import signal; signal.sigwait([signal.SIGTERM])"]
    await namespace.apply(
        make_stdio(NAME, SMALL, *mute, transport={"type": "stdio", "stdio": {"bridge": "Attach"}})
    )

    workload = await namespace.until("MCPWorkload", NAME, has_hint, READY_SECONDS)
    assert condition_of(workload, "Ready")["reason"] == "ProbeFailing"

    # The bridge is patient for ten seconds; on a slow node the kubelet ends the server before.
    for _ in range(15):
        said = await cluster.kubectl("-n", namespace.name, *HINT.split()[1:])
        if any(f"not ready: {words}" in said for words in SILENT):
            return
        await asyncio.sleep(1)
    pytest.fail(said)
