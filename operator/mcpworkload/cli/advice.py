"""Pure: what to do about a condition, by its reason and in one line; the docs have more."""

from collections.abc import Mapping
from typing import Final

ADVICE: Final[Mapping[str, str]] = {
    "InvalidSpec": "correct the field that is named",
    "PatchRejected": "correct podTemplatePatch: mcpworkload template NAME --before shows what it "
    "works on",
    "PolicyDenied": "ask for less, or have the operator's MCPWORKLOAD_POD_SECURITY widened",
    "ReferenceNotFound": "create what is missing, or write optional: true",
    "Rejected": "correct the spec; where a quota or a right is named, have that changed",
    "ApplyFailed": "see to the API server, or to the admission webhook that is named",
    "ChildConflict": "rename one of the two, or delete the other",
    "Stopped": "mcpworkload start NAME",
    "ScaledToZero": "kubectl scale mcpw NAME --replicas=1",
    "Starting": "wait, or see in the message what takes so long",
    "PodsUnreadable": "give the operator its rights on pods back (deploy/base/workload-role.yaml)",
    "PodRefused": "raise the quota, or change the spec or the namespace's Pod Security level",
    "Unschedulable": "lower resources.requests, correct nodeSelector, affinity or tolerations, or "
    "add a node",
    "VolumePending": "create the claim, its volume or its StorageClass",
    "MountFailed": "create the Secret or key that is named, or mend the volume",
    "ImagePullFailed": "correct image, or imagePullSecrets",
    "ConfigError": "create the Secret, ConfigMap or key that is named",
    "StartFailed": "correct command, workingDir or the image",
    "CrashLooping": "correct what its output complains about: mcpworkload logs NAME --previous. A "
    "program that ends with code 0 is no server, or waits for input: then transport.type is stdio",
    "OOMKilled": "raise resources.limits.memory",
    "ProbeFailing": "set transport.port to what the server listens on, have it listen on all "
    "addresses, or correct probes",
    "Evicted": "set requests that fit the use; the pod is made anew by itself",
    "NodeLost": "mend the node, or kubectl delete node where it is gone for good",
    "NotRequested": "isolateNetwork: true lets the network part of the profile have effect",
    "RollingOut": "wait: the pods from before the isolation are being replaced",
    "InboundHostNotEnforceable": "write addresses, networks or NAMESPACE[/WORKLOAD] in "
    "network.inbound.allowHost",
    "EngineNotSeen": "have the cluster enforce NetworkPolicies; mcpworkload logs NAME -c mcpw-gate "
    "prints what the gate has seen",
    "GateWaived": "set MCPWORKLOAD_GATE=required in the operator's Deployment for a proof",
    "NotMcp": "correct transport.path, transport.type or transport.port: mcpworkload verify NAME "
    "prints what was asked and what came back",
    "ProtocolError": "mend the server, or correct transport.type: mcpworkload verify NAME prints "
    "what was asked and what came back",
    "HandshakeTimeout": "see in mcpworkload logs NAME what it waits for, or raise "
    "verification.timeout",
    "ConnectionRefused": "set transport.port to what the server listens on, and have it listen on "
    "all addresses, not on 127.0.0.1 alone",
    "ToolsChanged": "look at the change with mcpworkload tools NAME --diff FILE; to accept it, set "
    "verification.expectTools to what mcpworkload tools NAME --digest prints",
    "PodsDisagree": "have all pods run the same server, by an image with a digest: mcpworkload "
    "verify NAME asks each of them",
    "AuthRequired": "let the operator in by verification.headersFrom; for clients with "
    "credentials nothing is wrong",
    "Unreachable": "let the operator's pods through to the server's port; where that cannot be, "
    'write verification.mode: "Off". mcpworkload verify NAME asks from here',
    "NoPods": "mcpworkload start NAME; where it has no replicas, scale it up",
    "Pending": "wait for the server's first answer; mcpworkload verify NAME asks it now",
    "Updating": "wait; a rollout that stays like this waits for a pod that does not become ready",
}


def advice_for(reason: str, name: str, namespace: str) -> str:
    """Return what to do about *reason* of that workload."""
    words = ADVICE.get(reason, f"docs/troubleshooting.md has what to do about {reason}")
    return words.replace("mcpw NAME", f"-n {namespace} mcpw {name}").replace(
        "NAME", f"{namespace}/{name}"
    )
