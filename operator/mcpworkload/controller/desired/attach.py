"""
Build a bridge that attaches to the server from a sidecar, and the ServiceAccount that allows it.

The ServiceAccount may attach to this workload's pods and to no others, and its token is mounted
into the sidecar alone: a holder of the token can act as the server's client, no more.
"""

from collections.abc import Mapping
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.names import bridge_service_account_name
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.desired.bridge import LAUNCHER, build_bridge_security, build_options
from mcpworkload.controller.desired.probes import BRIDGE_READINESS_PROBE, READY_PATH
from mcpworkload.controller.desired.resources import complete_resources, sidecar_resources
from mcpworkload.controller.desired.shutdown import leave_seconds
from mcpworkload.kube.manifest import Manifest

_TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
# As long as the tokens that Kubernetes mounts by itself; the kubelet renews them.
_TOKEN_SECONDS = 3607
_ROOT_CA = "kube-root-ca.crt"


def build_sidecar(workload: Workload, policy: Policy, pod_security: Mapping[str, Any]) -> Manifest:
    """
    Return the sidecar that serves the server's streams.

    It has no startup probe: the server starts after it, and it is ready once the server answers.
    Its preStop hook starts with the server's, at the end of the pod; it receives SIGTERM much
    later.
    """
    port = workload.spec.transport.port
    server = complete_resources(workload.spec.resources, workload.spec.bridge)
    leave = [LAUNCHER, "leave", str(leave_seconds(workload.spec))]
    return {
        "name": names.BRIDGE,
        "image": policy.bridge_image,
        "restartPolicy": "Always",
        "command": [LAUNCHER],
        "args": [
            *("attach", "--pod", "$(POD_NAME)", "--container", names.CONTAINER),
            *build_options(workload),
        ],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"name": names.TRANSPORT_PORT, "containerPort": port, "protocol": "TCP"}],
        "lifecycle": {"preStop": {"exec": {"command": leave}}},
        "readinessProbe": {"httpGet": {"path": READY_PATH, "port": port}, **BRIDGE_READINESS_PROBE},
        "resources": sidecar_resources(server),
        "securityContext": build_bridge_security(pod_security),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": names.BRIDGE_TOKEN, "mountPath": _TOKEN_FOLDER, "readOnly": True}
        ],
    }


def build_token_volume() -> Manifest:
    """Return the volume with the sidecar's token and the API server's CA certificate."""
    token = {"path": "token", "expirationSeconds": _TOKEN_SECONDS}
    root_ca = {"name": _ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [{"serviceAccountToken": token}, {"configMap": root_ca}]
    return {"name": names.BRIDGE_TOKEN, "projected": {"sources": sources}}


def build_service_account() -> Manifest:
    """Return the content of the ServiceAccount: no container gets its token by default."""
    return {"automountServiceAccountToken": False}


def build_role(workload: Workload) -> Manifest:
    """
    Return the content of the Role: attaching to the pods of this workload.

    A WebSocket is a GET by its verb, and the API server asks for the right to create as well.
    """
    pods = [f"{workload.name}-{ordinal}" for ordinal in range(workload.spec.replicas)]
    rule = {
        "apiGroups": [""],
        "resources": ["pods/attach"],
        "resourceNames": pods,
        "verbs": ["get", "create"],
    }
    # A rule that names nothing is about everything.
    return {"rules": [rule] if pods else []}


def build_role_binding(workload: Workload) -> Manifest:
    """Return the content of the RoleBinding."""
    name = bridge_service_account_name(workload.name)
    service_account = {"kind": "ServiceAccount", "name": name, "namespace": workload.namespace}
    return {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [service_account],
    }
