"""Somebody else's operator, in the cluster, on the library, with the rights that the docs name."""

from collections.abc import AsyncIterator

import pytest
import yaml
from mcp import Client

from tests.support.api import Api
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster
from tests.support.example import FOLDER, USER, controller_log, installed
from tests.support.kinds import Manifest
from tests.support.mcp_calls import call_tool, forwarded
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, field, has, is_gone

READY_SECONDS = 60.0

# Its image is built first, which takes a minute when dependencies have changed.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


@pytest.fixture
async def tools(cluster: Cluster, api: Api, audit: AuditLog) -> AsyncIterator[Namespace]:  # noqa: ARG001
    """The example's namespace, with its operator in it once *audit* is there."""
    async with installed(cluster, api) as namespace:
        yield namespace


def has_exits(count: int) -> Predicate:
    """So many exits are told."""
    return Predicate(
        f"tells {count} exits",
        lambda found: len((found or {}).get("status", {}).get("exits", ())) == count,
    )


async def test_a_toolbox_runs_its_servers_and_reports_their_ends(
    tools: Namespace, cluster: Cluster, audit: AuditLog
) -> None:
    """From the sample to a tool's answer, an exit told once, and an empty namespace."""
    sample: Manifest = yaml.safe_load((FOLDER / "sample.yaml").read_text())
    runs = has("all run", 2, "status", "running")
    await tools.apply(sample)
    toolbox = await tools.until("Toolbox", "desk", runs, READY_SECONDS)
    assert field(toolbox, "status", "exits") == []

    async with (
        forwarded(tools.name, "service/desk-everything") as port,
        Client(f"http://127.0.0.1:{port}/mcp") as client,
    ):
        assert await call_tool(client, "echo", message="So?") == "Echo: So?"

    await cluster.kubectl("-n", tools.name, "exec", "desk-fragile-0", "--", "touch", "/tmp/end")
    await tools.until("Toolbox", "desk", has("one is down", 1, "status", "running"))
    toolbox = await tools.until("Toolbox", "desk", has_exits(1) & runs, READY_SECONDS)
    (told,) = toolbox["status"]["exits"]
    assert (told["server"], told["reason"], told["exitCode"]) == ("fragile", "Error", 3)

    await tools.delete("Toolbox", "desk")
    await tools.until("Toolbox", "desk", is_gone())
    assert await tools.read_all("MCPWorkload") == []
    pods = [pod["metadata"]["name"] for pod in await tools.read_all("Pod")]
    assert [name for name in pods if not name.startswith("toolbox-")] == []

    assert {"patch mcpworkloads", "watch pods"} <= audit.requests(USER).keys()
    assert audit.refusals(USER) == []
    assert "Traceback" not in controller_log()
