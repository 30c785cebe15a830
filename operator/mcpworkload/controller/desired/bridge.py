"""
Build the bridge of a stdio server into its pods: where its program comes from, how it starts.

Injected, it is the first process of the server's container and starts the server itself; its
program is in a volume of the operator's, since the image may hold nothing but the server.
Attaching, it is a sidecar with a token of its own (`attach.py`).
"""

from collections.abc import Mapping
from typing import Any, Final

from mcpworkload.api import names
from mcpworkload.api.durations import seconds_of
from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.api.stdio import (
    DEFAULT_IDLE_TIMEOUT,
    DEFAULT_MAX_SESSIONS,
    DEFAULT_REQUEST_TIMEOUT,
    Bridge,
)
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.desired.resources import complete_resources, copier_resources
from mcpworkload.controller.desired.security import ROOT, USER_ID, build_helper_security
from mcpworkload.controller.desired.shutdown import grace_seconds, pause_seconds
from mcpworkload.controller.desired.transport import endpoint_path, host_names
from mcpworkload.controller.settings import BridgeVolume
from mcpworkload.kube.manifest import Manifest

#: Where the bridge lies in its image, and where it has to lie to run: its program names the path.
HOME: Final = "/mcpw"
LAUNCHER: Final = f"{HOME}/bin/mcpw"
_TARGET = "/target"
# Of the grace period, so that the end of the server is still reported.
_LAST_SECONDS = 2


def check_bridge(workload: Workload, policy: Policy) -> None:
    """
    Return if this installation can serve *workload* as its spec asks.

    Raises:
        PolicyDenied: says what to set, or what to write instead.
    """
    bridge = workload.spec.bridge
    if bridge in (None, Bridge.NONE):
        return
    if bridge is Bridge.ATTACH and not policy.is_attach_allowed:
        raise PolicyDenied(
            "spec.command: missing; write the program that the image starts (its entry point): "
            "without it the bridge has to attach to the server's container, which this "
            "installation does not allow (MCPWORKLOAD_ATTACH is denied)"
        )
    if not policy.bridge_image:
        raise PolicyDenied(
            'spec.transport.type: found "stdio"; the operator has no bridge to serve it with: set '
            "MCPWORKLOAD_BRIDGE_IMAGE in the operator's Deployment"
        )


def build_command(workload: Workload) -> tuple[list[str], list[str]]:
    """Return command and arguments of the server's container."""
    spec = workload.spec
    if spec.bridge is not Bridge.INJECT:
        return list(spec.command), list(spec.args)
    # After ours, so that an argument that is appended goes to the server.
    return [LAUNCHER], ["serve", *build_options(workload), "--", *spec.command, *spec.args]


def build_options(workload: Workload) -> list[str]:
    """Return all options of the bridge, so that a new default of the bridge changes no pod."""
    transport, spec = workload.spec.transport, workload.spec
    stdio = transport.stdio
    is_shared = spec.bridge is Bridge.ATTACH
    options: list[tuple[str, Any]] = [
        ("port", transport.port),
        ("path", endpoint_path(transport)),
        ("serve", ",".join(stdio.served)),
        ("sessions", stdio.sessions or ("Shared" if is_shared else "PerSession")),
        ("max-sessions", stdio.max_sessions or DEFAULT_MAX_SESSIONS),
        ("idle-timeout", _seconds(stdio.idle_timeout or DEFAULT_IDLE_TIMEOUT)),
        ("request-timeout", _seconds(stdio.request_timeout or DEFAULT_REQUEST_TIMEOUT)),
        ("grace", max(1, grace_seconds(spec) - pause_seconds(spec) - _LAST_SECONDS)),
        ("namespace", workload.namespace),
        *(("service", name) for name in host_names(workload)),
        *(("allowed-host", host) for host in transport.allowed_hosts),
        *(("allowed-origin", origin) for origin in transport.allowed_origins),
    ]
    # The kubelet would put a variable's value in the place of $(NAME).
    texts = [(name, str(value).replace("$(", "$$(")) for name, value in options]
    return [word for name, text in texts for word in (f"--{name}", text)]


def _seconds(duration: str) -> str:
    seconds = seconds_of(duration)
    return str(int(seconds)) if seconds.is_integer() else f"{seconds:.3f}"


def brings_copy(workload: Workload, policy: Policy) -> bool:
    """Return whether an init container copies the bridge."""
    return workload.spec.bridge is Bridge.INJECT and policy.bridge_volume is BridgeVolume.COPY


def build_copier(workload: Workload, policy: Policy, pod_security: Mapping[str, Any]) -> Manifest:
    """Return the init container that puts the bridge into its volume."""
    server = complete_resources(workload.spec.resources, workload.spec.bridge)
    return {
        "name": names.BRIDGE,
        "image": policy.bridge_image,
        "command": [LAUNCHER],
        "args": ["install", _TARGET],
        "resources": copier_resources(server),
        "securityContext": build_bridge_security(pod_security),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": names.BRIDGE, "mountPath": _TARGET}],
    }


def build_bridge_volume(policy: Policy) -> Manifest:
    """Return the volume that holds the bridge."""
    if policy.bridge_volume is BridgeVolume.IMAGE:
        return {"name": names.BRIDGE, "image": {"reference": policy.bridge_image}}
    return {"name": names.BRIDGE, "emptyDir": {}}


def build_bridge_mount(policy: Policy) -> Manifest:
    """Return the mount of the bridge in the server's container."""
    mount: Manifest = {"name": names.BRIDGE, "mountPath": HOME, "readOnly": True}
    if policy.bridge_volume is BridgeVolume.IMAGE:
        # The root of the image's file system would be one level too high.
        mount["subPath"] = HOME.strip("/")
    return mount


def build_bridge_security(pod_security: Mapping[str, Any]) -> Manifest:
    """Return the security context of the operator's own containers, which need no rights."""
    context = {
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        **build_helper_security({}, pod_security),
    }
    if pod_security.get("runAsUser") == ROOT:
        context |= {"runAsUser": USER_ID, "runAsGroup": USER_ID}
    return context
