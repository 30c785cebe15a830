"""What no update of a StatefulSet can change comes all the same, and no pod notices."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.api import APPLY
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster
from tests.support.kinds import Manifest, path_of
from tests.support.manifests import make_object, make_running_workload
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.predicates import (
    Predicate,
    condition_of,
    field,
    has,
    has_condition,
    is_gone,
    is_ready,
    is_replaced,
)

QUIET_SECONDS = 3.0
OWNERS = ("metadata", "ownerReferences")
REQUEST = ("spec", "resources", "requests", "storage")
# The claim and the StatefulSet are judged by a dry run each before anything is changed.
GROWTH = {
    "patch persistentvolumeclaims": 2,
    "patch statefulsets": 2,
    "delete statefulsets": 1,
    "patch mcpworkloads/status": 1,
}


def make_storing_workload(size: str = "1Mi", storage_class: str = "", **spec: Any) -> Manifest:
    """A workload with a volume of that size at /data."""
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    if storage_class:
        claim["storageClassName"] = storage_class
    fields = {
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        **spec,
    }
    return make_running_workload("store", **fields)


async def run(namespace: Namespace, cluster: Cluster, command: str) -> str:
    """What a shell command in the first pod's server prints."""
    shell = ["exec", "store-0", "--container=mcp", "--", "sh", "-c", command]
    return await cluster.kubectl("--namespace", namespace.name, *shell)


async def traits(namespace: Namespace, pod: str = "store-0") -> list[Any]:
    """What tells a pod that was left alone from one that was not."""
    found = await namespace.get("Pod", pod)
    (container,) = found["status"]["containerStatuses"]
    return [found["metadata"]["uid"], container["containerID"], container["restartCount"]]


@pytest.fixture
async def rigid(namespace: Namespace) -> AsyncIterator[str]:
    """A StorageClass like the default one, whose claims may not grow."""
    name = f"rigid-{secrets.token_hex(3)}"
    like = next(
        each
        for each in await namespace.api.read_all("StorageClass")
        if "storageclass.kubernetes.io/is-default-class" in each["metadata"].get("annotations", {})
    )
    parts = {key: like[key] for key in ("provisioner", "reclaimPolicy", "volumeBindingMode")}
    await namespace.api.create(make_object("StorageClass", name, **parts))
    yield name
    await namespace.api.delete("StorageClass", "", name)


