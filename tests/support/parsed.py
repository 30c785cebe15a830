"""Test input from a name and what the test is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.api.workload import Workload
from mcpworkload.controller.children import CHILD_TYPES
from mcpworkload.controller.desired import Child
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.kube.objects import (
    Claim,
    Event,
    LiveChild,
    OwnerReference,
    Pod,
    PodDisruptionBudget,
    Service,
    StatefulSet,
)

LiveT = TypeVar("LiveT", bound=LiveChild)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
UID = "0b9c"


def make_body(name: str = "weather", status: dict[str, Any] | None = None, **spec: Any) -> Any:
    """An MCPWorkload as the API server sends it."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": UID,
            "generation": 1,
            "resourceVersion": "100",
        },
        "spec": {"image": "weather:1", "transport": {"type": "streamable-http"}, **spec},
        "status": status or {"observedGeneration": -1},
    }


def make_workload(status: dict[str, Any] | None = None, **spec: Any) -> Workload:
    """A parsed workload."""
    return Workload.parse(make_body(status=status, **spec))


def owner(uid: str, kind: str, name: str = "weather") -> dict[str, Any]:
    """An owner reference of a controller."""
    return {"uid": uid, "kind": kind, "name": name, "controller": True}


def make_statefulset(
    *,
    generation: int = 1,
    observed: int | None = None,
    version: int = 200,
    available: int = 0,
    fixed: dict[str, Any] | None = None,
    **metadata: Any,
) -> StatefulSet:
    """
    A live StatefulSet of the workload, as decoded from a watch.

    Of its spec it has the fixed fields alone, with *fixed* over those of a plain workload.
    """
    plain = {
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": names.selector_labels("weather")},
        "serviceName": "weather",
    }
    content = msgspec.convert(
        {
            "metadata": {
                "name": "weather",
                "uid": "sts",
                "generation": generation,
                "resourceVersion": str(version),
                "ownerReferences": [owner(UID, names.KIND)],
                **metadata,
            },
            "status": {
                "observedGeneration": generation if observed is None else observed,
                "updateRevision": "new",
                "availableReplicas": available,
            },
        },
        StatefulSet,
    )
    spec = msgspec.Raw(msgspec.json.encode({**plain, **(fixed or {})}))
    return msgspec.structs.replace(content, spec=spec)


def as_applied(live: LiveT, child: Child, **content: Any) -> LiveT:
    """*live* with labels, owner and content of *child*, and with *content* over that."""
    wanted: dict[str, Any] = {**child.content, **content}
    raw = {
        live.CONTENT[key]: msgspec.Raw(msgspec.json.encode(value)) for key, value in wanted.items()
    }
    manifest = child.manifest["metadata"]
    owners = msgspec.convert(manifest["ownerReferences"], list[OwnerReference])
    metadata = msgspec.structs.replace(
        live.metadata,
        labels=manifest["labels"],
        # An orphan stays one.
        owner_references=owners if live.metadata.owner_references else [],
    )
    return msgspec.structs.replace(live, metadata=metadata, **raw)


def make_claim(name: str, size: str, version: int = 300, **metadata: Any) -> Claim:
    """A claim of one of the workload's pods."""
    content = {
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"{name}-uid",
            "resourceVersion": str(version),
            "labels": names.selector_labels("weather"),
            **metadata,
        },
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": size}}},
    }
    return msgspec.convert(content, Claim)


def make_service(version: int = 200, **metadata: Any) -> Service:
    """A live Service of the workload."""
    references = [owner(UID, names.KIND)]
    content = {
        "metadata": {
            "name": "weather",
            "uid": "svc",
            "resourceVersion": str(version),
            "ownerReferences": references,
            **metadata,
        }
    }
    return msgspec.convert(content, Service)


def make_budget(**metadata: Any) -> PodDisruptionBudget:
    """A live PodDisruptionBudget of the workload."""
    references = [owner(UID, names.KIND)]
    content = {
        "metadata": {"name": "weather", "uid": "pdb", "ownerReferences": references, **metadata}
    }
    return msgspec.convert(content, PodDisruptionBudget)


def make_pod(
    name: str = "weather-0",
    *,
    ready: bool = False,
    revision: str = "new",
    terminating: bool = False,
    container: dict[str, Any] | None = None,
    condition: dict[str, Any] | None = None,
    since: datetime | None = None,
    spec: dict[str, Any] | None = None,
    **status: Any,
) -> Pod:
    """
    A live pod of the StatefulSet; *container* is the status of its `mcp` container.

    *since* is when it became ready, or ceased to be; *status* goes over the pod's status.
    """
    conditions: list[dict[str, Any]] = [
        {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}
    ]
    content: dict[str, Any] = {
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"{name}-uid",
            "labels": {names.REVISION_LABEL: revision},
            "ownerReferences": [owner("sts", "StatefulSet")],
            "deletionTimestamp": "2026-11-23T12:00:00Z" if terminating else None,
        },
        "spec": spec or {},
        "status": {
            "conditions": [*conditions, condition] if condition else conditions,
            "containerStatuses": [{"name": "mcp", **container}] if container else [],
            **status,
        },
    }
    return msgspec.convert(content, Pod)


def make_pending_pod(
    message: str = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    since: datetime = NOON - timedelta(minutes=5),
) -> Pod:
    """A pod with a claim that no node takes, in the scheduler's words."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
    }
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-weather-0"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return make_pod(condition=condition, since=since, spec={"volumes": volumes})


def make_event(reason: str, message: str, at: datetime = NOON, about: str = "") -> Event:
    """What a component said; *about* is the name of a container, or of a StatefulSet."""
    content = {
        "metadata": {"name": f"{reason}-{at.timestamp()}", "namespace": "team"},
        "involvedObject": {"uid": "sts", "fieldPath": f"spec.containers{{{about}}}"},
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }
    return msgspec.convert(content, Event)


def make_observation(
    *pods: Pod,
    statefulset: StatefulSet | None = None,
    children: Sequence[LiveChild] = (),
    failed_creates: Sequence[Event] = (),
) -> Observation:
    """A snapshot with a settled StatefulSet unless another is given, and *children* beside it."""
    statefulset = statefulset or make_statefulset()
    return Observation(
        children={id_of(child): child for child in (statefulset, *children)},
        statefulset=statefulset,
        pods={pod.metadata.name: pod for pod in pods},
        labelled={pod.metadata.name: pod for pod in pods},
        versions=dict.fromkeys(CHILD_TYPES, 1000),
        failed_creates=failed_creates,
    )


def id_of(child: LiveChild) -> ChildId:
    """Kind and name of a live child."""
    return ChildId(type(child).__name__, child.metadata.name)
