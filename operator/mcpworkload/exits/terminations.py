"""The ends of containers that a Pod still tells of."""

from dataclasses import dataclass

from mcpworkload.api.names import REVISION_LABEL
from mcpworkload.kube.objects import ContainerStatus, Pod, Terminated

_FINAL = ("Failed", "Succeeded")


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
        return self.ended.container_id


def terminations_of(pod: Pod, container: ContainerStatus) -> tuple[int, tuple[Termination, ...]]:
    """
    How often the container has ended by the kubelet's count, and the ends it tells, in order.

    An end without an ID is counted, but not told: the kubelet found no container where one had
    run, and made up the rest (`ContainerStatusUnknown`, exit code 137).
    """
    count = container.restart_count + (0 if _is_counted(pod, container) else 1)
    both = (container.last_state.terminated, container.state.terminated)
    told = [each for each in both if each and each.container_id]
    first = count - len(told)
    image = container.image
    return count, tuple(Termination(first + n, image, each) for n, each in enumerate(told))


def is_inferred(container: ContainerStatus) -> bool:
    """Whether the kubelet only infers that the container has ended."""
    latest = container.state.terminated or container.last_state.terminated
    return not container.state.running and latest is not None and not latest.container_id


def _is_counted(pod: Pod, container: ContainerStatus) -> bool:
    """Whether the container's restart count includes its last end, as it does once it runs."""
    state, last = container.state, container.last_state.terminated
    if is_inferred(container):
        # Counted at once, as if it ran again already; but not in a pod that is on its way out,
        # except where the same end is told a second time, as the pod's last.
        is_twice = last is not None and not last.container_id
        return is_twice or not (is_deleted(pod) or pod.status.phase in _FINAL)
    if state.running or not (state.terminated or last):
        return True
    # One that waits has not been counted, unless the next one is made already.
    is_next = last is not None and container.container_id not in ("", last.container_id)
    return state.terminated is None and is_next


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
    """
    Whether no container of the pod will end any more: none runs, and none is restarted.

    One that runs in a pod that has failed is on a node that nobody hears of.
    """
    is_final = pod.status.phase in _FINAL
    is_told = is_deleted(pod) and bool(pod.status.container_statuses)
    return (is_final or is_told) and not any(each.state.running for each in pod.containers)


def is_deleted(pod: Pod) -> bool:
    """Whether somebody has asked for the pod's deletion."""
    return pod.metadata.deletion_timestamp is not None


def is_ending(pod: Pod) -> bool:
    """Whether the pod's end is no news: it was asked for, or there is nothing left to end."""
    return is_over(pod) or (is_deleted(pod) and not disruption_of(pod))


def revision_of(pod: Pod) -> str:
    """Which pod template it was made from."""
    return pod.metadata.labels.get(REVISION_LABEL, "")
