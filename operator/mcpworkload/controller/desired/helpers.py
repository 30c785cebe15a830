"""Build the user's containers beside the server's: init containers and sidecars."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.controller.desired.security import build_helper_security
from mcpworkload.kube.manifest import Manifest


def build_init_containers(spec: WorkloadSpec, pod_security: Mapping[str, Any]) -> list[Manifest]:
    """
    Return what starts before the server: the init containers, then the native sidecars.

    In this order a sidecar finds what init containers prepare. A sidecar that init containers need
    is written among them, with `restartPolicy: Always`.
    """
    native = [
        {**_build_helper(sidecar, pod_security), "restartPolicy": "Always"}
        for sidecar in spec.sidecars
        if _is_native(sidecar)
    ]
    return [*(_build_helper(helper, pod_security) for helper in spec.init_containers), *native]


def build_ordinary_sidecars(spec: WorkloadSpec, pod_security: Mapping[str, Any]) -> list[Manifest]:
    """Return the sidecars that start and end side by side with the server."""
    return [
        _build_helper(sidecar, pod_security) for sidecar in spec.sidecars if not _is_native(sidecar)
    ]


def _is_native(sidecar: Mapping[str, Any]) -> bool:
    """
    Return whether a sidecar is an init container that continues to run.

    Its only possible restart policy is Always; another one in the spec asks for an ordinary
    container. Clusters without container restart policies drop the field, and the pod's policy
    holds.
    """
    return (sidecar.get("restartPolicy") or "Always") == "Always"


def _build_helper(given: Mapping[str, Any], pod_security: Mapping[str, Any]) -> Manifest:
    helper: Manifest = deepcopy(dict(given))
    helper.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    helper["securityContext"] = build_helper_security(
        given.get("securityContext") or {}, pod_security
    )
    return helper
