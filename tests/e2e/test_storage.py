"""What a server has stored outlives its pods: deletion, a stop, scaling, another image."""

import pytest

from hack.images.catalog import by_name
from tests.support.cluster import Cluster, retag
from tests.support.kinds import Manifest
from tests.support.manifests import SMALL, make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import has, has_condition, is_gone, is_ready, is_replaced

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
    },
}
RETAGGED = SMALL.replace("/time:", "/time-retagged:")


def make_storing_workload(**spec: object) -> Manifest:
    """A workload with a volume at /data, whose claims are not to be deleted on scaling."""
    fields = {
        "volumeClaimTemplates": [CLAIM],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        **spec,
    }
    return make_running_workload("store", **fields)


async def run(namespace: Namespace, cluster: Cluster, pod: str, command: str) -> str:
    """What a shell command in a pod's server prints."""
    shell = ["exec", pod, "--container=mcp", "--", "sh", "-c", command]
    return await cluster.kubectl("--namespace", namespace.name, *shell)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_data_outlives_everything_but_the_workload(
    namespace: Namespace, cluster: Cluster
) -> None:
    """Also a stop of a workload whose claims go when it is scaled down."""
    workload = make_storing_workload(volumeRetention={"whenScaled": "Delete"})
    await namespace.settle(workload)
    await run(namespace, cluster, "store-0", "echo kept > /data/it")
    first = await namespace.get("Pod", "store-0")

    await namespace.delete("Pod", "store-0")
    await namespace.until("Pod", "store-0", is_replaced(first["metadata"]["uid"]))
    await namespace.until("MCPWorkload", "store", is_ready())
    assert await run(namespace, cluster, "store-0", "cat /data/it") == "kept\n"

    retag(by_name("time"), RETAGGED)
    workload["spec"]["image"] = RETAGGED
    await namespace.settle(workload)
    assert await run(namespace, cluster, "store-0", "cat /data/it") == "kept\n"

    workload["spec"]["operatingMode"] = "Stopped"
    await namespace.settle(workload)
    await namespace.until("MCPWorkload", "store", has_condition("Available", "False", "Stopped"))
    assert await namespace.read_all("Pod") == []
    claim = await namespace.get("PersistentVolumeClaim", "data-store-0")
    assert "deletionTimestamp" not in claim["metadata"]

    # What is asked for while it is stopped is remembered, and comes with the start.
    workload["spec"] |= {"operatingMode": "Running", "replicas": 2}
    await namespace.settle(workload)
    assert await run(namespace, cluster, "store-0", "cat /data/it") == "kept\n"

    workload["spec"]["replicas"] = 1
    await namespace.settle(workload)
    await namespace.until("PersistentVolumeClaim", "data-store-1", is_gone())
    assert await run(namespace, cluster, "store-0", "cat /data/it") == "kept\n"


async def test_claims_go_with_the_workload_where_that_is_asked_for(namespace: Namespace) -> None:
    """Retained by default, deleted by `whenDeleted: Delete`."""
    for name, retention in (("store", "Retain"), ("draft", "Delete")):
        workload = make_storing_workload(volumeRetention={"whenDeleted": retention})
        workload["metadata"]["name"] = name
        await namespace.settle(workload)
    bound = has("is bound", "Bound", "status", "phase")
    await namespace.until("PersistentVolumeClaim", "data-store-0", bound)

    await namespace.delete("MCPWorkload", "store")
    await namespace.delete("MCPWorkload", "draft")

    await namespace.until("PersistentVolumeClaim", "data-draft-0", is_gone())
    await namespace.until("StatefulSet", "store", is_gone())
    await namespace.until("PersistentVolumeClaim", "data-store-0", bound)
