"""
Typed views of live objects: only the fields that are read, decoded straight from the wire.

Each kind has its class, to be named in a `Kind`: `children` are objects that the operator applies,
`pods` and `events` what the kubelet reports, `metadata` what all objects have, `lists` the pages
and watch events that they arrive in.

A Pod as a dictionary is fifteen times larger and several times slower to decode. The spec of a
child stays undecoded: it is compared once with the desired one, then left out of the cached copy.
"""

from mcpworkload.kube.objects.children import (
    FIXED_FIELDS,
    Claim,
    ClaimSpec,
    Deployment,
    DeploymentStatus,
    LiveChild,
    NetworkPolicy,
    PodDisruptionBudget,
    Resources,
    Role,
    RoleBinding,
    Service,
    ServiceAccount,
    StatefulSet,
    StatefulSetStatus,
)
from mcpworkload.kube.objects.events import Event, Regarded, Series
from mcpworkload.kube.objects.lists import LiveT, Page, WatchEvent
from mcpworkload.kube.objects.metadata import ListMetadata, Metadata, OwnerReference, Partial
from mcpworkload.kube.objects.pods import (
    ClaimSource,
    ContainerState,
    ContainerStatus,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
    Probe,
    Running,
    SpecContainer,
    Terminated,
    Volume,
    Waiting,
)

__all__ = [
    "FIXED_FIELDS",
    "Claim",
    "ClaimSource",
    "ClaimSpec",
    "ContainerState",
    "ContainerStatus",
    "Deployment",
    "DeploymentStatus",
    "Event",
    "ListMetadata",
    "LiveChild",
    "LiveT",
    "Metadata",
    "NetworkPolicy",
    "OwnerReference",
    "Page",
    "Partial",
    "Pod",
    "PodCondition",
    "PodDisruptionBudget",
    "PodSpec",
    "PodStatus",
    "Probe",
    "Regarded",
    "Resources",
    "Role",
    "RoleBinding",
    "Running",
    "Series",
    "Service",
    "ServiceAccount",
    "SpecContainer",
    "StatefulSet",
    "StatefulSetStatus",
    "Terminated",
    "Volume",
    "Waiting",
    "WatchEvent",
]
