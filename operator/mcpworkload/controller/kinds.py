"""The kinds that the operator lists, watches and applies."""

from collections.abc import Mapping
from typing import Any

from mcpworkload.api import names
from mcpworkload.controller.references import ReferredKind
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.objects import (
    Claim,
    Event,
    LiveT,
    Partial,
    Pod,
    PodDisruptionBudget,
    Role,
    RoleBinding,
    Service,
    ServiceAccount,
    StatefulSet,
)


def _workload_of(item: Any) -> str:
    name: str = item.metadata.labels[names.WORKLOAD_LABEL]
    return name


def _labelled(
    name: str, root: str, plural: str, live: type[LiveT], *, is_vital: bool = True
) -> Kind[LiveT]:
    """A kind of which only what carries the label of a workload is cached, grouped by that."""
    return Kind(
        name,
        root,
        plural,
        live,
        selector={"labelSelector": names.WORKLOAD_LABEL},
        owner_of=_workload_of,
        is_vital=is_vital,
    )


STATEFUL_SET = _labelled("StatefulSet", "/apis/apps/v1", "statefulsets", StatefulSet)
SERVICE = _labelled("Service", "/api/v1", "services", Service)
POD_DISRUPTION_BUDGET = _labelled(
    "PodDisruptionBudget", "/apis/policy/v1", "poddisruptionbudgets", PodDisruptionBudget
)
# Only servers that are attached to have these; who may not read them can do without.
SERVICE_ACCOUNT = _labelled(
    "ServiceAccount", "/api/v1", "serviceaccounts", ServiceAccount, is_vital=False
)
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = _labelled("Role", _RBAC, "roles", Role, is_vital=False)
ROLE_BINDING = _labelled("RoleBinding", _RBAC, "rolebindings", RoleBinding, is_vital=False)
CHILD_KINDS: Mapping[names.ChildKind, Kind[Any]] = {
    "PodDisruptionBudget": POD_DISRUPTION_BUDGET,
    "Role": ROLE,
    "RoleBinding": ROLE_BINDING,
    "Service": SERVICE,
    "ServiceAccount": SERVICE_ACCOUNT,
    "StatefulSet": STATEFUL_SET,
}
# What pods may refer to; nothing but the metadata of these is listed or watched.
REFERRED_KINDS: Mapping[ReferredKind, Kind[Partial]] = {
    "ConfigMap": Kind("ConfigMap", "/api/v1", "configmaps", Partial),
    "Secret": Kind("Secret", "/api/v1", "secrets", Partial),
}
# Listed where claims are to grow; never watched.
CLAIM = Kind("PersistentVolumeClaim", "/api/v1", "persistentvolumeclaims", Claim)
POD = _labelled("Pod", "/api/v1", "pods", Pod, is_vital=False)
# What the StatefulSet controller says when the API server refuses a pod or a claim: there is no
# pod then to read it from. A StatefulSet has its workload's name; which of them are ours shows
# later. The API server keeps no watch cache for Events, hence has no bookmarks to send.
REFUSAL = Kind(
    "Event",
    "/api/v1",
    "events",
    Event,
    selector={"fieldSelector": "involvedObject.kind=StatefulSet,reason=FailedCreate"},
    owner_of=lambda event: event.involved_object.name,
    has_pulse=False,
)
# kopf watches the workloads themselves; we only ask which of them still exist.
WORKLOAD = Kind(names.KIND, f"/apis/{names.API_VERSION}", names.PLURAL, Partial)
