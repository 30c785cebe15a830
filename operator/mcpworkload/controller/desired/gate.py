"""
Build the gate of an isolated pod: the container that holds the others until the rules hold.

A NetworkPolicy says nothing about whether anything enforces it. So the pod tries it out before its
server starts: the operator's one port has to be open to it, the other closed.
"""

from collections.abc import Mapping
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import GateTarget, Policy
from mcpworkload.controller.desired.bridge import LAUNCHER, build_bridge_security
from mcpworkload.controller.desired.resources import complete_resources, copier_resources
from mcpworkload.kube.manifest import Manifest

_WAIVER = "or write MCPWORKLOAD_GATE=waived there: isolated pods then start without that proof"


def check_gate(policy: Policy) -> None:
    """
    Return if this installation can hold isolated pods back, or waives it.

    Raises:
        PolicyDenied: says what to set, or which object is missing.
    """
    if policy.is_gate_required:
        _require_target(policy)


def build_gate(
    workload: Workload, policy: Policy, pod_security: Mapping[str, Any], proxy: str | None
) -> Manifest:
    """
    Return the init container that ends once the rules are seen to be enforced.

    *proxy* is where the workload's egress proxy listens, as `ADDRESS:PORT`, if it has one.

    Raises:
        PolicyDenied: as `check_gate`, where the gate is not waived.
    """
    target = _require_target(policy)
    ways_out = ["--proxy", proxy] if proxy else []
    return {
        "name": names.GATE,
        "image": policy.bridge_image,
        "command": [LAUNCHER],
        "args": [
            "gate",
            "--control",
            address_of(target.address, target.control_port),
            "--forbidden",
            address_of(target.address, target.forbidden_port),
            *ways_out,
        ],
        # It needs next to nothing, but what admits the server admits this too, and a pod counts
        # the larger of both.
        "resources": copier_resources(
            complete_resources(workload.spec.resources, workload.spec.bridge)
        ),
        "securityContext": build_bridge_security(pod_security),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def address_of(address: str, port: int) -> str:
    """Return *address* and *port* in one word, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _require_target(policy: Policy) -> GateTarget:
    if not policy.bridge_image:
        raise PolicyDenied(
            "spec.isolateNetwork: found true; the operator has no image to prove with that the "
            "rules of the network are enforced: set MCPWORKLOAD_BRIDGE_IMAGE in the operator's "
            f"Deployment, {_WAIVER}"
        )
    if policy.gate is None:
        raise PolicyDenied(
            "spec.isolateNetwork: found true; the operator has no Service by which pods prove that "
            "the rules of the network are enforced: apply the Service mcpworkload-gate of "
            "deploy/base, or name yours in MCPWORKLOAD_GATE_SERVICE of the operator's Deployment, "
            f"and restart the operator; {_WAIVER}"
        )
    return policy.gate
