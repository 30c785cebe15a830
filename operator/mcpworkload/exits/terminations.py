"""The ends of containers that a Pod still tells of."""

from dataclasses import dataclass

from mcpworkload.live import ContainerStatus, Pod, Terminated
from mcpworkload.names import REVISION_LABEL

_UNLOCATED = "ContainerStatusUnknown"


@dataclass(frozen=True)
class Termination:
    """How one life of a container ended."""

    #: Which life it was: 0 for the first; the kubelet may begin to count anew.
    index: int
    image: str
    ended: Terminated

    @property
    def key(self) -> str:
        """What tells it from the container's other ends."""
        return self.ended.container_id or f"#{self.index}"


def terminations_of(container: ContainerStatus) -> tuple[int, tuple[Termination, ...]]:
    """How often the container has ended by the kubelet's count, and the ends it tells, in order."""
    count = container.restart_count
    last, state = container.last_state.terminated, container.state
    if state.terminated:
        told = [Termination(count, container.image, state.terminated)]
        if last:
            told.insert(0, Termination(count - 1, container.image, last))
        return count + 1, tuple(told)
    if last is None:
        return count, ()
    # A container that waits has not been counted as restarted, unless it was lost with its node.
    if state.waiting and last.reason != _UNLOCATED and last.container_id:
        count += 1
    return count, (Termination(count - 1, container.image, last),)


def is_meant(pod: Pod, container: ContainerStatus, termination: Termination) -> bool:
    """Whether the container is one that is to end, and did so well."""
    return termination.ended.exit_code == 0 and pod.runs_once(container)


def disruption_of(pod: Pod) -> str:
    """Why the cluster itself ends the pod, in a word; empty when it does not."""
    for condition in pod.status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return condition.reason
    return pod.status.reason if pod.status.phase == "Failed" else ""


def is_over(pod: Pod) -> bool:
    """Whether no container of the pod will end any more: all have, and none is restarted."""
    return pod.status.phase in ("Failed", "Succeeded") or (
        pod.metadata.deletion_timestamp is not None
        and bool(pod.status.container_statuses)
        and all(each.state.terminated for each in pod.status.container_statuses)
    )


def is_deleted(pod: Pod) -> bool:
    """Whether somebody has asked for the pod's deletion."""
    return pod.metadata.deletion_timestamp is not None


def revision_of(pod: Pod) -> str:
    """Which pod template it was made from."""
    return pod.metadata.labels.get(REVISION_LABEL, "")
