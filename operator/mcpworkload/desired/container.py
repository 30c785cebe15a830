"""The server's container, always called `mcp` and always the first."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mcpworkload import names
from mcpworkload.desired.probes import build_probes
from mcpworkload.desired.resources import complete_resources
from mcpworkload.desired.security import build_server_security
from mcpworkload.desired.storage import SCRATCH, build_mounts
from mcpworkload.desired.transport import transport_environment
from mcpworkload.manifest import Manifest
from mcpworkload.models import Workload, WorkloadSpec

DEFAULT_GRACE_SECONDS = 30
LONGEST_PRE_STOP_SECONDS = 5


def build_container(workload: Workload, pod_security: Mapping[str, Any]) -> Manifest:
    """
    The server's container, in a pod with that security context.

    Raises:
        InvalidSpec: an amount in resources is not a quantity.
    """
    spec = workload.spec
    container: Manifest = {
        "name": names.CONTAINER,
        "image": spec.image,
        "env": _build_env(workload),
        "ports": _build_ports(spec),
        "resources": complete_resources(spec.resources),
        "securityContext": build_server_security(spec.security_context, pod_security),
        **build_probes(spec),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": build_mounts(spec),
    }
    optional = {
        "imagePullPolicy": spec.image_pull_policy,
        "command": list(spec.command),
        "args": list(spec.args),
        "workingDir": spec.working_dir,
        "envFrom": deepcopy(spec.env_from),
        "stdin": spec.stdin,
        "lifecycle": _build_lifecycle(spec),
    }
    return {**container, **{field: value for field, value in optional.items() if value}}


def _build_env(workload: Workload) -> list[dict[str, Any]]:
    """Our variables first, so that the user's may refer to them; the user's keep their order."""
    given = deepcopy(workload.spec.env)
    taken = {entry["name"] for entry in given}
    ours = {**transport_environment(workload), "HOME": SCRATCH}
    return [{"name": key, "value": ours[key]} for key in ours if key not in taken] + given


def _build_ports(spec: WorkloadSpec) -> list[Manifest]:
    transport = (names.TRANSPORT_PORT, (spec.transport.port, "TCP"))
    return [
        {"name": name, "containerPort": port, "protocol": protocol}
        for name, (port, protocol) in (
            transport,
            *((port.name, port.inside) for port in spec.ports),
        )
    ]


def _build_lifecycle(spec: WorkloadSpec) -> Manifest:
    """The user's hooks, and our pause where there is no other preStop."""
    pause = _build_pre_stop(spec.termination_grace_period_seconds)
    return {**({"preStop": pause} if pause else {}), **deepcopy(spec.lifecycle)}


def _build_pre_stop(grace: int | None) -> Manifest | None:
    """
    A pause in which Services forget the pod before the server is told to end.

    It counts against the grace period, and one as long as that gets the pod refused.
    """
    seconds = min(
        LONGEST_PRE_STOP_SECONDS, (DEFAULT_GRACE_SECONDS if grace is None else grace) // 2
    )
    return {"sleep": {"seconds": seconds}} if seconds > 0 else None
