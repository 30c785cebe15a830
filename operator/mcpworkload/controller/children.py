"""
The table of child kinds: one row for each, from which all that depends on the kind is derived.

Paths, informers, the order of applies, prunes, the metadata that a child carries and the keys of
its lists come from the row. A builder imports its row, and a row its typed object, so that a kind
that is missing in one place fails when the operator is imported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.objects.children import (
    Deployment,
    LiveChild,
    NetworkPolicy,
    PodDisruptionBudget,
    Role,
    RoleBinding,
    Service,
    ServiceAccount,
    StatefulSet,
)
from mcpworkload.kube.objects.lists import LiveT


class Pruning(Enum):
    """The moment at which a child that is ours and no longer desired is deleted."""

    NEVER = "never"
    AT_ONCE = "at once"
    #: Once no pod is left that was made while the child was desired.
    AFTER_PODS = "after pods"


@dataclass(frozen=True)
class ChildType:
    """One kind of child: what the API server calls it, and how the operator treats it."""

    live: type[LiveChild]
    api_version: str
    plural: str
    pruning: Pruning
    #: Children of a lower stage are applied before those of a higher one; a binding to a Role is
    #: refused before there is the Role. What makes pods comes last: they need the others, and a
    #: workload of which a name is taken has none.
    stage: int
    #: Whether it carries the labels and annotations of the spec. Clouds and webhooks read those of
    #: service accounts as rights ("act as this role"), and a user who may create pods may not
    #: create service accounts.
    takes_metadata: bool
    #: Whether it exists only for servers that a bridge attaches to; no such child is cached where
    #: the installation forbids that.
    is_for_attach: bool = False
    #: Whether the operator waits at its start until the cache is filled, however long it takes.
    is_vital: bool = True
    #: The lists in it that the API server merges by key, by field; all others are one value.
    list_keys: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def name(self) -> ChildKind:
        """The kind's name in manifests."""
        return self.live.__name__

    def named(self, name: str) -> ChildId:
        """Return the ID of the child of that name."""
        return ChildId(self.name, name)


def labelled_kind(live: type[LiveT], api_version: str, plural: str, **options: Any) -> Kind[LiveT]:
    """Return a kind of which only objects with a workload's label are cached, grouped by it."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return Kind(
        live.__name__,
        root,
        plural,
        live,
        selector={"labelSelector": names.WORKLOAD_LABEL},
        owner_of=_workload_of,
        **options,
    )


def _workload_of(item: Any) -> str:
    name: str = item.metadata.labels[names.WORKLOAD_LABEL]
    return name


_LAST_STAGE = 3
# How lists in a pod template are merged.
_TEMPLATE_KEYS = {
    "containers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_RBAC = "rbac.authorization.k8s.io/v1"

SERVICE = ChildType(Service, "v1", "services", Pruning.AT_ONCE, stage=0, takes_metadata=True)
STATEFUL_SET = ChildType(
    StatefulSet,
    "apps/v1",
    "statefulsets",
    # It stands for pods and volumes.
    Pruning.NEVER,
    stage=_LAST_STAGE,
    takes_metadata=True,
    list_keys={"claims": ("name",), **_TEMPLATE_KEYS},
)
DEPLOYMENT = ChildType(
    Deployment,
    "apps/v1",
    "deployments",
    # The egress proxy: what of the pods is isolated has no other way out.
    Pruning.AFTER_PODS,
    stage=_LAST_STAGE,
    takes_metadata=True,
    # Of isolated workloads alone: others are served with the rights of an earlier version.
    is_vital=False,
    list_keys=_TEMPLATE_KEYS,
)
NETWORK_POLICY = ChildType(
    NetworkPolicy,
    "networking.k8s.io/v1",
    "networkpolicies",
    Pruning.AFTER_PODS,
    stage=0,
    takes_metadata=True,
    is_vital=False,
)
POD_DISRUPTION_BUDGET = ChildType(
    PodDisruptionBudget,
    "policy/v1",
    "poddisruptionbudgets",
    Pruning.AT_ONCE,
    stage=0,
    takes_metadata=True,
)
SERVICE_ACCOUNT = ChildType(
    ServiceAccount,
    "v1",
    "serviceaccounts",
    Pruning.AFTER_PODS,
    stage=0,
    takes_metadata=False,
    is_for_attach=True,
    is_vital=False,
)
ROLE = ChildType(
    Role,
    _RBAC,
    "roles",
    Pruning.AFTER_PODS,
    stage=1,
    takes_metadata=False,
    is_for_attach=True,
    is_vital=False,
)
ROLE_BINDING = ChildType(
    RoleBinding,
    _RBAC,
    "rolebindings",
    Pruning.AFTER_PODS,
    stage=2,
    takes_metadata=False,
    is_for_attach=True,
    is_vital=False,
)

CHILD_TYPES: Mapping[ChildKind, ChildType] = {
    each.name: each
    for each in (
        DEPLOYMENT,
        NETWORK_POLICY,
        POD_DISRUPTION_BUDGET,
        ROLE,
        ROLE_BINDING,
        SERVICE,
        SERVICE_ACCOUNT,
        STATEFUL_SET,
    )
}
CHILD_KINDS: Mapping[ChildKind, Kind[Any]] = {
    name: labelled_kind(each.live, each.api_version, each.plural, is_vital=each.is_vital)
    for name, each in CHILD_TYPES.items()
}
#: In the order in which they are applied.
ATTACH_KINDS: Sequence[ChildKind] = tuple(
    each.name
    for each in sorted(CHILD_TYPES.values(), key=lambda each: each.stage)
    if each.is_for_attach
)


def _merge_list_keys() -> Mapping[str, tuple[str, ...]]:
    # Every child is merged by its owners' UIDs.
    merged: dict[str, tuple[str, ...]] = {"ownerReferences": ("uid",)}
    for each in CHILD_TYPES.values():
        for name, keys in each.list_keys.items():
            if merged.setdefault(name, tuple(keys)) != tuple(keys):
                raise TypeError(f"{each.name} merges {name} by other keys than another kind")
    return merged


#: By field name, for all kinds.
LIST_KEYS = _merge_list_keys()
