"""Real stdio servers on a real kubelet, served by the bridge in each of its ways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import yaml
from mcp import Client, MCPError
from mcp.client.sse import sse_client

from tests.support.cluster import ROOT, Cluster
from tests.support.kinds import Manifest
from tests.support.manifests import SMALL, make_workload
from tests.support.mcp_calls import call_tool, forwarded, list_tools
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, field, has_condition, is_gone, is_ready
from tests.support.stdio import make_everything

SAMPLES = ROOT / "deploy" / "samples"
READY_SECONDS = 90
NOW = "get_current_time"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


def read_sample(name: str) -> Manifest:
    """The workload of a sample, with a short farewell."""
    sample: Manifest = yaml.safe_load((SAMPLES / f"{name}.yaml").read_text())
    sample["spec"]["terminationGracePeriodSeconds"] = 4
    return sample


@asynccontextmanager
async def talking(namespace: Namespace, name: str, mode: str = "auto") -> AsyncIterator[Client]:
    """The official client of a workload, in one of its modes."""
    async with (
        forwarded(namespace.name, f"pod/{name}-0", "8080") as port,
        Client(f"http://127.0.0.1:{port}/mcp", mode=mode) as client,
    ):
        yield client


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "way", "best"),
    [
        pytest.param("stdio", "Inject", "2026-07-28", id="inject"),
        # One process serves one era; requests of the other are translated.
        pytest.param("stdio-attach", "Attach", "2025-11-25", id="attach"),
    ],
)
async def test_the_modes_of_the_client_are_served(
    namespace: Namespace, name: str, way: str, best: str
) -> None:
    """Sessions of 2025-11-25, and requests of 2026-07-28; who looks gets the server's own era."""
    workload = await namespace.settle(read_sample(name), READY_SECONDS)

    assert workload["status"]["url"] == f"http://{name}.{namespace.name}.svc:8080/mcp"
    assert f"({way}, because command is" in condition_of(workload, "Accepted")["message"]
    for mode, version in (("auto", best), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")):
        async with talking(namespace, name, mode) as client:
            assert client.protocol_version == version
            assert NOW in await list_tools(client)
            assert "Europe/Oslo" in await call_tool(client, NOW, timezone="Europe/Oslo")


async def test_a_client_that_asks_for_the_new_era_is_sent_to_a_session(
    namespace: Namespace,
) -> None:
    """Where the server has them: there it can ask its client, and keeps clients apart."""
    name = "everything"
    await namespace.settle(make_everything(name), READY_SECONDS)

    async with talking(namespace, name, "2026-07-28") as client:
        assert await call_tool(client, "echo", message="one") == "Echo: one"
        with pytest.raises(MCPError, match="send initialize"):
            await client.session.send_discover("2026-07-28")


async def test_old_clients_and_new_ones_share_a_server(namespace: Namespace) -> None:
    """HTTP+SSE beside streamable HTTP."""
    name = "stdio-sse"
    await namespace.settle(read_sample(name), READY_SECONDS)

    async with (
        talking(namespace, name) as client,
        forwarded(namespace.name, f"pod/{name}-0", "8080") as port,
        Client(sse_client(f"http://127.0.0.1:{port}/sse")) as old,
    ):
        assert await call_tool(client, "echo", message="one") == "Echo: one"
        assert await call_tool(old, "echo", message="two") == "Echo: two"


async def test_the_token_is_in_the_sidecar_alone(namespace: Namespace, cluster: Cluster) -> None:
    """The server of a bridge that attaches finds none; its pod runs as an account of its own."""
    name = "stdio-attach"
    await namespace.settle(read_sample(name), READY_SECONDS)
    pod = await namespace.get("Pod", f"{name}-0")
    look = f"import os; print(os.path.exists({TOKEN!r}))"

    found = await cluster.kubectl(
        "-n", namespace.name, "exec", f"{name}-0", "-c", "mcp", "--", "python", "-c", look
    )

    assert found == "False\n"
    assert pod["spec"]["serviceAccountName"] == f"{name}-mcpw-bridge"
    mounted = {
        mount["name"]
        for container in pod["spec"]["containers"]
        for mount in container["volumeMounts"]
    }
    assert mounted == {"tmp"}


@pytest.mark.long
async def test_from_attach_to_inject_and_back(namespace: Namespace) -> None:
    """The account goes when no pod runs as it any more, and comes before the first one does."""
    sample = read_sample("stdio-attach")
    await namespace.settle(sample, READY_SECONDS)

    command = {"command": ["python", "-m", "mcp_server_time"]}
    await namespace.settle({**sample, "spec": {**sample["spec"], **command}}, READY_SECONDS)
    await namespace.until("ServiceAccount", "stdio-attach-mcpw-bridge", is_gone())
    pod = await namespace.get("Pod", "stdio-attach-0")
    assert pod["spec"]["serviceAccountName"] == "default"

    await namespace.settle(sample, READY_SECONDS)
    async with talking(namespace, "stdio-attach") as client:
        assert NOW in await list_tools(client)


async def test_a_server_that_dies_says_so_itself(namespace: Namespace) -> None:
    """Its code is the container's, its last words are the condition's; nothing looks healthy."""
    words = "import sys; print('no token', file=sys.stderr); sys.exit(3)"
    program = {"image": SMALL, "command": ["python", "-c", words], "replicas": 1}
    await namespace.apply(make_workload("broken", transport={"type": "stdio"}, **program))

    crashing = has_condition("Available", "False", "CrashLooping")
    workload = await namespace.until("MCPWorkload", "broken", crashing, READY_SECONDS)

    message = condition_of(workload, "Available")["message"]
    assert "container mcp: exited with code 3 (Error)" in message
    assert "no token" in message
    assert field(workload, "status", "lastTermination", "exitCode") == 3


async def test_without_a_bridge_the_workload_is_ready_and_has_no_url(namespace: Namespace) -> None:
    """For whoever attaches by himself."""
    transport = {"type": "stdio", "stdio": {"bridge": "None"}}
    manifest = make_workload("bare", transport=transport, replicas=1)

    workload = await namespace.settle(manifest, READY_SECONDS)

    assert workload["status"].get("url", "") == ""
    pod = await namespace.get("Pod", "bare-0")
    assert pod["spec"]["containers"][0]["stdin"] is True
    assert is_ready().holds(workload)
