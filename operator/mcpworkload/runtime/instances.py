"""Pure: which pods are a workload's, and which instances of a container they have had."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mcpworkload.api import names

Pod = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """One run of a container, from its start to its end: the newest that has begun."""

    container_id: str
    started: datetime | None
    #: Whether it has ended; if so how, as the kubelet says it.
    is_over: bool
    exit_code: int | None = None
    reason: str = ""
    message: str = ""


def own_pods(pods: Iterable[Pod], workload: str) -> list[Pod]:
    """Those that the workload's StatefulSet made, by their numbers."""
    own = [pod for pod in pods if number_of(pod["metadata"]["name"], workload) is not None]
    own = [pod for pod in own if _is_controlled_by(pod, workload)]
    return sorted(own, key=lambda pod: number_of(pod["metadata"]["name"], workload) or 0)


def number_of(pod: str, workload: str) -> int | None:
    """Which replica a pod's name says it is; None where it is not named like one."""
    found = re.fullmatch(rf"{re.escape(workload)}-(\d+)", pod)
    return int(found[1]) if found else None


def _is_controlled_by(pod: Pod, workload: str) -> bool:
    # Without a controller it is ours, too, for a moment: its StatefulSet is being replaced.
    return all(
        (owner["kind"], owner["name"]) == ("StatefulSet", workload)
        for owner in pod["metadata"].get("ownerReferences") or ()
        if owner.get("controller")
    )


def is_ready(pod: Pod) -> bool:
    """Whether clients may be sent to it: it is ready, and not on its way out."""
    conditions = pod["status"].get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    )


def containers_of(pod: Pod) -> dict[str, Mapping[str, Any]]:
    """The pod's containers by name, the server's first, then the others, then init containers."""
    found = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    found.sort(key=lambda container: bool(container["name"] != names.CONTAINER))
    return {container["name"]: container for container in found}


def status_of(pod: Pod, container: str) -> Mapping[str, Any]:
    """What the kubelet reports of a container; empty before it says anything."""
    for key in ("containerStatuses", "initContainerStatuses"):
        for status in pod["status"].get(key) or ():
            if status["name"] == container:
                found: Mapping[str, Any] = status
                return found
    return {}


def newest_instance(pod: Pod, container: str) -> Instance | None:
    """The instance that runs or has run last; None before the first."""
    status = status_of(pod, container)
    state = status.get("state") or {}
    if running := state.get("running"):
        return Instance(status.get("containerID", ""), _time(running.get("startedAt")), False)
    # A container that could not even start is known by no id: the one before it counts.
    for ended in (state.get("terminated"), (status.get("lastState") or {}).get("terminated")):
        if ended and ended.get("containerID"):
            return _ended(ended)
    return None


def newest_start(pods: Iterable[Pod], workload: str) -> datetime | None:
    """When the newest of the server's containers that run has started."""
    newest = (newest_instance(pod, names.CONTAINER) for pod in own_pods(pods, workload))
    running = (each for each in newest if each is not None and not each.is_over)
    return max((each.started for each in running if each.started is not None), default=None)


def instance_by_id(pod: Pod, container: str, container_id: str) -> Instance | None:
    """A certain instance, if the kubelet still knows of it."""
    last = (status_of(pod, container).get("lastState") or {}).get("terminated")
    newest = newest_instance(pod, container)
    if newest is not None and newest.container_id == container_id:
        return newest
    return _ended(last) if last and last.get("containerID") == container_id else None


def waiting_reason(pod: Pod, container: str) -> str:
    """Why the container does not run, in one word; empty where nobody says."""
    state = status_of(pod, container).get("state") or {}
    return str(
        (state.get("waiting") or {}).get("reason")
        or (state.get("terminated") or {}).get("reason")
        or pod["status"].get("reason")
        or pod["status"].get("phase")
        or ""
    )


def _ended(terminated: Mapping[str, Any]) -> Instance:
    return Instance(
        terminated["containerID"],
        _time(terminated.get("startedAt")),
        True,
        terminated.get("exitCode"),
        terminated.get("reason", ""),
        terminated.get("message", ""),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
