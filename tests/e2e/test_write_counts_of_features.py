"""
What each feature of the spec costs in writes, alone and with all others, counted from outside.

All workloads live side by side, through one life: made, changed, disturbed, seen by a new
operator, deleted. Two status writes are one at once and one when Ready; a change that leaves a
workload Ready needs but the first.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.support.api import Api
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster
from tests.support.manifests import LISTEN, SMALL, make_object, make_running_workload, make_workload
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest, restart_in_cluster
from tests.support.predicates import is_gone, is_ready, is_replaced

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]

SETTLE_SECONDS = 90
QUIET_SECONDS = 3.0
SERVICE, BUDGET, SET = "patch services", "patch poddisruptionbudgets", "patch statefulsets"
STATUS = "patch mcpworkloads/status"


@dataclass(frozen=True)
class Feature:
    """A part of the spec, a change of it, and the children that are written for each."""

    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    #: What goes over the spec later.
    change: Mapping[str, Any] = field(default_factory=dict)
    #: Beside the StatefulSet and its Service.
    children: tuple[str, ...] = ()
    changed: tuple[str, ...] = (SET,)
    #: One where the workload stays Ready, or is so from the start.
    first_statuses: int = 2
    statuses: int = 2

    @property
    def creation(self) -> Counter[str]:
        """Each child once, and the status."""
        return Counter((SERVICE, SET, *self.children, *[STATUS] * self.first_statuses))

    @property
    def update(self) -> Counter[str]:
        """Each child that changes once, and the status."""
        return Counter((*self.changed, *[STATUS] * self.statuses))


def _patch(city: str) -> dict[str, Any]:
    path = "/metadata/annotations/city"
    return {"podTemplatePatch": [{"op": "add", "path": path, "value": city}]}


def _sidecar(city: str) -> dict[str, Any]:
    program = "import signal; signal.sigwait([signal.SIGTERM])"
    command = ["python3", "-I", "-S", "-c", program]
    environment = [{"name": "CITY", "value": city}]
    return {
        "sidecars": [{"name": "beside", "image": SMALL, "command": command, "env": environment}]
    }


def _references(key: str) -> dict[str, Any]:
    sources = [{"configMapRef": {"name": "cities"}}, {"secretRef": {"name": "keys"}}]
    one = {"configMapKeyRef": {"name": "cities", "key": key}}
    return {"envFrom": sources, "env": [{"name": "CITY", "valueFrom": one}]}


_CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
}
_MOUNT = {"name": "data", "mountPath": "/data"}
_STORAGE = {"volumeClaimTemplates": [_CLAIM], "volumeMounts": [_MOUNT]}
_LABELS = {"labels": {"team": "sky"}, "annotations": {"example.com/city": "Oslo"}}
_OTHER_LABELS = {"labels": {"team": "sea"}, "annotations": {"example.com/city": "Bergen"}}
_RESTART = "2026-11-23T12:00:00Z"
_AGAIN = "2026-11-23T13:00:00Z"

FEATURES = (
    Feature("nothing", change={"command": [*LISTEN, "again"]}),
    Feature(
        "second-service",
        {"service": {"type": "ClusterIP"}},
        {"service": {"type": "ClusterIP", "sessionAffinity": "ClientIP"}},
        children=(SERVICE,),
        changed=(SERVICE,),
        statuses=1,
    ),
    Feature(
        "budget",
        {"disruptionBudget": {"maxUnavailable": 1}},
        {"disruptionBudget": {"minAvailable": 1}},
        children=(BUDGET,),
        changed=(BUDGET,),
        statuses=1,
    ),
    Feature("references", _references("first"), _references("second")),
    Feature("patch", _patch("Oslo"), _patch("Bergen")),
    Feature("sidecar", _sidecar("Oslo"), _sidecar("Bergen")),
    Feature(
        "storage",
        _STORAGE,
        {"volumeRetention": {"whenDeleted": "Delete"}},
        statuses=1,
    ),
    Feature("restart", {"restartedAt": _RESTART}, {"restartedAt": _AGAIN}),
    Feature("labels", _LABELS, _OTHER_LABELS, changed=(SERVICE, SET)),
    Feature("stop", change={"operatingMode": "Stopped"}),
    Feature(
        "start",
        {"operatingMode": "Stopped"},
        {"operatingMode": "Running"},
        first_statuses=1,
    ),
    Feature(
        "everything",
        {
            "service": {"type": "ClusterIP"},
            "disruptionBudget": {"maxUnavailable": 1},
            "restartedAt": _RESTART,
            **_references("first"),
            **_patch("Oslo"),
            **_sidecar("Oslo"),
            **_STORAGE,
            **_LABELS,
        },
        {
            "service": {"type": "ClusterIP", "sessionAffinity": "ClientIP"},
            "disruptionBudget": {"minAvailable": 1},
            "restartedAt": _AGAIN,
            **_references("second"),
            **_patch("Bergen"),
            **_sidecar("Bergen"),
            **_OTHER_LABELS,
            "volumeRetention": {"whenDeleted": "Delete"},
        },
        children=(SERVICE, BUDGET),
        changed=(SERVICE, SERVICE, BUDGET, SET),
    ),
)
NAMES = tuple(feature.name for feature in FEATURES)

each_feature = pytest.mark.parametrize(
    "feature", [pytest.param(feature, id=feature.name) for feature in FEATURES]
)


@dataclass
class Life:
    """The operator's writes in each part of the workloads' lives, by workload."""

    namespace: Namespace
    log: AuditLog
    parts: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)

    def begin(self) -> None:
        """Count from now on."""
        self.log = self.log.from_now()

    async def end(self, part: str) -> None:
        """File what was written since `begin`, and a little later, under *part*."""
        await asyncio.sleep(QUIET_SECONDS)
        writes = self.log.writes(self.namespace.name)
        self.parts[part] = {
            name: Counter(str(write) for write in writes if write.name in (name, f"{name}-svc"))
            for name in NAMES
        }

    async def all_ready(self) -> None:
        """Return when each of them is."""
        await self.namespace.until_all("MCPWorkload", NAMES, is_ready(), SETTLE_SECONDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def life(cluster: Cluster, operator_under_test: OperatorUnderTest) -> AsyncIterator[Life]:
    """One life of each workload, all at a time."""
    log = AuditLog(cluster.require_audit_log())
    operator_under_test.put_in()
    async with (
        Api.open(cluster.kubeconfig) as api,
        Namespace.open(api, "write-counts", operator_under_test.log) as namespace,
    ):
        life = Life(namespace, log)
        cities = {"first": "Oslo", "second": "Bergen"}
        await namespace.create(make_object("ConfigMap", "cities", data=cities))
        await namespace.create(make_object("Secret", "keys", stringData={"KEY": "x"}))
        for part in (_create, _update, _change_content, _disturb, _restart, _delete):
            life.begin()
            await part(life)
            await life.end(part.__name__)
        yield life


async def _create(life: Life) -> None:
    for feature in FEATURES:
        await life.namespace.apply(make_running_workload(feature.name, **feature.spec))
    await life.all_ready()


async def _update(life: Life) -> None:
    for feature in FEATURES:
        spec = {**feature.spec, **feature.change}
        await life.namespace.apply(make_running_workload(feature.name, **spec))
    await life.all_ready()


async def _change_content(life: Life) -> None:
    """What two of the workloads read."""
    pods = [f"{name}-0" for name in ("references", "everything")]
    uids = [(await life.namespace.get("Pod", pod))["metadata"]["uid"] for pod in pods]
    await life.namespace.patch("ConfigMap", "cities", {"data": {"second": "Tromsø"}})
    for pod, uid in zip(pods, uids, strict=True):
        await life.namespace.until("Pod", pod, is_replaced(uid), SETTLE_SECONDS)
    await life.all_ready()


async def _disturb(life: Life) -> None:
    """By others, in ways that are none of our business."""
    noise = {"metadata": {"labels": {"theirs": "x"}, "annotations": {"theirs": "x"}}}
    for kind in ("MCPWorkload", "StatefulSet", "Service", "PodDisruptionBudget", "Pod"):
        for item in await life.namespace.read_all(kind):
            await life.namespace.patch(kind, item["metadata"]["name"], noise)
    await life.namespace.patch("ConfigMap", "cities", {"metadata": {"labels": {"theirs": "x"}}})


async def _restart(life: Life) -> None:
    await asyncio.to_thread(restart_in_cluster)
    # Once a newcomer is served, everything that was there before has been looked at.
    await life.namespace.settle(make_workload("newcomer"))


async def _delete(life: Life) -> None:
    for name in NAMES:
        await life.namespace.delete("MCPWorkload", name)
    for name in NAMES:
        await life.namespace.until("StatefulSet", name, is_gone(), SETTLE_SECONDS)
        await life.namespace.until("Pod", f"{name}-0", is_gone(), SETTLE_SECONDS)


@each_feature
def test_what_it_costs(life: Life, feature: Feature) -> None:
    """To have it, and to change it."""
    assert life.parts["_create"][feature.name] == feature.creation
    assert life.parts["_update"][feature.name] == feature.update


@each_feature
def test_what_changed_content_costs(life: Life, feature: Feature) -> None:
    """Those who read it pay as for an update; nobody else pays."""
    reads = feature.name in ("references", "everything")
    assert life.parts["_change_content"][feature.name] == Counter([SET, STATUS, STATUS] * reads)


@each_feature
def test_what_costs_nothing(life: Life, feature: Feature) -> None:
    """Foreign labels, a new operator, deletion."""
    for part in ("_disturb", "_restart", "_delete"):
        assert life.parts[part][feature.name] == Counter(), part
