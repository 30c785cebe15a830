"""Whoever writes the number of replicas, by hand or by program: the operator follows."""

from collections.abc import Awaitable, Callable

import pytest

from tests.support.api import RequestFailed
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster
from tests.support.kinds import Manifest, path_of
from tests.support.manifests import make_object, make_running_workload, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, field, has, is_ready

# The autoscaler looks once in 15 s, for the first time after as many.
AUTOSCALER_SECONDS = 60.0
OPERATOR = "mcpworkload"

Write = Callable[[Namespace, str, int], Awaitable[None]]


async def put_scale(namespace: Namespace, name: str, replicas: int) -> None:
    """What KEDA and the HorizontalPodAutoscaler do: read the scale and write it back."""
    path = path_of("MCPWorkload", namespace.name, name, "scale")
    while True:
        scale = await namespace.api.request("GET", path)
        scale["spec"]["replicas"] = replicas
        try:
            await namespace.api.request("PUT", path, scale, query={"fieldManager": "keda"})
        except RequestFailed as failure:
            # The status was written in between: they begin anew, too.
            if failure.status != 409:
                raise
        else:
            return


async def patch_scale(namespace: Namespace, name: str, replicas: int) -> None:
    """What `kubectl scale` does."""
    body = {"spec": {"replicas": replicas}}
    await namespace.api.patch("MCPWorkload", namespace.name, name, body, subresource="scale")


def scales_to(replicas: int) -> Predicate:
    """The number that the spec asks for."""
    return has(f"{replicas} replicas", replicas, "spec", "replicas")


@pytest.mark.parametrize("write", [put_scale, patch_scale])
async def test_the_operator_follows_the_scale_and_never_writes_it(
    namespace: Namespace, audit: AuditLog, write: Write
) -> None:
    """From something to nothing, too; the child is written once for each number."""
    await namespace.settle(make_workload("weather"))
    log = audit.from_now()

    for replicas in (2, 0, 1):
        await write(namespace, "weather", replicas)
        await namespace.until("StatefulSet", "weather", scales_to(replicas))

    workload = await namespace.until("MCPWorkload", "weather", scales_to(1))
    # One that meets a newer status of the StatefulSet is refused and repeated.
    writes = [each for each in log.writes(namespace.name) if each.code < 300]
    written = [str(each) for each in writes if "/status" not in each.resource]
    assert written == ["patch statefulsets"] * 3
    managers = {
        (entry["manager"], entry.get("subresource"))
        for entry in workload["metadata"]["managedFields"]
    }
    assert (OPERATOR, None) not in managers
    assert (OPERATOR, "scale") not in managers


async def test_what_is_scaled_while_stopped_is_there_after_the_start(
    namespace: Namespace, cluster: Cluster
) -> None:
    """No pod before, that many afterwards; the last word counts."""
    workload = make_running_workload("weather", operatingMode="Stopped")
    await namespace.settle(workload)

    await cluster.kubectl("-n", namespace.name, "scale", "mcpw/weather", "--replicas=3")
    await put_scale(namespace, "weather", 2)
    await namespace.until("MCPWorkload", "weather", is_ready() & scales_to(2))
    assert await namespace.read_all("Pod") == []
    assert (await namespace.get("StatefulSet", "weather"))["spec"]["replicas"] == 0

    await namespace.patch("MCPWorkload", "weather", {"spec": {"operatingMode": "Running"}})
    started = await namespace.until("MCPWorkload", "weather", is_ready() & scales_to(2))
    assert started["status"]["readyReplicas"] == 2


def make_autoscaler(name: str, lowest: int) -> Manifest:
    """A HorizontalPodAutoscaler of the workload of that name."""
    target = {"apiVersion": "mcpworkload.dev/v1alpha1", "kind": "MCPWorkload", "name": name}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec = {
        "scaleTargetRef": target,
        "minReplicas": lowest,
        "maxReplicas": 5,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }
    return make_object("HorizontalPodAutoscaler", name, spec=spec)


def autoscaler_says(kind: str, status: str, reason: str) -> Predicate:
    """A condition of an autoscaler."""

    def holds(found: Manifest | None) -> bool:
        conditions = (found and field(found, "status", "conditions")) or []
        return any(
            (each["type"], each["status"], each["reason"]) == (kind, status, reason)
            for each in conditions
        )

    return Predicate(f"{kind}={status} {reason}", holds)


@pytest.mark.long
async def test_a_horizontal_pod_autoscaler_reads_and_writes_the_scale(
    namespace: Namespace, audit: AuditLog
) -> None:
    """
    Real ones; no cluster of ours has metrics, so that one raises to its minimum.

    The other is within its bounds and asks for metrics, for which it needs the selector.
    """
    for name in ("raised", "measured"):
        await namespace.settle(make_workload(name, replicas=1, operatingMode="Stopped"))
    log = audit.from_now()

    await namespace.create(make_autoscaler("raised", 3))
    await namespace.create(make_autoscaler("measured", 1))

    await namespace.until("MCPWorkload", "raised", is_ready() & scales_to(3), AUTOSCALER_SECONDS)
    # An invalid selector would be the reason InvalidSelector.
    asks = autoscaler_says("ScalingActive", "False", "FailedGetResourceMetric")
    asks &= autoscaler_says("AbleToScale", "True", "SucceededGetScale")
    await namespace.until("HorizontalPodAutoscaler", "measured", asks, AUTOSCALER_SECONDS)
    assert (await namespace.get("MCPWorkload", "measured"))["spec"]["replicas"] == 1
    # A stopped workload has nothing to scale yet.
    assert {str(each) for each in log.writes(namespace.name)} == {"patch mcpworkloads/status"}
