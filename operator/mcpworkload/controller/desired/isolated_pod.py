"""
Make the pods of a template isolated: the label, the gate, and the way to the egress proxy.

The gate comes before every other container, ours included: none of them runs before the rules of
the network are enforced.
"""

from typing import Any, Final

from mcpworkload.api import names
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.desired.egress import build_environment
from mcpworkload.controller.desired.gate import address_of, build_gate
from mcpworkload.controller.desired.grants import Isolation
from mcpworkload.controller.desired.isolation import LABELS
from mcpworkload.kube.manifest import Manifest

# Nothing answers there, at once: a pod without DNS would wait for many seconds else.
_NO_DNS: Final = "127.0.0.1"


def isolate(template: Manifest, workload: Workload, policy: Policy, isolation: Isolation) -> None:
    """Change *template*, which nobody else has yet, into that of isolated pods."""
    metadata, pod = template["metadata"], template["spec"]
    metadata["labels"] = {**metadata["labels"], **LABELS}
    environment = build_environment(isolation)
    helpers = pod.get("initContainers", [])
    for container in (*pod["containers"], *helpers):
        if container["name"] != names.BRIDGE:
            _add_variables(container, environment)
    if policy.is_gate_required:
        needs_proxy, address = isolation.outbound.needs_proxy, isolation.proxy_address
        proxy = address_of(address, names.EGRESS_PORT) if needs_proxy else None
        gate = build_gate(workload, policy, pod["securityContext"], proxy)
        pod["initContainers"] = [gate, *helpers]
    if not isolation.outbound.is_all:
        pod.setdefault("dnsPolicy", "None")
        if pod["dnsPolicy"] == "None":
            pod.setdefault("dnsConfig", {}).setdefault("nameservers", [_NO_DNS])


def _add_variables(container: Manifest, environment: dict[str, str]) -> None:
    """Add *environment* before the container's own variables, which win."""
    given: list[dict[str, Any]] = container.get("env") or []
    taken = {entry["name"] for entry in given}
    ours = [{"name": key, "value": value} for key, value in environment.items() if key not in taken]
    if ours:
        container["env"] = [*ours, *given]
