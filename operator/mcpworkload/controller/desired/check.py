"""What the operator asks the servers of a workload, how often, and where."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mcpworkload.api.durations import seconds_of
from mcpworkload.api.server import PROBE_HANDLERS
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.verification import Mode
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.desired.transport import endpoint_path, server_url
from mcpworkload.controller.references import ObjectId
from mcpworkload.verification.target import Kind, Scheme, Target


@dataclass(frozen=True, slots=True)
class Check:
    """How the servers of one workload are verified."""

    mode: Mode
    #: In seconds, as the timeout.
    interval: float
    timeout: float
    kind: Kind
    scheme: Scheme
    port: int
    path: str
    #: The name of the Service with the port, as clients write it.
    authority: str
    #: The Secrets whose keys are headers.
    secrets: tuple[ObjectId, ...] = ()
    #: The one digest of tools that is accepted; empty for any.
    expected_tools: str = ""
    #: The namespace of the operator, which asks.
    asker: str = ""
    #: Whether a pod is ready only while the kubelet can connect to the port.
    is_port_probed: bool = True

    @property
    def is_off(self) -> bool:
        """Whether nothing is asked."""
        return self.mode == "Off"

    @property
    def pause(self) -> float | None:
        """The seconds from an answer to the next question; None for no other one."""
        return self.interval if self.mode == "Periodic" else None

    def target(self, address: str, headers: Mapping[str, str]) -> Target:
        """Return where the server of the pod with that *address* is asked."""
        return Target(
            address, self.port, self.scheme, self.path, self.kind, self.authority, headers
        )


def build_check(workload: Workload, policy: Policy) -> Check:
    """Return how the servers of *workload* are verified; Off for one that is not served."""
    spec, transport = workload.spec, workload.spec.transport
    given = spec.verification
    is_served = spec.bridge is not Bridge.NONE
    return Check(
        mode=(given.mode or policy.verification) if is_served else "Off",
        interval=_seconds(given.interval, policy.verification_interval),
        timeout=_seconds(given.timeout, policy.verification_timeout),
        kind=_kind(workload),
        scheme="https" if transport.scheme == "HTTPS" else "http",
        port=transport.port,
        path=endpoint_path(transport) if is_served else "",
        authority=urlsplit(server_url(workload)).netloc,
        secrets=tuple(
            dict.fromkeys(ObjectId("Secret", each.secret_ref.name) for each in given.headers_from)
        ),
        expected_tools=given.expect_tools or "",
        asker=policy.operator_namespace,
        is_port_probed=not any(
            probe.get("disabled") or not set(PROBE_HANDLERS).isdisjoint(probe)
            for probe in (spec.probes.startup, spec.probes.readiness)
        ),
    )


def _kind(workload: Workload) -> Kind:
    if workload.spec.bridge is not None:
        return "bridge"
    return "sse" if workload.spec.transport.type == "sse" else "streamable-http"


def _seconds(duration: str | None, otherwise: float) -> float:
    return otherwise if duration is None else seconds_of(duration)
