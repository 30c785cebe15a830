"""Build the server's container, always called `mcp` and always the first."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.permissions import Permissions
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.desired.bridge import build_bridge_mount, build_command
from mcpworkload.controller.desired.probes import build_probes
from mcpworkload.controller.desired.profile import build_profile_mounts, build_profile_security
from mcpworkload.controller.desired.resources import complete_resources
from mcpworkload.controller.desired.security import build_server_security
from mcpworkload.controller.desired.shutdown import build_lifecycle
from mcpworkload.controller.desired.storage import SCRATCH, build_mounts
from mcpworkload.controller.desired.transport import transport_environment
from mcpworkload.kube.manifest import Manifest


def build_container(
    workload: Workload,
    policy: Policy,
    pod_security: Mapping[str, Any],
    permissions: Permissions | None,
) -> Manifest:
    """
    Return the server's container, in a pod with that security context.

    *permissions* are what its profile allows; None without one.

    Raises:
        InvalidSpec: an amount in resources is not a quantity, or a probe has no port to connect to.
    """
    spec = workload.spec
    command, args = build_command(workload)
    ours = [build_bridge_mount(policy)] if spec.bridge is Bridge.INJECT else []
    container: Manifest = {
        "name": names.CONTAINER,
        "image": spec.image,
        "env": _build_env(workload),
        "ports": _build_ports(spec),
        "resources": complete_resources(spec.resources, spec.bridge),
        "securityContext": build_server_security(
            {**build_profile_security(permissions), **spec.security_context}, pod_security
        ),
        **build_probes(spec),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [*ours, *build_mounts(spec, build_profile_mounts(permissions))],
    }
    optional = {
        "imagePullPolicy": spec.image_pull_policy,
        "command": command,
        "args": args,
        "workingDir": spec.working_dir,
        "envFrom": deepcopy(spec.env_from),
        "stdin": spec.bridge in (Bridge.ATTACH, Bridge.NONE) or spec.stdin,
        "lifecycle": build_lifecycle(spec),
    }
    return {**container, **{field: value for field, value in optional.items() if value}}


def _build_env(workload: Workload) -> list[dict[str, Any]]:
    """Return our variables, then the user's in their order, so that these may refer to ours."""
    ours = {**transport_environment(workload), "HOME": SCRATCH}
    return with_variables(ours, deepcopy(workload.spec.env))


def with_variables(ours: Mapping[str, str], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *ours* before the variables of *given*, which win."""
    taken = {entry["name"] for entry in given}
    return [{"name": key, "value": ours[key]} for key in ours if key not in taken] + given


def _build_ports(spec: WorkloadSpec) -> list[Manifest]:
    listens = spec.bridge in (None, Bridge.INJECT)
    transport = (names.TRANSPORT_PORT, (spec.transport.port, "TCP"))
    return [
        {"name": name, "containerPort": port, "protocol": protocol}
        for name, (port, protocol) in (
            *([transport] if listens else []),
            *((port.name, port.inside) for port in spec.ports),
        )
    ]
