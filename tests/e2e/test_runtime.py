"""
The library on a real cluster, under the Role that its page names.

Most of what is asked for here fails in the interface's original implementation.
"""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.kube.client import Api
from mcpworkload.runtime import (
    DeployWorkloadOptions,
    KubernetesRuntime,
    NetworkRules,
    PermissionProfile,
    PortBinding,
    Progress,
    RightsMissing,
    WorkloadConflict,
    WorkloadInvalid,
    WorkloadNotFound,
    WorkloadNotReady,
)
from tests.support.manifests import LISTEN, SMALL, make_running_workload, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, exists, is_gone

# Nothing is spared by a pause before the end.
QUICK = json.dumps([{"op": "remove", "path": "/spec/containers/0/lifecycle"}])
CRASH = ["python3", "-c", "print('no token'); raise SystemExit(3)"]
CLAIMS = {
    "volumeClaimTemplates": [
        {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Mi"}},
            },
        }
    ],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
}


async def deploy(
    runtime: KubernetesRuntime, name: str = "weather", **arguments: Any
) -> tuple[str, int]:
    """Deploy a server that starts and ends fast."""
    options = DeployWorkloadOptions(
        k8s_pod_template_patch=QUICK,
        # It is no MCP server.
        verification="Off",
        **arguments.pop("options", {}),
    )
    return await runtime.deploy_workload(
        SMALL, name, entrypoint=LISTEN, options=options, **{"timeout": 60, **arguments}
    )


@pytest.mark.long
async def test_each_call_returns_when_the_workload_is_as_asked_for(
    runtime: KubernetesRuntime, namespace: Namespace
) -> None:
    """Deployed, changed, stopped, started and removed; each call returns when it is true."""
    news: list[Progress] = []
    labels = {"team": "sky"}

    workload, port = await deploy(runtime, labels=labels, progress=news.append)

    assert (workload, port) == (f"{namespace.name}/weather", 8080)
    assert [item.reason for item in news if item.reason != "Pending"] == ["Starting", "Ready"]
    assert labels == {"team": "sky"}
    pod = await namespace.get("Pod", "weather-0")
    assert pod["metadata"]["labels"]["team"] == "sky"
    assert await runtime.is_workload_running(workload)

    before = await namespace.get("MCPWorkload", "weather")
    assert await deploy(runtime, labels=labels) == (workload, port)
    assert await namespace.get("MCPWorkload", "weather") == before

    await deploy(runtime, env_vars={"CITY": "Oslo"})
    changed = await namespace.get("Pod", "weather-0")
    assert changed["metadata"]["uid"] != pod["metadata"]["uid"]
    assert "team" not in changed["metadata"]["labels"]

    await runtime.stop_workload(workload)
    assert await namespace.read_all("Pod") == []
    assert not await runtime.is_workload_running("weather")
    assert (await runtime.get_workload_info("weather")).state == "stopped"
    await runtime.stop_workload(workload)

    await runtime.start_workload(workload)
    assert await runtime.is_workload_running(workload)

    await runtime.stop_workload(workload)
    await deploy(runtime, env_vars={"CITY": "Oslo"})
    assert await runtime.is_workload_running(workload)

    await runtime.remove_workload(workload)
    assert await namespace.read_all("MCPWorkload") == await namespace.read_all("Pod") == []
    with pytest.raises(WorkloadNotFound):
        await runtime.remove_workload(workload)


async def test_a_host_port_opens_no_node(runtime: KubernetesRuntime, namespace: Namespace) -> None:
    """Nor does a number of the node port range hinder anything; what is left out goes."""
    binding = {"9090/tcp": [PortBinding(host_port="30080")]}
    options = {"port_bindings": binding, "sse_headless_service_name": "mcp-weather"}

    _, port = await deploy(runtime, env_vars={"MCP_PORT": "8080"}, options=options)

    assert port == 8080
    service = (await namespace.get("Service", "weather-svc"))["spec"]
    assert service["type"] == "ClusterIP"
    assert [entry["port"] for entry in service["ports"]] == [8080, 30080]
    assert all("nodePort" not in entry for entry in service["ports"])
    alias = (await namespace.get("Service", "mcp-weather"))["spec"]
    assert alias["clusterIP"] == "None"
    assert alias["selector"] == service["selector"]
    info = await runtime.get_workload_info("weather")
    assert [(entry.container_port, entry.host_port) for entry in info.ports] == [
        (8080, 8080),
        (9090, 30080),
    ]

    await deploy(runtime, env_vars={"MCP_PORT": "8080"})

    await namespace.until("Service", "weather-svc", is_gone())
    await namespace.until("Service", "mcp-weather", is_gone())
    assert await namespace.get("Service", "weather")


