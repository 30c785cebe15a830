"""The server's probes: the user's, or a TCP connection to the transport's port."""

from copy import deepcopy
from typing import Any

from mcpworkload.manifest import Manifest
from mcpworkload.models import PROBE_HANDLERS, WorkloadSpec

# A server may install itself at its first start (npx, uvx): five minutes.
STARTUP_PROBE = {"periodSeconds": 1, "failureThreshold": 300}
READINESS_PROBE = {"periodSeconds": 5, "failureThreshold": 3}


def build_probes(spec: WorkloadSpec) -> Manifest:
    """
    The probes of the server's container, by their field names there.

    An MCP path answers GET with an error, so an open port is all that can be asked for; and
    that the process ended is the liveness signal, unless the user has a better one.
    """
    port, given = spec.transport.port, spec.probes
    probes = {
        "startupProbe": _build_probe(given.startup, STARTUP_PROBE, port),
        "readinessProbe": _build_probe(given.readiness, READINESS_PROBE, port),
    }
    if given.liveness is not None:
        probes["livenessProbe"] = _build_probe(given.liveness, {}, port)
    return {name: probe for name, probe in probes.items() if probe is not None}


def _build_probe(given: dict[str, Any], times: dict[str, int], port: int) -> Manifest | None:
    """*given* as it stands where it says how to look; else our look, with its times over ours."""
    if given.get("disabled"):
        return None
    probe = {key: value for key, value in deepcopy(given).items() if key != "disabled"}
    if any(handler in probe for handler in PROBE_HANDLERS):
        return probe
    return {"tcpSocket": {"port": port}, **times, **probe}
