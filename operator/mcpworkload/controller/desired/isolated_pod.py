"""
Make the pods of a template isolated: the label, the gate, and the way to the egress proxy.

The gate comes before every other container, ours included: none of them runs before the rules of
the network are enforced.
"""

from typing import Final

from mcpworkload.api import names
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.desired.container import with_variables
from mcpworkload.controller.desired.egress import build_environment
from mcpworkload.controller.desired.gate import build_gate
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
        if environment and container["name"] != names.BRIDGE:
            container["env"] = with_variables(environment, container.get("env") or [])
    if policy.is_gate_required:
        gate = build_gate(workload, policy, pod["securityContext"], isolation.proxy)
        pod["initContainers"] = [gate, *helpers]
    if not isolation.outbound.is_all:
        pod.setdefault("dnsPolicy", "None")
        if pod["dnsPolicy"] == "None":
            pod.setdefault("dnsConfig", {}).setdefault("nameservers", [_NO_DNS])
