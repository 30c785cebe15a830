"""The ends of containers that a Pod still shows."""

from dataclasses import dataclass

from mcpworkload.api.names import REVISION_LABEL
from mcpworkload.kube.objects import ContainerStatus, Pod, Terminated

_FINAL = ("Failed", "Succeeded")


@dataclass(frozen=True)
class Termination:
    """The end of one life of a container."""

    #: Which life it was: 0 for the first; the kubelet may begin to count anew.
    index: int
    image: str
    ended: Terminated

    @property
    def key(self) -> str:
        """The ID that distinguishes it from the container's other ends."""
        return self.ended.container_id


def terminations_of(pod: Pod, container: ContainerStatus) -> tuple[int, tuple[Termination, ...]]:
    """
    Return how often the container has ended, and the ends that it shows, in order.

    The kubelet counts an end without an ID, which is not returned: it found no container where one
    had run, and made up the rest (`ContainerStatusUnknown`, exit code 137).
    """
    count = container.restart_count + (0 if _is_counted(pod, container) else 1)
    both = (container.last_state.terminated, container.state.terminated)
    shown = [each for each in both if each and each.container_id]
    first = count - len(shown)
    image = container.image
    return count, tuple(Termination(first + n, image, each) for n, each in enumerate(shown))


def is_inferred(container: ContainerStatus) -> bool:
    """Return whether the kubelet only infers that the container has ended."""
    latest = container.state.terminated or container.last_state.terminated
    return not container.state.running and latest is not None and not latest.container_id


def _is_counted(pod: Pod, container: ContainerStatus) -> bool:
    """Return whether the container's restart count includes its last end."""
    state, last = container.state, container.last_state.terminated
    if is_inferred(container):
        # Counted at once, as if it ran again already; but not in a pod that is on its way out,
        # except where the same end is shown a second time, as the pod's last.
        is_twice = last is not None and not last.container_id
        return is_twice or not (is_deleted(pod) or pod.status.phase in _FINAL)
    if state.running or not (state.terminated or last):
        return True
    # One that waits has not been counted, unless the next one is made already.
    is_next = last is not None and container.container_id not in ("", last.container_id)
    return state.terminated is None and is_next


def is_meant(pod: Pod, container: ContainerStatus, termination: Termination) -> bool:
    """Return whether the container is one that is to end, and ended with 0."""
    return termination.ended.exit_code == 0 and pod.runs_once(container)


def disruption_of(pod: Pod) -> str:
    """Return why the cluster itself ends the pod, as a reason; empty when it does not."""
    for condition in pod.status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return condition.reason
    return pod.status.reason if pod.status.phase == "Failed" else ""


def is_over(pod: Pod) -> bool:
    """
    Return whether no container of the pod will end any more: none runs, and none is restarted.

    A container that runs in a failed pod is on a node that does not report.
    """
    is_final = pod.status.phase in _FINAL
    is_reported = is_deleted(pod) and bool(pod.status.container_statuses)
    return (is_final or is_reported) and not any(each.state.running for each in pod.containers)


def is_deleted(pod: Pod) -> bool:
    """Return whether the pod's deletion was requested."""
    return pod.metadata.deletion_timestamp is not None


def is_ending(pod: Pod) -> bool:
    """Return whether the pod's end is expected: it was requested, or nothing is left to end."""
    return is_over(pod) or (is_deleted(pod) and not disruption_of(pod))


def revision_of(pod: Pod) -> str:
    """Return the revision of the pod template that the pod was made from."""
    return pod.metadata.labels.get(REVISION_LABEL, "")
