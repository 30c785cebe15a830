"""Pure: whether everything in a workload's pods runs."""

from collections.abc import Mapping, Sequence
from typing import Any


def is_every_container_ready(pods: Sequence[Mapping[str, Any]], replicas: int) -> bool:
    """
    Whether *replicas* pods stay, each with all its containers running and ready.

    Native sidecars count; init containers that run once have to be done, which a pod's
    containers could not run without.
    """
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return len(staying) == replicas > 0 and all(_is_whole(pod) for pod in staying)


def _is_whole(pod: Mapping[str, Any]) -> bool:
    spec, status = pod["spec"], pod["status"]
    expected = [container["name"] for container in spec["containers"]]
    expected += [
        container["name"]
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    ]
    reported = {
        container["name"]: container
        for key in ("containerStatuses", "initContainerStatuses")
        for container in status.get(key) or ()
    }
    return all(name in reported and _serves(reported[name]) for name in expected)


def _serves(container: Mapping[str, Any]) -> bool:
    return bool(container["ready"]) and "running" in container.get("state", {})
