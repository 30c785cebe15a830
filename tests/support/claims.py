"""A workload whose claims are to grow."""

from dataclasses import replace
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.controller.desired import build_children
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.kube.errors import Forbidden
from mcpworkload.kube.objects import StatefulSet
from tests.support.harness import FakeCluster, Harness, make_harness
from tests.support.parsed import (
    as_applied,
    make_claim,
    make_observation,
    make_pod,
    make_service,
    make_statefulset,
    make_workload,
)

STATEFULSET = ChildId("StatefulSet", "weather")
NO_EXPANSION = Forbidden("the storageclass must support resize", status=403)


def make_claims(size: str) -> list[dict[str, Any]]:
    """The claim templates of the workload."""
    resources = {"requests": {"storage": size}}
    return [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources},
        }
    ]


def make_live(size: str, **changes: Any) -> StatefulSet:
    """The StatefulSet as it was applied for claims of that size."""
    claims = make_claims(size)
    child = build_children(make_workload(volumeClaimTemplates=claims, replicas=2))[1]
    live = make_statefulset(
        **{"annotations": child.manifest["metadata"]["annotations"], "version": 200, **changes},
    )
    return as_applied(live, child)


def observe(statefulset: StatefulSet | None) -> Observation:
    """All children and pods as they should be, but for the StatefulSet."""
    child = build_children(make_workload(volumeClaimTemplates=make_claims("2Gi"), replicas=2))[0]
    service = make_service(annotations=child.manifest["metadata"]["annotations"])
    service = as_applied(service, child)
    pods = [make_pod(f"weather-{ordinal}", ready=True) for ordinal in (0, 1)]
    seen = make_observation(*pods, statefulset=statefulset, children=[service])
    if statefulset is not None:
        return seen
    children = {key: each for key, each in seen.children.items() if key != STATEFULSET}
    return replace(seen, children=children, statefulset=None, pods={})


def at(version: int, observation: Observation) -> Observation:
    """*observation* when the cache of StatefulSets has reached that version."""
    return replace(observation, versions={"Service": 1000, "StatefulSet": version})


def make_cluster(statefulset: StatefulSet | None = None, size: str = "1Gi") -> FakeCluster:
    """Two pods with a claim each, and claims that are none of theirs."""
    claims = [
        *(make_claim(f"data-weather-{ordinal}", size) for ordinal in (0, 1)),
        make_claim("data-weather-extra-0", "1Gi"),
        make_claim("logs-weather-0", "1Gi"),
        make_claim("data-weather-2", "1Gi", labels={names.WORKLOAD_LABEL: "other"}),
        make_claim("data-weather-3", "1Gi", deletionTimestamp="2026-11-23T12:00:00Z"),
        make_claim("data-weather-4", "5Gi"),
    ]
    return FakeCluster(
        observe(statefulset or make_live("1Gi")),
        claims={claim.metadata.name: claim for claim in claims},
    )


def make_growing(cluster: FakeCluster, size: str = "2Gi") -> Harness:
    """A workload whose claims are to be of that size, after a restart of the operator."""
    before = {"observedGeneration": 1, "conditions": []}
    claims = make_claims(size)
    return make_harness(cluster, status=before, volumeClaimTemplates=claims, replicas=2)
