"""
Build the egress proxy of an isolated workload: the only way out of its pods.

Its configuration is an annotation of its pod template that it reads as a file: other rules are
another template, so that the Deployment rolls the proxy, and the operator needs no right to write
ConfigMaps. The server's own pods do not notice.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from mcpworkload.api import names
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.children import DEPLOYMENT, SERVICE
from mcpworkload.controller.desired.bridge import build_bridge_security
from mcpworkload.controller.desired.child import Child, build_child
from mcpworkload.controller.desired.grants import Isolation
from mcpworkload.controller.desired.isolation import LABELS, proxy_labels
from mcpworkload.controller.desired.squid import build_squid_conf
from mcpworkload.kube.manifest import Manifest

_CONTAINER: Final = "squid"
_CONFIGURATION: Final = "configuration"
_FOLDER: Final = "/etc/mcpworkload-egress"
_FILE: Final = "squid.conf"
# That of the image.
_USER = 65532
_SHARED_MEMORY = "shared-memory"
_SCRATCH = "scratch"
_RESOURCES: Final[Manifest] = {
    "requests": {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "8Mi"},
    "limits": {"memory": "128Mi", "ephemeral-storage": "64Mi"},
}
# All annotations of an object may have 256 KiB; every address splits what is private around it.
_MOST_CHARACTERS: Final = 200_000
# An open tunnel ends with the proxy; a request that is under way may end before.
_GRACE_SECONDS = 10


def build_proxy(workload: Workload, isolation: Isolation, policy: Policy) -> Iterator[Child]:
    """
    Yield the Service and the Deployment of the proxy.

    Raises:
        InvalidSpec: the rules are too many for one configuration.
    """
    name = names.egress_name(workload.name)
    service = {"spec": _build_service_spec(workload)}
    yield build_child(SERVICE.named(name), workload, service, policy=policy)
    deployment = {"spec": _build_deployment_spec(workload, isolation, policy)}
    yield build_child(DEPLOYMENT.named(name), workload, deployment)


def build_environment(isolation: Isolation) -> dict[str, str]:
    """Return the variables by which clients in the pods find the proxy; none without one."""
    if isolation.proxy is None:
        return {}
    proxy = f"http://{isolation.proxy}"
    direct = "localhost,127.0.0.1,::1"
    return {
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
        "NO_PROXY": direct,
        "http_proxy": proxy,
        "https_proxy": proxy,
        "no_proxy": direct,
        # Node's own fetch ignores the others without it.
        "NODE_USE_ENV_PROXY": "1",
    }


def _build_service_spec(workload: Workload) -> Manifest:
    port = {"name": "proxy", "port": names.EGRESS_PORT, "protocol": "TCP"}
    return {
        "type": "ClusterIP",
        "selector": proxy_labels(workload),
        "ports": [{**port, "targetPort": names.EGRESS_PORT}],
    }


def _build_deployment_spec(workload: Workload, isolation: Isolation, policy: Policy) -> Manifest:
    return {
        "replicas": 0 if workload.spec.is_stopped else 1,
        "selector": {"matchLabels": proxy_labels(workload)},
        # The new proxy serves before the old one ends.
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "revisionHistoryLimit": 0,
        "template": {
            "metadata": {
                "labels": {
                    **proxy_labels(workload),
                    **LABELS,
                    "app.kubernetes.io/name": names.egress_name(workload.name),
                    "app.kubernetes.io/instance": workload.name,
                    "app.kubernetes.io/component": "egress-proxy",
                    "app.kubernetes.io/managed-by": names.FIELD_MANAGER,
                },
                "annotations": {names.SQUID_ANNOTATION: _build_configuration(isolation)},
            },
            "spec": _build_pod_spec(workload, policy),
        },
    }


def _build_configuration(isolation: Isolation) -> str:
    text = build_squid_conf(isolation.outbound)
    if len(text) > _MOST_CHARACTERS:
        raise InvalidSpec(
            "spec.permissionProfile.network.outbound: its addresses take "
            f"{len(text)} characters of the proxy's configuration, of at most {_MOST_CHARACTERS}; "
            "write fewer entries, or networks that hold several of them"
        )
    return text


def _build_pod_spec(workload: Workload, policy: Policy) -> Manifest:
    """Return the proxy's pod; where the author says how nodes and names are found, so does it."""
    spec = workload.spec
    annotation = f"metadata.annotations['{names.SQUID_ANNOTATION}']"
    item = {"path": _FILE, "fieldRef": {"fieldPath": annotation}}
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_build_container(policy)],
        "volumes": [
            {"name": _CONFIGURATION, "downwardAPI": {"items": [item]}},
            {"name": _SHARED_MEMORY, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            {"name": _SCRATCH, "emptyDir": {"sizeLimit": "16Mi"}},
        ],
    }
    given = {
        "imagePullSecrets": deepcopy(spec.image_pull_secrets),
        "nodeSelector": dict(spec.node_selector),
        "tolerations": deepcopy(spec.tolerations),
        "priorityClassName": spec.priority_class_name,
        "hostAliases": deepcopy(spec.host_aliases),
        "dnsPolicy": spec.dns_policy,
        "dnsConfig": deepcopy(spec.dns_config),
    }
    return pod | {field: value for field, value in given.items() if value}


def _build_container(policy: Policy) -> Manifest:
    return {
        "name": _CONTAINER,
        "image": policy.egress_image,
        "ports": [{"name": "proxy", "containerPort": names.EGRESS_PORT, "protocol": "TCP"}],
        "readinessProbe": {"tcpSocket": {"port": names.EGRESS_PORT}, "periodSeconds": 2},
        "livenessProbe": {"tcpSocket": {"port": names.EGRESS_PORT}, "periodSeconds": 20},
        "resources": deepcopy(_RESOURCES),
        "securityContext": build_bridge_security({}),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": _CONFIGURATION, "mountPath": _FOLDER, "readOnly": True},
            {"name": _SHARED_MEMORY, "mountPath": "/dev/shm"},  # noqa: S108 - in the container
            {"name": _SCRATCH, "mountPath": "/tmp"},  # noqa: S108 - in the container
        ],
    }
