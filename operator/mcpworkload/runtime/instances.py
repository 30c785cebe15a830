"""Pure: which pods are a workload's, and which instances of a container they have had."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mcpworkload.api import names
from mcpworkload.kube.objects import ContainerState, Pod, SpecContainer, Terminated


@dataclass(frozen=True)
class Instance:
    """One run of a container, from its start to its end: the newest that has begun."""

    container_id: str
    started: datetime | None
    #: Whether it has ended; then how, as the kubelet reports it.
    is_over: bool
    exit_code: int | None = None
    reason: str = ""
    message: str = ""


def own_pods(pods: Iterable[Pod], workload: str) -> list[Pod]:
    """Return the pods that the workload's StatefulSet made, by their numbers."""
    own = [pod for pod in pods if number_of(pod.metadata.name, workload) is not None]
    own = [pod for pod in own if is_made_for(pod, workload)]
    return sorted(own, key=lambda pod: number_of(pod.metadata.name, workload) or 0)


def proxy_pods(pods: Iterable[Pod], workload: str) -> list[Pod]:
    """Return the pods that the Deployment of the workload's egress proxy made, by name."""
    prefix = f"{names.egress_name(workload)}-"
    own = [
        pod
        for pod in pods
        if (owner := pod.metadata.controller) is not None
        and owner.kind == "ReplicaSet"
        and owner.name.startswith(prefix)
    ]
    return sorted(own, key=lambda pod: pod.metadata.name)


def number_of(pod: str, workload: str) -> int | None:
    """Return the replica's number in a pod's name; None where the name has another form."""
    found = re.fullmatch(rf"{re.escape(workload)}-(\d+)", pod)
    return int(found[1]) if found else None


def is_made_for(pod: Pod, workload: str) -> bool:
    """Return whether no owner but the workload's StatefulSet controls *pod*."""
    # Without a controller it is ours, too, for a moment: its StatefulSet is being replaced.
    owner = pod.metadata.controller
    return owner is None or (owner.kind, owner.name) == ("StatefulSet", workload)


def containers_of(pod: Pod) -> dict[str, SpecContainer]:
    """Return the pod's containers by name: the server's, the others, then init containers."""
    found = [*pod.spec.containers, *pod.spec.init_containers]
    found.sort(key=lambda container: container.name != names.CONTAINER)
    return {container.name: container for container in found}


def state_of(pod: Pod, container: str) -> ContainerState:
    """Return the kubelet's report on a container; empty before there is one."""
    return _states(pod, container)[0]


def last_ended(pod: Pod, container: str) -> Terminated | None:
    """Return how the instance before that of `state_of` ended, while the kubelet has it."""
    return _states(pod, container)[1].terminated


def newest_instance(pod: Pod, container: str) -> Instance | None:
    """Return the instance that runs or has run last; None before the first."""
    state, last, container_id = _states(pod, container)
    if state.running is not None:
        return Instance(container_id, state.running.started_at, False)
    # A container that could not even start is known by no id: the one before it counts.
    for ended in (state.terminated, last.terminated):
        if ended is not None and ended.container_id:
            return _ended(ended)
    return None


def newest_start(pods: Iterable[Pod], workload: str) -> datetime | None:
    """Return when the newest running container of the server has started."""
    newest = (newest_instance(pod, names.CONTAINER) for pod in own_pods(pods, workload))
    running = (each for each in newest if each is not None and not each.is_over)
    return max((each.started for each in running if each.started is not None), default=None)


def instance_by_id(pod: Pod, container: str, container_id: str) -> Instance | None:
    """Return the instance of that id, if the kubelet still has it."""
    newest, last = newest_instance(pod, container), last_ended(pod, container)
    if newest is not None and newest.container_id == container_id:
        return newest
    return _ended(last) if last is not None and last.container_id == container_id else None


def waiting_reason(pod: Pod, container: str) -> str:
    """Return in one word why the container does not run; empty without a report."""
    state = state_of(pod, container)
    return (
        (state.waiting.reason if state.waiting else "")
        or (state.terminated.reason if state.terminated else "")
        or pod.status.reason
        or pod.status.phase
    )


def _states(pod: Pod, container: str) -> tuple[ContainerState, ContainerState, str]:
    """Return a container's state, the one before it, and the id of the instance that runs."""
    status = pod.status
    for each in (*status.container_statuses, *status.init_container_statuses):
        if each.name == container:
            return each.state, each.last_state, each.container_id
    return ContainerState(), ContainerState(), ""


def _ended(terminated: Terminated) -> Instance:
    return Instance(
        terminated.container_id,
        terminated.started_at,
        True,
        terminated.exit_code,
        terminated.reason,
        terminated.message,
    )
