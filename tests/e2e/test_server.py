"""A real MCP server, from the sample manifest to a tool's answer, through its changes."""

import pytest
import yaml
from mcp import Client

from hack.images.catalog import by_name
from tests.support.cluster import ROOT, Cluster, retag
from tests.support.kinds import Manifest
from tests.support.manifests import EVERYTHING
from tests.support.mcp_calls import call_tool, forwarded, list_tools
from tests.support.namespace import Namespace
from tests.support.predicates import field, has, is_ready

SAMPLE = ROOT / "deploy" / "samples" / "everything.yaml"
# The same content under another name: enough for Kubernetes to roll the pods.
RETAGGED = EVERYTHING.replace("/everything:", "/everything-retagged:")
READY_SECONDS = 90
IMAGE = ("spec", "containers", 0, "image")


def read_sample() -> Manifest:
    """The manifest that the demo applies, with a short farewell."""
    sample: Manifest = yaml.safe_load(SAMPLE.read_text())
    sample["spec"]["terminationGracePeriodSeconds"] = 2
    return sample


async def ask(namespace: Namespace, target: str, question: str) -> tuple[set[str], str]:
    """The server's tools, and what its echo makes of *question*."""
    async with (
        forwarded(namespace.name, target) as port,
        Client(f"http://127.0.0.1:{port}/mcp") as client,
    ):
        return await list_tools(client), await call_tool(client, "echo", message=question)


@pytest.mark.long
async def test_a_server_answers_and_follows_its_spec(
    namespace: Namespace, cluster: Cluster
) -> None:
    """Tools are listed and called; image, environment and replicas change under its clients."""
    sample = read_sample()
    await namespace.settle(sample, READY_SECONDS)

    tools, answer = await ask(namespace, "service/everything", "Is anybody there?")

    assert {"echo", "get-sum"} <= tools
    assert answer == "Echo: Is anybody there?"

    retag(by_name("everything"), RETAGGED)
    sample["spec"]["image"] = RETAGGED
    await namespace.settle(sample, READY_SECONDS)

    pod = await namespace.get("Pod", "everything-0")
    assert field(pod, *IMAGE) == RETAGGED
    _, answer = await ask(namespace, "service/everything", "And now?")
    assert answer == "Echo: And now?"

    sample["spec"]["env"] = [{"name": "CITY", "value": "Oslo"}]
    await namespace.settle(sample, READY_SECONDS)

    city = ["exec", "everything-0", "--", "node", "--print", "process.env.CITY"]
    assert await cluster.kubectl("--namespace", namespace.name, *city) == "Oslo\n"

    await cluster.kubectl("-n", namespace.name, "scale", "mcpw/everything", "--replicas=2")
    # Scaling is a change of the spec, so Ready is about the old one until it is for the new.
    workload = await namespace.until("MCPWorkload", "everything", is_ready(), READY_SECONDS)
    assert workload["status"]["readyReplicas"] == 2
    _, answer = await ask(namespace, "pod/everything-1", "You too?")
    assert answer == "Echo: You too?"

    await cluster.kubectl("-n", namespace.name, "scale", "mcpw/everything", "--replicas=0")
    await namespace.until("MCPWorkload", "everything", is_ready())
    assert await namespace.read_all("Pod") == []


async def test_a_pod_has_the_name_that_its_governing_service_gives_it(
    namespace: Namespace, cluster: Cluster
) -> None:
    """`<name>-0.<name>.<namespace>.svc` resolves inside the cluster once the pod is ready."""
    await namespace.settle(read_sample(), READY_SECONDS)
    pod = await namespace.until("Pod", "everything-0", has("runs", "Running", "status", "phase"))
    host = f"everything-0.everything.{namespace.name}.svc"
    lookup = f"require('dns').lookup('{host}',(error,address)=>console.log(error||address))"

    words = await cluster.kubectl(
        "--namespace", namespace.name, "exec", "everything-0", "--", "node", "--eval", lookup
    )

    assert words.strip() == pod["status"]["podIP"]
