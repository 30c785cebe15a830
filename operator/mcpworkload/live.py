"""
Typed views of live objects: only the fields that we read, decoded straight from the wire.

A Pod as a dictionary is fifteen times larger and several times slower to decode. The spec of
a child stays undecoded: it is compared once with what we want, then dropped.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Generic, TypeVar

import msgspec


class OwnerReference(msgspec.Struct, rename="camel"):
    """Who an object belongs to."""

    uid: str
    kind: str
    name: str
    controller: bool = False


class Metadata(msgspec.Struct, rename="camel"):
    """The part of ObjectMeta that we read."""

    name: str = ""
    uid: str = ""
    namespace: str = ""
    resource_version: str = "0"
    generation: int = 0
    creation_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []
    deletion_timestamp: str | None = None
    #: How long after the request for it the deletion is due.
    deletion_grace_period_seconds: int = 0

    @property
    def version(self) -> int:
        """The resource version as a number, comparable between objects of one kind."""
        return int(self.resource_version or 0)

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the object, if any."""
        return next((ref for ref in self.owner_references if ref.controller), None)


class ListMetadata(msgspec.Struct, rename="camel"):
    """Where a list stands, and how to get its next page."""

    resource_version: str = "0"
    continue_: str = msgspec.field(default="", name="continue")


class Partial(msgspec.Struct):
    """An object's metadata alone (PartialObjectMetadata)."""

    metadata: Metadata


class Child(msgspec.Struct, rename="camel"):
    """
    An object that we apply; its spec is undecoded, and dropped once it has been compared.

    The last four fields are the comparison's memory: never on the wire.
    """

    metadata: Metadata
    spec: msgspec.Raw = msgspec.Raw()
    judged_for: str = ""
    difference: str = ""
    fingerprint: str = ""
    refused: str = ""


class Service(Child):
    """A Service."""


class PodDisruptionBudget(Child):
    """A PodDisruptionBudget."""


class StatefulSetStatus(msgspec.Struct, rename="camel"):
    """How far the StatefulSet controller has come."""

    observed_generation: int = 0
    #: Pods that have been ready for minReadySeconds.
    available_replicas: int = 0
    update_revision: str = ""


# What no update of a StatefulSet's spec can change.
FIXED_FIELDS = ("podManagementPolicy", "selector", "serviceName", "volumeClaimTemplates")


class StatefulSet(Child, rename="camel"):
    """A StatefulSet, and how far its controller has come."""

    status: StatefulSetStatus = msgspec.field(default_factory=StatefulSetStatus)
    #: The fixed fields, encoded, once they were asked for; never on the wire.
    fixed: bytes = b""


class Resources(msgspec.Struct):
    """How much a claim asks for."""

    requests: dict[str, str] = {}


class ClaimSpec(msgspec.Struct, rename="camel"):
    """The part of a claim's spec that growing it depends on."""

    resources: Resources = msgspec.field(default_factory=Resources)
    storage_class_name: str = ""


class Claim(msgspec.Struct):
    """A PersistentVolumeClaim; of these, unlike of the rest, nothing is cached."""

    metadata: Metadata
    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)

    @property
    def size(self) -> str:
        """How much storage it asks for."""
        return self.spec.resources.requests.get("storage", "0")


class Waiting(msgspec.Struct, rename="camel"):
    """Why a container does not run yet, in the kubelet's words."""

    reason: str = ""
    message: str = ""


class Terminated(msgspec.Struct, rename="camel"):
    """How a container ended."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    container_id: str = msgspec.field(default="", name="containerID")


class Running(msgspec.Struct, rename="camel"):
    """Since when a container has been running."""

    started_at: datetime | None = None


class ContainerState(msgspec.Struct, rename="camel"):
    """At most one of them is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, rename="camel"):
    """One container as the kubelet reports it."""

    name: str
    image: str = ""
    #: The one that its state is about; empty when there is none.
    container_id: str = msgspec.field(default="", name="containerID")
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    last_state: ContainerState = msgspec.field(default_factory=ContainerState)


class PodCondition(msgspec.Struct, rename="camel"):
    """One condition of a Pod."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class PodStatus(msgspec.Struct, rename="camel"):
    """The part of a Pod's status that we read; phase, reason and message when it has failed."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    #: When the kubelet saw the pod first, by the node's clock.
    start_time: datetime | None = None
    conditions: list[PodCondition] = []
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


class InitContainer(msgspec.Struct, rename="camel"):
    """One that runs before the others, or, when it is restarted always, beside them."""

    name: str
    restart_policy: str = ""


class ClaimSource(msgspec.Struct, rename="camel"):
    """Which claim a volume is."""

    claim_name: str = ""


class Volume(msgspec.Struct, rename="camel"):
    """A volume of a Pod, if it is a claim; those of claim templates are, too."""

    persistent_volume_claim: ClaimSource | None = None


class PodSpec(msgspec.Struct, rename="camel"):
    """The part of a Pod's spec that its status can't be understood without."""

    node_name: str = ""
    init_containers: list[InitContainer] = []
    volumes: list[Volume] = []


class Pod(msgspec.Struct, rename="camel"):
    """A Pod without most of its spec."""

    metadata: Metadata
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)

    @property
    def is_ready(self) -> bool:
        """The pod serves, and is not on its way out."""
        return self.metadata.deletion_timestamp is None and any(
            condition.type == "Ready" and condition.status == "True"
            for condition in self.status.conditions
        )

    @property
    def containers(self) -> Iterator[ContainerStatus]:
        """All containers, in the order in which they start."""
        yield from self.status.init_container_statuses
        yield from self.status.container_statuses

    def runs_once(self, container: ContainerStatus) -> bool:
        """Whether it is an init container that is meant to end, not a sidecar."""
        return any(
            each.name == container.name and each.restart_policy != "Always"
            for each in self.spec.init_containers
        )


class Regarded(msgspec.Struct, rename="camel"):
    """What an Event is about; the path names the container, if it is about one."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class Series(msgspec.Struct, rename="camel"):
    """An Event that happens again and again."""

    last_observed_time: datetime | None = None


class Event(msgspec.Struct, rename="camel"):
    """What a component of the cluster said about an object."""

    metadata: Metadata
    involved_object: Regarded = msgspec.field(default_factory=Regarded)
    reason: str = ""
    message: str = ""
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: Series | None = None

    @property
    def at(self) -> datetime | None:
        """When it was said last; the older and the newer way to record Events differ in where."""
        again = self.series.last_observed_time if self.series else None
        return again or self.last_timestamp or self.event_time or self.metadata.creation_timestamp


LiveT = TypeVar("LiveT", PodDisruptionBudget, Service, StatefulSet, Claim, Pod, Partial, Event)


class Page(msgspec.Struct, Generic[LiveT]):
    """One page of a list."""

    metadata: ListMetadata
    items: list[LiveT] = []


class WatchEvent(msgspec.Struct):
    """One line of a watch; what the object is depends on the type."""

    type: str
    object: msgspec.Raw
