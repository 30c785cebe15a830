"""Arguments and results of the runtime: plain, immutable values."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from mcpworkload.runtime import arguments
from mcpworkload.runtime.arguments import Check, Checked

State = Literal["starting", "running", "stopping", "stopped", "failed", "removing"]
#: What can be waited for.
Goal = Literal["ready", "stopped", "removed"]
Verification = Literal["", "Periodic", "OnStart", "Off"]
MountType = Literal["bind", "tmpfs"]


@dataclass(frozen=True)
class PortBinding(Checked):
    """
    Under which port clients find a container's port.

    On Kubernetes the "host" is the workload's Service: a host port is a Service port, private to
    the cluster, whatever its number. Left empty, or "0", it is the container's own number. A
    Service cannot be bound to one address, so `host_ip` may only be empty, `0.0.0.0` or `::`.
    """

    host_ip: str = ""
    host_port: str = ""

    CHECKS: ClassVar[Mapping[str, Check]] = {"host_ip": arguments.text, "host_port": arguments.text}


@dataclass(frozen=True)
class PortMapping:
    """A container's port, and the port of the Service that leads to it."""

    container_port: int
    host_port: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class ServerInfo:
    """
    What a server said of itself when the operator verified it last, cut to a bounded length.

    Nothing of it is checked: decide nothing by it but whether it has changed.
    """

    #: `modern`: each request stands for itself, as of 2026-07-28; `legacy`: a session comes first.
    era: str
    protocol_version: str = ""
    #: The versions that a modern server names.
    supported_versions: Sequence[str] = ()
    name: str = ""
    title: str = ""
    version: str = ""
    #: In characters.
    instructions_length: int = 0
    capabilities: Sequence[str] = ()
    #: None where it offers none, or does not let the operator ask; likewise the two below.
    tools_count: int | None = None
    #: `sha256:` and 64 digits, over names, descriptions, schemas and annotations; empty without a
    #: count, and where the list is too long to be read.
    tools_digest: str = ""
    prompts_count: int | None = None
    resources_count: int | None = None


@dataclass(frozen=True)
class ContainerInfo:
    """A workload as it was when it was read."""

    #: `namespace/name`: what all other methods take.
    id: str
    name: str
    namespace: str
    image: str
    #: A sentence for people: the reason of the condition Ready, and its message.
    status: str
    state: State
    created: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Sequence[PortMapping] = ()
    transport: str = ""
    #: Where clients inside the cluster reach the server; empty until the operator reports it.
    url: str = ""
    #: How many pods are asked for, and how many are ready.
    replicas: int = 1
    ready_replicas: int = 0
    #: Unexpected exits since the workload was created.
    restarts: int = 0
    #: The condition's reason alone, for programs.
    reason: str = ""
    #: When the newest server container that runs has started: after each restart it is a later
    #: one. None where none runs, in a list, and where the caller may not look at pods.
    started_at: datetime | None = None
    #: The reason of the condition Isolated: `Enforced` where the network rules of the permission
    #: profile hold. Empty without a profile and isolation.
    isolation: str = ""
    #: The reason of the condition Verified: `HandshakeOk` where each pod has answered as an MCP
    #: server does. Empty while the operator does not verify it.
    verification: str = ""
    #: What the server said of itself; None while it has not answered.
    server: ServerInfo | None = None


@dataclass(frozen=True)
class Mount(Checked):
    """A volume mounted into the server's container."""

    source: str
    target: str
    read_only: bool = False
    type: MountType = "bind"

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "source": arguments.text,
        "target": arguments.filled,
        "read_only": arguments.flag,
        "type": arguments.one_of("bind", "tmpfs"),
    }


@dataclass(frozen=True)
class PermissionConfig(Checked):
    """A container's rights, spelled out; what a `PermissionProfile` stands for."""

    mounts: Sequence[Mount] = ()
    network_mode: str = ""
    cap_drop: Sequence[str] = ()
    cap_add: Sequence[str] = ()
    security_opt: Sequence[str] = ()
    privileged: bool = False

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "mounts": arguments.each(arguments.instance(Mount)),
        "network_mode": arguments.text,
        "cap_drop": arguments.words,
        "cap_add": arguments.words,
        "security_opt": arguments.words,
        "privileged": arguments.flag,
    }


@dataclass(frozen=True)
class DeployWorkloadOptions(Checked):
    """
    How a workload is deployed, beyond what it is.

    Ports are written as `port/protocol`, such as `8080/tcp`; protocol is tcp, udp or sctp.
    """

    #: The container's ports that the Services offer.
    exposed_ports: Collection[str] = ()
    #: Under which Service port; a port that stands only here is exposed too.
    port_bindings: Mapping[str, Sequence[PortBinding]] = field(default_factory=dict)
    #: Whether the container keeps its standard input open, as `attach_to_workload` needs it; a
    #: stdio server has no bridge then.
    attach_stdio: bool = False
    #: A JSON string that holds an array of RFC 6902 operations on the pod template.
    k8s_pod_template_patch: str = ""
    #: One more headless Service, under this name.
    sse_headless_service_name: str = ""
    #: A Service with an address of its own that sends a client to the same pod again: what several
    #: replicas with sessions in their memory need.
    session_affinity: bool = False
    #: Whether the operator verifies that the server speaks MCP: `Periodic`, `OnStart` or `Off`;
    #: empty for the installation's choice.
    verification: Verification = ""

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "exposed_ports": arguments.texts,
        "port_bindings": arguments.by_key(arguments.each(arguments.instance(PortBinding))),
        "attach_stdio": arguments.flag,
        "k8s_pod_template_patch": arguments.text,
        "sse_headless_service_name": arguments.text,
        "session_affinity": arguments.flag,
        "verification": arguments.one_of("Periodic", "OnStart", "Off", ""),
    }


def new_deploy_workload_options() -> DeployWorkloadOptions:
    """Return the default options: no further ports, nothing attached."""
    return DeployWorkloadOptions()


@dataclass(frozen=True)
class Progress:
    """The state of a wait; passed to the `progress` callback when it changes."""

    workload: str
    #: One word, such as a condition's reason.
    reason: str
    message: str


ProgressCallback = Callable[[Progress], object]
