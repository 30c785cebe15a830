"""
The pod template: the user's fields, and defaults that pass Pod Security `restricted`.

The defaults are versioned by golden manifests in the tests: changing one rolls every pod of
every installation, so it has to be worth that.
"""

from copy import deepcopy
from typing import Any

from mcpworkload import names
from mcpworkload.desired.child import build_labels
from mcpworkload.desired.resources import complete_resources
from mcpworkload.desired.transport import transport_environment
from mcpworkload.manifest import Manifest
from mcpworkload.models import Workload

USER_ID = 1000
SCRATCH = "/tmp"  # noqa: S108 - a path inside the container
DEFAULT_GRACE_SECONDS = 30
LONGEST_PRE_STOP_SECONDS = 5
# A server may install itself at its first start (npx, uvx): five minutes.
STARTUP_PROBE = {"periodSeconds": 1, "failureThreshold": 300}
READINESS_PROBE = {"periodSeconds": 5, "failureThreshold": 3}


def build_pod_template(workload: Workload) -> Manifest:
    """The pod template of the StatefulSet."""
    spec = workload.spec
    grace = spec.termination_grace_period_seconds
    pod: Manifest = {
        "automountServiceAccountToken": spec.automount_service_account_token,
        # The variables of Kubernetes' service links would collide with those of the transport.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DEFAULT_GRACE_SECONDS if grace is None else grace,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_build_container(workload)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if spec.service_account_name:
        pod["serviceAccountName"] = spec.service_account_name
    metadata = {"labels": build_labels(workload), "annotations": dict(spec.annotations)}
    return {"metadata": metadata, "spec": pod}


def _build_container(workload: Workload) -> Manifest:
    spec = workload.spec
    port = spec.transport.port
    container: Manifest = {
        "name": names.CONTAINER,
        "image": spec.image,
        "env": _build_env(workload),
        "ports": [{"name": names.TRANSPORT_PORT, "containerPort": port, "protocol": "TCP"}],
        "resources": complete_resources(spec.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # An MCP path answers GET with an error, so an open port is all that can be asked for;
        # that the process ended is the liveness signal.
        "startupProbe": {"tcpSocket": {"port": port}, **STARTUP_PROBE},
        "readinessProbe": {"tcpSocket": {"port": port}, **READINESS_PROBE},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": SCRATCH}],
    }
    for field, value in (("command", spec.command), ("args", spec.args)):
        if value:
            container[field] = list(value)
    if spec.env_from:
        container["envFrom"] = deepcopy(spec.env_from)
    if pre_stop := _build_pre_stop(spec.termination_grace_period_seconds):
        container["lifecycle"] = {"preStop": pre_stop}
    return container


def _build_env(workload: Workload) -> list[dict[str, Any]]:
    """Our variables first, so that the user's may refer to them; the user's keep their order."""
    given = deepcopy(workload.spec.env)
    taken = {entry["name"] for entry in given}
    ours = {**transport_environment(workload), "HOME": SCRATCH}
    return [{"name": key, "value": ours[key]} for key in ours if key not in taken] + given


def _build_pre_stop(grace: int | None) -> Manifest | None:
    """
    A pause in which Services forget the pod before the server is told to end.

    It counts against the grace period, and one as long as that gets the pod refused.
    """
    seconds = min(
        LONGEST_PRE_STOP_SECONDS, (DEFAULT_GRACE_SECONDS if grace is None else grace) // 2
    )
    return {"sleep": {"seconds": seconds}} if seconds > 0 else None
