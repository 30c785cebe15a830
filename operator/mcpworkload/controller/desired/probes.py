"""Build the server's probes: the user's, or ours: a TCP connection, or a request to the bridge."""

from copy import deepcopy
from typing import Any

from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.server import PROBE_HANDLERS
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.api.stdio import Bridge
from mcpworkload.controller.desired.transport import with_scheme
from mcpworkload.kube.manifest import Manifest

# A server may install itself at its first start (npx, uvx): five minutes.
STARTUP_PROBE = {"periodSeconds": 1, "failureThreshold": 300}
READINESS_PROBE = {"periodSeconds": 5, "failureThreshold": 3}
# An answer of the bridge is worth more than one in time.
BRIDGE_READINESS_PROBE = {**READINESS_PROBE, "timeoutSeconds": 5}
#: The path at which a bridge reports whether the server responds.
READY_PATH = "/readyz"


def build_probes(spec: WorkloadSpec) -> Manifest:
    """
    Return the probes of the server's container, by their field names there.

    An MCP path answers GET with an error, so that an open port is all that can be probed, unless a
    bridge of ours answers for the server. The end of the process is the liveness signal, unless the
    user has a better one. A container that does not listen gets no probe of ours.

    Raises:
        InvalidSpec: times for a probe of ours, where there is none.
    """
    given = spec.probes
    readiness = READINESS_PROBE if spec.bridge is None else BRIDGE_READINESS_PROBE
    probes = {
        "startupProbe": _build_probe("startup", given.startup, STARTUP_PROBE, spec),
        "readinessProbe": _build_probe("readiness", given.readiness, readiness, spec),
    }
    if given.liveness is not None:
        probes["livenessProbe"] = _build_probe("liveness", given.liveness, {}, spec)
    return {name: probe for name, probe in probes.items() if probe is not None}


def _build_probe(
    name: str, given: dict[str, Any], times: dict[str, int], spec: WorkloadSpec
) -> Manifest | None:
    """Return *given* if it has a handler; else our probe, with the times of *given* over ours."""
    if given.get("disabled"):
        return None
    probe = {key: value for key, value in deepcopy(given).items() if key != "disabled"}
    if any(handler in probe for handler in PROBE_HANDLERS):
        return with_scheme(probe, spec.transport)
    ours = _our_probe(name, spec)
    if ours is None:
        if probe or name == "liveness":
            raise InvalidSpec(
                f"spec.probes.{name}: found no handler; write exec, or leave it out: the "
                "operator has no probe of its own for this container"
            )
        return None
    return {**ours, **times, **probe}


def _our_probe(name: str, spec: WorkloadSpec) -> Manifest | None:
    port = spec.transport.port
    if spec.bridge is None:
        return {"tcpSocket": {"port": port}}
    if spec.bridge is not Bridge.INJECT:
        return None
    # A bridge that is not ready may have a server that is busy: no reason to end both.
    is_open = name == "liveness"
    return (
        {"tcpSocket": {"port": port}}
        if is_open
        else {"httpGet": {"path": READY_PATH, "port": port}}
    )
