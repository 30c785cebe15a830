"""The policy of an installation: what pods may hold, and where the bridge comes from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from mcpworkload.api.verification import Mode
from mcpworkload.controller.settings import BridgeVolume, PodSecurity, Settings


@dataclass(frozen=True)
class GateTarget:
    """The operator's own Service, as the gates of isolated pods try it."""

    #: Its cluster IP.
    address: str
    #: The port that isolated pods may connect to, of the Service and of the operator's pods
    #: alike: a sign that the operator is there.
    control_port: int
    #: The port that they must not connect to.
    forbidden_port: int
    #: Whether the Service has an address of IPv6 as well, or alone, so that the cluster has it.
    has_ipv6: bool = False


@dataclass(frozen=True)
class Policy:
    """The rules of an installation, and what it brings along for stdio servers."""

    pod_security: PodSecurity = PodSecurity.BASELINE
    #: Empty where there is none.
    bridge_image: str = ""
    bridge_volume: BridgeVolume = BridgeVolume.COPY
    is_attach_allowed: bool = True
    #: Whether Services may be given to load balancers and to controllers that read annotations.
    is_exposure_allowed: bool = True
    #: For whom a token is that the API server takes, beside the names that it has everywhere.
    api_audiences: tuple[str, ...] = ()
    #: Empty where there is none.
    egress_image: str = ""
    #: Whether isolated pods start only once their rules are seen to be enforced.
    is_gate_required: bool = True
    #: None where the operator has no Service.
    gate: GateTarget | None = None
    #: Where the operator's pods are, which connect to isolated servers.
    operator_namespace: str = "mcpworkload-system"
    #: Networks of DNS servers that are no pods of the cluster's DNS.
    dns_servers: tuple[str, ...] = ()
    #: Directories of nodes that pods may mount.
    host_paths: tuple[str, ...] = ()
    #: How servers are verified whose spec says nothing else; times in seconds.
    verification: Mode = "Periodic"
    verification_interval: float = 300.0
    verification_timeout: float = 10.0

    @classmethod
    def of(
        cls, settings: Settings, audiences: Iterable[str] = (), gate: GateTarget | None = None
    ) -> "Policy":
        """
        Return the policy of *settings*, where the API server takes tokens for *audiences*.

        *gate* is how isolated pods reach the operator.
        """
        return cls(
            pod_security=settings.pod_security,
            bridge_image=settings.bridge_image,
            bridge_volume=settings.bridge_volume,
            is_attach_allowed=settings.is_attach_allowed,
            is_exposure_allowed=settings.is_exposure_allowed,
            api_audiences=(*settings.api_audiences, *audiences),
            egress_image=settings.egress_image,
            is_gate_required=settings.is_gate_required,
            gate=gate,
            operator_namespace=settings.operator_namespace,
            dns_servers=settings.dns_servers,
            host_paths=settings.host_paths,
            verification=settings.verification,
            verification_interval=settings.verification_interval,
            verification_timeout=settings.verification_timeout,
        )

    @property
    def has_ipv6(self) -> bool:
        """True if the cluster is known to have IPv6."""
        return self.gate is not None and self.gate.has_ipv6

    def allows_host_path(self, path: str) -> bool:
        """Return whether pods may mount *path* of their node, written as short as it can be."""
        return any(path == folder or path.startswith(f"{folder}/") for folder in self.host_paths)

    def of_namespace(self, level: PodSecurity) -> "Policy":
        """Return the policy for a namespace that enforces that level of Pod Security."""
        return replace(self, pod_security=level, host_paths=())


DEFAULT_POLICY: Final = Policy()
