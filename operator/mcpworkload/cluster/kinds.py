"""The kinds that we list, watch and apply, and where the API server keeps them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from mcpworkload import names
from mcpworkload.live import (
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
from mcpworkload.references import ReferredKind


def _labelled(item: Any) -> str:
    name: str = item.metadata.labels[names.WORKLOAD_LABEL]
    return name


@dataclass(frozen=True)
class Kind(Generic[LiveT]):
    """A kind: its path in the API and how one of it is decoded."""

    name: str
    root: str
    plural: str
    live: type[LiveT]
    #: Which objects are ours to cache, as parameters of a list or watch.
    selector: Mapping[str, str] = field(
        default_factory=lambda: {"labelSelector": names.WORKLOAD_LABEL}
    )
    #: The name of the workload that an object belongs to.
    workload_of: Callable[[Any], str] = _labelled
    #: Whether its watch says something every minute, if only a bookmark.
    has_pulse: bool = True
    #: Whether nothing may be done before it could be read; of others it is told that they can't.
    is_vital: bool = True

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The path of one object, of a namespace's collection, or of the cluster's."""
        scope = f"/namespaces/{namespace}" if namespace else ""
        tail = f"/{name}" if name else ""
        return f"{self.root}{scope}/{self.plural}{tail}"


STATEFUL_SET = Kind("StatefulSet", "/apis/apps/v1", "statefulsets", StatefulSet)
SERVICE = Kind("Service", "/api/v1", "services", Service)
POD_DISRUPTION_BUDGET = Kind(
    "PodDisruptionBudget", "/apis/policy/v1", "poddisruptionbudgets", PodDisruptionBudget
)
# Only servers that are attached to have these; who may not read them can do without.
SERVICE_ACCOUNT = Kind(
    "ServiceAccount", "/api/v1", "serviceaccounts", ServiceAccount, is_vital=False
)
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = Kind("Role", _RBAC, "roles", Role, is_vital=False)
ROLE_BINDING = Kind("RoleBinding", _RBAC, "rolebindings", RoleBinding, is_vital=False)
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
POD = Kind("Pod", "/api/v1", "pods", Pod, is_vital=False)
# What the StatefulSet controller says when the API server refuses a pod or a claim: there is no
# pod then to read it from. A StatefulSet has its workload's name; which of them are ours shows
# later. The API server keeps no watch cache for Events, hence has no bookmarks to send.
REFUSAL = Kind(
    "Event",
    "/api/v1",
    "events",
    Event,
    selector={"fieldSelector": "involvedObject.kind=StatefulSet,reason=FailedCreate"},
    workload_of=lambda event: event.involved_object.name,
    has_pulse=False,
)
# kopf watches the workloads themselves; we only ask which of them still exist.
WORKLOAD = Kind(names.KIND, f"/apis/{names.API_VERSION}", names.PLURAL, Partial)