async def test_a_list_is_one_request(
    runtime: KubernetesRuntime, namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number, and with everything in it."""
    names = [f"weather-{number:02}" for number in range(25)]
    for name in names:
        await namespace.apply(make_workload(name))
    sent: list[str] = []
    request = Api.request

    async def counted(self: Api, method: str, path: str, **options: Any) -> bytes:
        sent.append(method)
        return await request(self, method, path, **options)

    monkeypatch.setattr(Api, "request", counted)
    infos = await runtime.list_workloads()

    assert sent == ["GET"]
    assert [info.name for info in infos] == names
    assert {info.image for info in infos} == {SMALL}
    with pytest.raises(RightsMissing, match="mcpworkloads"):
        await runtime.list_workloads(all_namespaces=True)


async def test_a_sidecar_counts(runtime: KubernetesRuntime, namespace: Namespace) -> None:
    """A workload whose sidecar is not ready does not run, although its server does."""
    lame = {
        "name": "lame",
        "image": SMALL,
        "command": ["python3", "-c", "import time; time.sleep(3600)"],
        "readinessProbe": {"exec": {"command": ["false"]}},
    }
    await namespace.apply(make_running_workload(sidecars=[lame]))

    def serves(pod: dict[str, Any] | None) -> bool:
        statuses = (pod or {}).get("status", {}).get("containerStatuses", [{}])
        return bool(statuses[0].get("ready"))

    await namespace.until("Pod", "weather-0", Predicate("its server is ready", serves), 60)

    assert not await runtime.is_workload_running("weather")
    assert (await runtime.get_workload_info("weather")).state != "running"


async def test_a_failure_comes_with_its_reason(runtime: KubernetesRuntime) -> None:
    """In time where it may heal, at once where it cannot."""
    with pytest.raises(WorkloadNotReady) as crashed:
        await runtime.deploy_workload(SMALL, "crash", entrypoint=CRASH, timeout=6)
    assert crashed.value.reason == "CrashLooping"
    assert crashed.value.log_tail == "no token"
    assert not crashed.value.is_final

    with pytest.raises(WorkloadNotReady) as missing:
        await runtime.deploy_workload("localhost/mcpworkload/nothing:1", "missing", timeout=6)
    assert missing.value.reason == "ImagePullFailed"
    assert (await runtime.get_workload_info("missing")).state == "failed"

    begin = time.monotonic()
    guard = json.dumps([{"op": "test", "path": "/spec/hostNetwork", "value": True}])
    with pytest.raises(WorkloadNotReady) as refused:
        await runtime.deploy_workload(
            SMALL, "guarded", options=DeployWorkloadOptions(k8s_pod_template_patch=guard)
        )
    assert refused.value.reason == "PatchRejected"
    assert refused.value.is_final
    assert time.monotonic() - begin < 10


async def test_what_cannot_be_done_is_refused_and_nothing_is_made(
    runtime: KubernetesRuntime, namespace: Namespace
) -> None:
    """Protection above all: the original ignored what it could not do."""
    for arguments, field in (
        (
            {"permission_profile": PermissionProfile(read=["s3://bucket:/data"])},
            "permission_profile.read[0]",
        ),
        (
            {"permission_profile": PermissionProfile(network=NetworkRules(mode="backend"))},
            "permission_profile.network.mode",
        ),
        ({"transport_type": "carrier-pigeon"}, "spec.transport.type"),
        ({"labels": {"mcpworkload.dev/workload": "other"}}, "spec.labels"),
    ):
        with pytest.raises(WorkloadInvalid) as caught:
            await deploy(runtime, **arguments)
        assert field in str(caught.value.fields)

    assert await namespace.read_all("MCPWorkload") == []


async def test_a_permission_profile_arrives_and_has_effect(
    runtime: KubernetesRuntime, namespace: Namespace
) -> None:
    """As it was given in the spec, and spelled out in the status."""
    await deploy(runtime, permission_profile=PermissionProfile.none())
    written = PermissionProfile(write=["emptydir://:/scratch"])
    await deploy(runtime, "writer", permission_profile=written)

    none, writer = [await namespace.get("MCPWorkload", name) for name in ("weather", "writer")]
    assert none["spec"]["permissionProfile"] == {"builtin": "none"}
    assert "isolateNetwork" not in none["spec"]
    assert none["status"]["permissions"]["capDrop"] == ["ALL"]
    assert writer["spec"]["permissionProfile"] == {"write": ["emptydir://:/scratch"]}
    assert writer["status"]["permissions"]["mounts"] == [
        {"source": "emptydir://", "target": "/scratch", "readOnly": False}
    ]


async def test_what_others_hold_is_left_to_them(
    runtime: KubernetesRuntime, namespace: Namespace
) -> None:
    """A workload of GitOps is not changed behind its back."""
    await namespace.apply(make_workload("weather"))

    with pytest.raises(WorkloadConflict, match=r"\.spec\.image"):
        await runtime.deploy_workload("other:1", "weather")

    workload = await namespace.get("MCPWorkload", "weather")
    assert workload["spec"]["image"] == SMALL


async def claims_of(namespace: Namespace) -> list[str]:
    """The names of the claims that are there."""
    claims = await namespace.read_all("PersistentVolumeClaim")
    return sorted(claim["metadata"]["name"] for claim in claims)


@pytest.mark.slow
async def test_volumes_go_or_stay_as_asked(
    runtime: KubernetesRuntime, namespace: Namespace
) -> None:
    """Those of a stopped workload too, of which Kubernetes loses sight."""
    await namespace.settle(make_running_workload("running", replicas=2, **CLAIMS), 60)
    await namespace.settle(make_running_workload("stopped", **CLAIMS), 60)
    keeps = {**CLAIMS, "volumeRetention": {"whenDeleted": "Delete"}}
    await namespace.settle(make_running_workload("kept", **keeps), 60)
    await runtime.stop_workload("stopped")
    assert len(await claims_of(namespace)) == 4

    await runtime.remove_workload("running")
    await runtime.remove_workload("stopped")
    await runtime.remove_workload("kept", keep_volumes=True)

    assert await claims_of(namespace) == ["data-kept-0"]


async def test_a_cancelled_removal_changes_nothing(
    runtime: KubernetesRuntime, namespace: Namespace
) -> None:
    """What was prepared for it is taken back."""
    await namespace.settle(make_running_workload("weather", **CLAIMS), 60)

    def cancel(news: Progress) -> None:
        if news.reason == "Retention":
            asyncio.get_running_loop().call_later(0.01, removing.cancel)

    removing = asyncio.create_task(runtime.remove_workload("weather", progress=cancel))
    with pytest.raises(asyncio.CancelledError):
        await removing

    workload = await namespace.get("MCPWorkload", "weather")
    assert "deletionTimestamp" not in workload["metadata"]
    assert workload["spec"].get("volumeRetention", {}).get("whenDeleted") is None


async def test_nothing_leaks(runtime: KubernetesRuntime, namespace: Namespace) -> None:
    """Neither tasks nor sockets, after waits that ended, failed and were cancelled."""
    await runtime.is_running()
    descriptors, tasks = count_descriptors(), asyncio.all_tasks()

    for _ in range(3):
        waiting = asyncio.create_task(
            runtime.deploy_workload("localhost/mcpworkload/nothing:1", "weather")
        )
        await namespace.until("MCPWorkload", "weather", exists())
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(WorkloadNotReady):
            await runtime.start_workload("weather", timeout=0.3)
    # Closed sockets go with the loop's next turns.
    await asyncio.sleep(0.1)

    assert asyncio.all_tasks() == tasks
    assert count_descriptors() <= descriptors + 1
    await runtime.close()
    await asyncio.sleep(0.1)
    assert count_descriptors() < descriptors


def count_descriptors() -> int:
    """How many files and sockets this process has open."""
    return sum(1 for _ in Path(f"/proc/{os.getpid()}/fd").iterdir())
