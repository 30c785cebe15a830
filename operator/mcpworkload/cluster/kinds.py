"""The kinds that we list, watch and apply, and where the API server keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from mcpworkload import names
from mcpworkload.live import LiveT, Partial, Pod, PodDisruptionBudget, Service, StatefulSet
from mcpworkload.references import ReferredKind


@dataclass(frozen=True)
class Kind(Generic[LiveT]):
    """A kind: its path in the API and how one of it is decoded."""

    name: str
    root: str
    plural: str
    live: type[LiveT]

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
CHILD_KINDS: Mapping[names.ChildKind, Kind[Any]] = {
    "PodDisruptionBudget": POD_DISRUPTION_BUDGET,
    "Service": SERVICE,
    "StatefulSet": STATEFUL_SET,
}
# What pods may refer to; nothing but the metadata of these is listed or watched.
REFERRED_KINDS: Mapping[ReferredKind, Kind[Partial]] = {
    "ConfigMap": Kind("ConfigMap", "/api/v1", "configmaps", Partial),
    "Secret": Kind("Secret", "/api/v1", "secrets", Partial),
}
POD = Kind("Pod", "/api/v1", "pods", Pod)
# kopf watches the workloads themselves; we only ask which of them still exist.
WORKLOAD = Kind(names.KIND, f"/apis/{names.API_VERSION}", names.PLURAL, Partial)
