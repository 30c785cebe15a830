"""The cursor of a workload's exits: how far they have been reported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mcpworkload.exits.terminations import is_ending, revision_of, terminations_of
from mcpworkload.kube.objects import Pod


@dataclass(frozen=True)
class ContainerCursor:
    """The exits of one container that have been reported."""

    #: How many of its ends are reported, by the kubelet's count.
    ended: int = 0
    #: The ID of the last of them; empty when it is not known. Where the kubelet has begun to
    #: count anew since, the ID of the last one before.
    container_id: str = ""
    #: How many there were before the kubelet began to count anew.
    base: int = 0


@dataclass(frozen=True)
class PodCursor:
    """The exits of one pod that have been reported."""

    uid: str
    revision: str = ""
    #: Whether its end was requested or reported: its disappearance is not reported then.
    is_ended: bool = False
    #: By name, those containers that have ended at least once.
    containers: Mapping[str, ContainerCursor] = field(default_factory=dict)


#: By the pod's name; a pod that replaces another of its name replaces its entry, too.
Cursor = Mapping[str, PodCursor]


def baseline(pods: Iterable[Pod]) -> Cursor:
    """Return the cursor after everything that happened so far."""
    return {pod.metadata.name: _reported(pod) for pod in pods}


def _reported(pod: Pod) -> PodCursor:
    containers = {}
    for container in pod.containers:
        count, shown = terminations_of(pod, container)
        if count:
            containers[container.name] = ContainerCursor(count, shown[-1].key if shown else "")
    return PodCursor(pod.metadata.uid, revision_of(pod), is_ending(pod), containers)
