"""A field behind a feature gate, on API servers that have the gate shut and open."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.audit import AuditLog
from tests.support.cluster import make
from tests.support.manifests import LISTEN, make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, field, has, is_ready, is_replaced

GATE = "MaxUnavailableStatefulSet"
# Long enough for a controller to take one pod more, and for the operator to write once more.
QUIET_SECONDS = 3.0
PODS = ("server-0", "server-1", "server-2", "server-3")
ALLOWED = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
DROPPED = "has no feature for spec.updateStrategy.rollingUpdate.maxUnavailable"
COMMAND = ("spec", "template", "spec", "containers", 0, "command")
FIELD = ("spec", "updateStrategy", "rollingUpdate", "maxUnavailable")

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("_operator_in_cluster")]


@pytest.fixture(scope="module")
def _gates_as_before() -> Iterator[None]:
    """Afterwards the cluster is as Kubernetes has it."""
    yield
    make("up")


@pytest.fixture(params=[False, True], ids=["shut", "open"], scope="module")
def is_open(request: pytest.FixtureRequest, _gates_as_before: None) -> bool:
    """Whether the cluster's gate is open."""
    is_open: bool = request.param
    make("up", FEATURE_GATES=f"{GATE}={str(is_open).lower()}")
    return is_open


async def test_as_many_pods_are_replaced_at_once_as_the_cluster_can(
    is_open: bool, namespace: Namespace, audit: AuditLog
) -> None:
    """A dropped field is said; in neither case is there a fight for it."""
    workload = make_running_workload("server", replicas=4, updateStrategy=ALLOWED)
    settled = await namespace.settle(workload, 90)
    pods = {name: (await namespace.get("Pod", name))["metadata"]["uid"] for name in PODS}
    assert (DROPPED in condition_of(settled, "Accepted")["message"]) is not is_open
    kept = field(await namespace.get("StatefulSet", "server"), *FIELD)
    assert kept == (2 if is_open else None)
    log = audit.from_now()

    # Pods of the next template never start, so that as many are missing as may be, and stay so.
    broken = {**workload["spec"], "command": ["no-such-program"]}
    await namespace.apply({**workload, "spec": broken})
    replaced = PODS[2:] if is_open else PODS[3:]
    for name in replaced:
        await namespace.until("Pod", name, is_replaced(pods[name]), 60)
    await asyncio.sleep(QUIET_SECONDS)
    for name in set(PODS) - set(replaced):
        assert (await namespace.get("Pod", name))["metadata"]["uid"] == pods[name]

    # Somebody else's annotation has the operator look once more.
    await namespace.patch("StatefulSet", "server", {"metadata": {"annotations": {"mine": "x"}}})
    await namespace.apply(workload)
    if is_open:
        # With the gate open Kubernetes itself replaces no pod while as many as may be are missing.
        await namespace.until("StatefulSet", "server", has("our command", LISTEN, *COMMAND))
        for name in replaced:
            await namespace.delete("Pod", name)
    await namespace.until("MCPWorkload", "server", is_ready(), 90)
    written = [str(each) for each in log.writes(namespace.name) if "/status" not in each.resource]
    assert written == ["patch statefulsets"] * 2