@pytest.mark.alone
@pytest.mark.timeout(300)
async def test_claims_grow_and_the_pods_stay(
    namespace: Namespace, cluster: Cluster, audit: AuditLog, measurements: Measurements
) -> None:
    """Also those that are to come get the new size; nobody sees the workload not Ready."""
    # Such claims belong to the StatefulSet, and would go with it.
    retention = {"whenDeleted": "Delete"}
    workload = await namespace.settle(make_storing_workload(volumeRetention=retention))
    owned = Predicate("has an owner", lambda claim: bool(field(claim or {}, *OWNERS)))
    await namespace.until("PersistentVolumeClaim", "data-store-0", owned)
    await run(namespace, cluster, "echo kept > /data/it")
    before, old = await traits(namespace), await namespace.get("StatefulSet", "store")
    await asyncio.sleep(QUIET_SECONDS)
    log = audit.from_now()

    grown = await namespace.settle(make_storing_workload("2Mi", volumeRetention=retention))
    await asyncio.sleep(QUIET_SECONDS)
    writes = log.count(namespace.name)

    await namespace.until("StatefulSet", "store", is_replaced(old["metadata"]["uid"]))
    await namespace.until("PersistentVolumeClaim", "data-store-0", has("grown", "2Mi", *REQUEST))
    assert await traits(namespace) == before
    assert await run(namespace, cluster, "cat /data/it") == "kept\n"
    since = [condition_of(each, "Ready")["lastTransitionTime"] for each in (workload, grown)]
    assert since[0] == since[1]

    await namespace.settle(make_storing_workload("2Mi", volumeRetention=retention, replicas=2))
    await namespace.until("PersistentVolumeClaim", "data-store-1", has("as large", "2Mi", *REQUEST))
    assert await traits(namespace) == before
    measurements.note(f"writes: a claim that grows {dict(writes)}")
    assert writes == GROWTH


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_class_that_does_not_let_claims_grow(
    namespace: Namespace, audit: AuditLog, rigid: str
) -> None:
    """Refused with what to do, and nothing changed; the spec can go back, the class can heal it."""
    await namespace.settle(make_storing_workload("1Mi", rigid, replicas=2))
    before, old = await traits(namespace), await namespace.get("StatefulSet", "store")
    foreign = make_object(
        "PersistentVolumeClaim",
        "data-store-7",
        spec={
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": rigid,
            "resources": {"requests": {"storage": "1Mi"}},
        },
    )
    await namespace.create(foreign)
    log = audit.from_now()

    await namespace.apply(make_storing_workload("2Mi", rigid, replicas=2))
    refused = await namespace.until(
        "MCPWorkload", "store", has_condition("Accepted", "False", "Rejected")
    )
    message = condition_of(refused, "Accepted")["message"]
    assert message.startswith(
        "spec.volumeClaimTemplates[data].spec.resources.requests.storage: found 2Mi; write 1Mi "
        f"again, or have the StorageClass {rigid} allow it (allowVolumeExpansion: true): the "
        "claim data-store-0 cannot grow: "
    )
    assert condition_of(refused, "Stalled") == {}
    assert condition_of(refused, "Available")["status"] == "True"
    await asyncio.sleep(QUIET_SECONDS)
    # One claim was judged, once, and that was that.
    assert log.count(namespace.name)["patch persistentvolumeclaims"] == 1
    assert (await namespace.get("StatefulSet", "store"))["metadata"]["uid"] == old["metadata"][
        "uid"
    ]

    await namespace.settle(make_storing_workload("1Mi", rigid, replicas=2))

    await namespace.apply(make_storing_workload("3Mi", rigid, replicas=2))
    await namespace.until("MCPWorkload", "store", has_condition("Accepted", "False", "Rejected"))
    await namespace.api.patch("StorageClass", "", rigid, {"allowVolumeExpansion": True})
    await namespace.until("MCPWorkload", "store", is_ready(), seconds=60)
    for name, size in (("data-store-0", "3Mi"), ("data-store-1", "3Mi"), ("data-store-7", "1Mi")):
        await namespace.until("PersistentVolumeClaim", name, has(f"of {size}", size, *REQUEST))
    assert await traits(namespace) == before

    await namespace.apply(make_storing_workload("2Mi", rigid, replicas=2))
    shrunk = await namespace.until(
        "MCPWorkload", "store", has_condition("Accepted", "False", "InvalidSpec")
    )
    assert "found 2Mi; write 3Mi or more" in condition_of(shrunk, "Accepted")["message"]


async def test_an_orphan_that_no_update_could_adapt_hands_its_pods_over(
    namespace: Namespace,
) -> None:
    """As an operator of another version may have left it behind."""
    workload = make_running_workload("store")
    await namespace.settle(workload)
    before = await traits(namespace)
    await namespace.delete("MCPWorkload", "store", "Orphan")
    await namespace.until("MCPWorkload", "store", is_gone())
    ours = await namespace.get("StatefulSet", "store")
    await namespace.delete("StatefulSet", "store", "Orphan")
    await namespace.until("StatefulSet", "store", is_gone())
    spec = {**ours["spec"], "podManagementPolicy": "OrderedReady", "serviceName": "other"}
    metadata = {key: ours["metadata"][key] for key in ("name", "labels", "annotations")}
    older = make_object("StatefulSet", "store", spec=spec) | {"metadata": metadata}
    path, query = path_of("StatefulSet", namespace.name, "store"), {"fieldManager": "mcpworkload"}
    orphan = await namespace.api.request("PATCH", path, older, APPLY, query)

    await namespace.settle(workload)

    found = await namespace.get("StatefulSet", "store")
    assert found["metadata"]["uid"] != orphan["metadata"]["uid"]
    assert found["metadata"]["ownerReferences"][0]["kind"] == "MCPWorkload"
    assert [found["spec"][key] for key in ("podManagementPolicy", "serviceName")] == [
        "Parallel",
        "store",
    ]
    assert await traits(namespace) == before
