"""Pods and their containers, as the kubelet reports them."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from mcpworkload.kube.objects.metadata import Metadata


class Waiting(msgspec.Struct, rename="camel", omit_defaults=True):
    """The kubelet's reason and message for a container that does not run yet."""

    reason: str = ""
    message: str = ""


class Terminated(msgspec.Struct, rename="camel", omit_defaults=True):
    """The end of a container."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    container_id: str = msgspec.field(default="", name="containerID")


class Running(msgspec.Struct, rename="camel", omit_defaults=True):
    """The start of a container that runs."""

    started_at: datetime | None = None


class ContainerState(msgspec.Struct, rename="camel", omit_defaults=True):
    """The state of a container: at most one of the fields is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, rename="camel", omit_defaults=True):
    """One container as the kubelet reports it."""

    name: str
    image: str = ""
    #: The one that its state is about; empty when there is none.
    container_id: str = msgspec.field(default="", name="containerID")
    ready: bool = False
    #: Whether its startup probe has passed; of one without, whether it runs.
    started: bool = False
    restart_count: int = 0
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    last_state: ContainerState = msgspec.field(default_factory=ContainerState)


class PodCondition(msgspec.Struct, rename="camel", omit_defaults=True):
    """One condition of a Pod."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class PodStatus(msgspec.Struct, rename="camel", omit_defaults=True):
    """The part of a Pod's status that is read; phase, reason and message when it has failed."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    #: When the kubelet saw the pod first, by the node's clock.
    start_time: datetime | None = None
    pod_ip: str = msgspec.field(default="", name="podIP")
    conditions: list[PodCondition] = []
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


class Probe(msgspec.Struct, rename="camel", omit_defaults=True):
    """The times of a probe, and how often it may fail; the API server's defaults."""

    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


class Hook(msgspec.Struct):
    """A lifecycle hook; what it does is not read."""


class Lifecycle(msgspec.Struct, rename="camel", omit_defaults=True):
    """The hook after the start, if there is one."""

    post_start: Hook | None = None


class SpecContainer(msgspec.Struct, rename="camel", omit_defaults=True):
    """
    A container of the spec, with what the kubelet may end it for.

    An init container runs before the others, or, when it is restarted always, beside them.
    """

    name: str
    restart_policy: str = ""
    #: Whether its standard input is kept open.
    stdin: bool = False
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None


class ClaimSource(msgspec.Struct, rename="camel", omit_defaults=True):
    """The claim of a volume."""

    claim_name: str = ""


class Volume(msgspec.Struct, rename="camel", omit_defaults=True):
    """A volume of a Pod, with its claim if it has one, also one from a claim template."""

    persistent_volume_claim: ClaimSource | None = None


class PodSpec(msgspec.Struct, rename="camel", omit_defaults=True):
    """The part of a Pod's spec that explains its status."""

    node_name: str = ""
    termination_grace_period_seconds: int = 30
    init_containers: list[SpecContainer] = []
    containers: list[SpecContainer] = []
    volumes: list[Volume] = []

    @property
    def all_containers(self) -> Iterator[SpecContainer]:
        """Yield all containers, in the order in which they start."""
        yield from self.init_containers
        yield from self.containers


class Pod(msgspec.Struct, rename="camel", omit_defaults=True):
    """A Pod without most of its spec."""

    metadata: Metadata
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)

    @property
    def is_ready(self) -> bool:
        """True if the pod serves, and is not being deleted."""
        return self.metadata.deletion_timestamp is None and any(
            condition.type == "Ready" and condition.status == "True"
            for condition in self.status.conditions
        )

    @property
    def containers(self) -> Iterator[ContainerStatus]:
        """Yield the status of all containers, in the order in which they start."""
        yield from self.status.init_container_statuses
        yield from self.status.container_statuses

    def runs_once(self, container: ContainerStatus) -> bool:
        """Return whether *container* is an init container that is to end, not a sidecar."""
        return any(
            each.name == container.name and each.restart_policy != "Always"
            for each in self.spec.init_containers
        )
