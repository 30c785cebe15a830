"""StatefulSets that are replaced under their pods, by an operator that dies meanwhile."""

import asyncio
from typing import Any

from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import field, has, is_ready
from tests.support.process import OperatorProcess

NAMES = [f"store{number}" for number in range(6)]
PODS = [f"{name}-0" for name in NAMES]
CLAIMS = [f"data-{pod}" for pod in PODS]
REQUEST = ("spec", "resources", "requests", "storage")
TEMPLATE = ("spec", "volumeClaimTemplates", 0, *REQUEST)


def make_storing_workload(name: str, size: str) -> Manifest:
    """A workload with a volume of that size."""
    resources = {"requests": {"storage": size}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": resources}
    templates = [{"metadata": {"name": "data"}, "spec": claim}]
    mounts = [{"name": "data", "mountPath": "/data"}]
    return make_running_workload(name, volumeClaimTemplates=templates, volumeMounts=mounts)


async def apply_all(namespace: Namespace, size: str) -> None:
    """Every workload with a volume of that size."""
    await asyncio.gather(*(namespace.apply(make_storing_workload(name, size)) for name in NAMES))


async def kill_at_work(operator: OperatorProcess) -> None:
    """Kill the operator once it has deleted the first StatefulSet."""
    await asyncio.to_thread(operator.wait_for, "but not its pods", 30.0)
    operator.kill()


async def identities(namespace: Namespace) -> dict[str, Any]:
    """The pods and containers that run, by name of the pod."""
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            [status["containerID"] for status in pod["status"]["containerStatuses"]],
        )
        for pod in await namespace.read_all("Pod")
    }


async def test_a_killed_operator_finishes_replacements_and_no_pod_notices(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    """Some claims have grown by then, some StatefulSets are gone, some are made anew."""
    await apply_all(namespace, "1Mi")
    await namespace.until_all("MCPWorkload", NAMES, is_ready(), 60)
    before = await identities(namespace)

    await asyncio.gather(apply_all(namespace, "2Mi"), kill_at_work(operator))
    found = await namespace.read_all("StatefulSet")
    finished = [each for each in found if field(each, *TEMPLATE) == "2Mi"]
    assert len(finished) < len(NAMES), "the operator was faster than the test"
    operator.start_leading()

    await namespace.until_all("StatefulSet", NAMES, has("of the new size", "2Mi", *TEMPLATE))
    await namespace.until_all("MCPWorkload", NAMES, is_ready())
    await namespace.until_all("PersistentVolumeClaim", CLAIMS, has("grown", "2Mi", *REQUEST))
    assert await identities(namespace) == before
