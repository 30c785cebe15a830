"""Exits on a real kubelet: told once by status, Events and the library's Monitor."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hack.kubectl import kubectl
from mcpworkload.runtime import KubernetesRuntime, WorkloadEvicted, WorkloadRemoved
from tests.support.cluster import Cluster
from tests.support.exit_scenarios import MEMORY, Listener, exit_events, make_mortal
from tests.support.manifests import LISTEN, make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, is_gone, is_ready


@pytest.fixture
async def listener(namespace: Namespace, cluster: Cluster) -> AsyncIterator[Listener]:
    """A Monitor of the test's namespace."""
    runtime = await KubernetesRuntime.from_environment(kubeconfig=cluster.kubeconfig)
    async with runtime, runtime.monitor(namespace=namespace.name) as monitor:
        listener = Listener(monitor)
        task = asyncio.create_task(listener.listen())
        yield listener
        await monitor.stop_monitoring()
        await task


def has_restarted(times: int) -> Predicate:
    """status.restarts is at least that."""
    return Predicate(
        f"has {times} restarts",
        lambda found: (found or {}).get("status", {}).get("restarts", 0) >= times,
    )


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_every_kind_of_exit_is_reported_once(
    namespace: Namespace, listener: Listener
) -> None:
    """By status, by one Event, and by the Monitor, all with the same details."""
    expected: dict[str, tuple[int, str]] = {
        "code": (3, "Error"),
        "zero": (0, "Completed"),
        "fault": (139, "Error"),
        "memory": (137, "OOMKilled"),
    }
    limits = {"limits": {"memory": "64Mi"}}
    for way in expected:
        await namespace.apply(make_mortal(way, way, resources=limits))

    for way, (code, reason) in expected.items():
        await namespace.until("MCPWorkload", way, has_restarted(1), 60)
        workload = await namespace.until("MCPWorkload", way, is_ready(), 90)
        told = listener.exits(way)
        status = workload["status"]
        assert status["restarts"] == 1
        assert [(each.exit_code, each.reason) for each in told] == [(code, reason)]
        last = status["lastTermination"]
        assert (last["exitCode"], last["reason"]) == (code, reason)
        assert last["containerID"] == told[0].container_id
        assert await exit_events(namespace, way) == {"Exited": 1}
    assert "so it ends" in kubectl("describe", "mcpw", "code", "-n", namespace.name)
    restarted = [type(each).__name__ for each in listener.told if each.workload.endswith("/code")]
    assert restarted == ["WorkloadExited", "WorkloadRestarted"]


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_helpers_count_too(namespace: Namespace, listener: Listener) -> None:
    """A sidecar that ends, and an init container that fails before it succeeds."""
    once = "test -e /memory/{0} || {{ touch /memory/{0}; sleep 1; exit {1}; }}"
    helper = {
        "image": make_running_workload()["spec"]["image"],
        "volumeMounts": MEMORY["volumeMounts"],
    }
    sidecar = {
        **helper,
        "name": "helper",
        "command": ["sh", "-c", once.format("a", 0) + "; sleep 999"],
    }
    first = {**helper, "name": "first", "command": ["sh", "-c", once.format("b", 7)]}
    await namespace.apply(
        make_running_workload("helped", sidecars=[sidecar], initContainers=[first], **MEMORY)
    )

    await namespace.until("MCPWorkload", "helped", has_restarted(2), 90)
    await namespace.until("MCPWorkload", "helped", is_ready(), 90)

    told = sorted((each.container, each.exit_code) for each in listener.exits("helped"))
    assert told == [("first", 7), ("helper", 0)]
    assert await exit_events(namespace, "helped") == {"Exited": 2}


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_an_end_that_was_asked_for_is_not_reported(
    namespace: Namespace, listener: Listener
) -> None:
    """Deletion of the pod, a rollout, a scale-down, a stop, and the removal."""
    calm = make_running_workload("calm", replicas=2)
    await namespace.settle(calm)
    await namespace.delete("Pod", "calm-0")
    await asyncio.sleep(2)
    await namespace.until("MCPWorkload", "calm", is_ready(), 60)
    spec: dict[str, Any] = {**calm["spec"], "restartedAt": "2026-03-01T12:00:00Z"}
    await namespace.settle({**calm, "spec": spec}, 60)
    await namespace.settle({**calm, "spec": {**spec, "replicas": 1}}, 60)
    stopped = await namespace.settle({**calm, "spec": {**spec, "operatingMode": "Stopped"}}, 60)

    await namespace.delete("MCPWorkload", "calm")
    await namespace.until("StatefulSet", "calm", is_gone(), 60)
    # What comes last shows that nothing came before.
    await namespace.settle(make_mortal("last", "code"), 60)
    await namespace.until("MCPWorkload", "last", has_restarted(1), 60)

    assert stopped["status"]["restarts"] == 0
    assert listener.exits("calm") == []
    assert await exit_events(namespace, "calm") == {}
    assert [each for each in listener.told if isinstance(each, WorkloadRemoved)] == [
        WorkloadRemoved(f"{namespace.name}/calm")
    ]


@pytest.mark.timeout(240)
async def test_an_eviction_is_reported(namespace: Namespace, listener: Listener) -> None:
    """The cluster ended the pod, and nobody who owns the workload asked for that."""
    await namespace.settle(make_running_workload("calm", command=LISTEN))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "calm-0"}}
    path = f"/api/v1/namespaces/{namespace.name}/pods/calm-0/eviction"
    await namespace.api.request("POST", path, {**eviction, "metadata": {"name": "calm-0"}})

    workload = await namespace.until("MCPWorkload", "calm", has_restarted(1), 60)

    assert workload["status"]["lastTermination"]["reason"] == "EvictionByEvictionAPI"
    assert await exit_events(namespace, "calm") == {"Evicted": 1}
    assert [type(each) for each in listener.exits("calm")] == [WorkloadEvicted]
