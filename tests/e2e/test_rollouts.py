"""Rollouts: those that the spec asks for, and those that somebody starts behind its back."""

import pytest

from hack.images.catalog import by_name
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster, retag
from tests.support.manifests import SMALL, make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import field, has, has_condition, is_ready, is_replaced

pytestmark = pytest.mark.slow

RETAGGED = SMALL.replace("/time:", "/time-retagged:")
DRIFT = "DriftReverted"
IMAGE = ("spec", "template", "spec", "containers", 0, "image")


@pytest.mark.timeout(300)
async def test_a_restart_by_kubectl_stays_and_an_undo_is_reverted(
    namespace: Namespace, cluster: Cluster, audit: AuditLog
) -> None:
    """`rollout restart` adds a field of its own; `undo` changes one of ours."""
    workload = make_running_workload("server")
    await namespace.settle(workload)
    retag(by_name("time"), RETAGGED)
    workload["spec"]["image"] = RETAGGED
    await namespace.settle(workload)
    pod = await namespace.get("Pod", "server-0")
    log = audit.from_now()

    await cluster.kubectl("-n", namespace.name, "rollout", "restart", "statefulset/server")
    await namespace.until("Pod", "server-0", is_replaced(pod["metadata"]["uid"]))
    await cluster.kubectl("-n", namespace.name, "rollout", "status", "statefulset/server")
    await namespace.until("MCPWorkload", "server", is_ready())
    assert [write for write in log.writes(namespace.name) if write.resource == "statefulsets"] == []

    undo = ["rollout", "undo", "statefulset/server", "--to-revision=1"]
    await cluster.kubectl("-n", namespace.name, *undo)
    await namespace.until("StatefulSet", "server", has("our image", RETAGGED, *IMAGE))
    await namespace.until("MCPWorkload", "server", is_ready())
    assert (
        len([write for write in log.writes(namespace.name) if write.resource == "statefulsets"])
        == 1
    )
    said = [event for event in await namespace.read_all("CoreEvent") if event["reason"] == DRIFT]
    assert [(event["type"], event["involvedObject"]["kind"]) for event in said] == [
        ("Warning", "MCPWorkload")
    ]
    assert said[0]["message"] == (
        "StatefulSet server: another client changed spec.template.spec.containers[mcp].image, as "
        "`kubectl rollout undo` does, and the operator set it back; change spec.image of the "
        "MCPWorkload (`kubectl edit mcpw server`) instead"
    )


async def test_a_restart_by_the_spec_replaces_the_pods(namespace: Namespace) -> None:
    """Another `restartedAt` is another template."""
    workload = make_running_workload("server")
    await namespace.settle(workload)
    pod = await namespace.get("Pod", "server-0")

    workload["spec"]["restartedAt"] = "2026-11-23T12:00:00Z"
    await namespace.settle(workload)

    assert (await namespace.get("Pod", "server-0"))["metadata"]["uid"] != pod["metadata"]["uid"]


async def test_a_partition_keeps_the_lower_ordinals_as_they_are(namespace: Namespace) -> None:
    """Ready all the same: that is what was asked for."""
    workload = make_running_workload("server", replicas=2)
    await namespace.settle(workload)

    workload["spec"] |= {
        "env": [{"name": "CITY", "value": "Oslo"}],
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
    }
    await namespace.settle(workload)

    cities = [
        entry["value"]
        for name in ("server-0", "server-1")
        for entry in field(await namespace.get("Pod", name), "spec", "containers", 0, "env")
        if entry["name"] == "CITY"
    ]
    assert cities == ["Oslo"]


async def test_a_broken_revision_heals_when_the_spec_does(namespace: Namespace) -> None:
    """No pod has to be deleted by hand."""
    workload = make_running_workload("server")
    await namespace.settle(workload)

    workload["spec"]["command"] = ["no-such-program"]
    await namespace.apply(workload)
    broken = has_condition("Available", "False", "StartFailed")
    await namespace.until("MCPWorkload", "server", broken)

    await namespace.settle(make_running_workload("server"))
