"""Why a pod does not serve, in the kubelet's and the scheduler's words made steady."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mcpworkload.live import ContainerStatus, Pod, PodCondition, Terminated
from mcpworkload.reasons import AvailableReason

_WAITING_REASONS = {
    "ErrImagePull": AvailableReason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": AvailableReason.IMAGE_PULL_FAILED,
    "InvalidImageName": AvailableReason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": AvailableReason.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": AvailableReason.CONFIG_ERROR,
    "CreateContainerError": AvailableReason.CONFIG_ERROR,
    "RunContainerError": AvailableReason.START_FAILED,
    "StartError": AvailableReason.START_FAILED,
}
# The kubelet alternates between an error and "Back-off ...: error"; only the error is news.
_BACK_OFF = re.compile(r'^Back-off pulling image ".*?": (?:\w+: )?')
_OUT_OF_MEMORY = "OOMKilled"
MAX_HEAD = 600
MAX_TAIL = 400


@dataclass(frozen=True)
class Problem:
    """Why a pod does not serve: a reason, and a message in two parts."""

    reason: AvailableReason
    #: Pod, container and what happened: the same as long as the problem is.
    head: str
    #: What the server printed last: its end is what matters, and may differ at each exit.
    tail: str = ""

    def message(self, stored: str = "") -> str:
        """The message, or *stored* where that tells the same problem with an earlier tail."""
        if self.tail and stored.startswith(f"{self.head}: "):
            return stored
        return f"{self.head}: {self.tail}" if self.tail else self.head


def first_problem(pods: Iterable[Pod]) -> Problem | None:
    """The problem of the first of *pods* that has one."""
    return next((problem for pod in pods if (problem := _problem_of(pod))), None)


def _problem_of(pod: Pod) -> Problem | None:
    if pod.is_ready or pod.metadata.deletion_timestamp is not None:
        return None
    for condition in pod.status.conditions:
        if _is_unschedulable(condition):
            return _problem(AvailableReason.UNSCHEDULABLE, pod, None, condition.message)
    for container in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if problem := _container_problem(pod, container):
            return problem
    return None


def _is_unschedulable(condition: PodCondition) -> bool:
    return (
        condition.type == "PodScheduled"
        and condition.status == "False"
        and condition.reason == "Unschedulable"
    )


def _container_problem(pod: Pod, container: ContainerStatus) -> Problem | None:
    waiting = container.state.waiting
    reason = _WAITING_REASONS.get(waiting.reason) if waiting else None
    if waiting and reason:
        words = _BACK_OFF.sub("", waiting.message) or waiting.reason
        return _problem(reason, pod, container, words)
    ended = container.state.terminated or container.last_state.terminated
    if ended is None or container.ready:
        return None
    if ended.reason in _WAITING_REASONS:
        return _problem(_WAITING_REASONS[ended.reason], pod, container, ended.message)
    if ended.reason == _OUT_OF_MEMORY:
        return _exit(AvailableReason.OOM_KILLED, pod, container, ended)
    if container.restart_count or ended.exit_code:
        return _exit(AvailableReason.CRASH_LOOPING, pod, container, ended)
    return None


def _exit(
    reason: AvailableReason, pod: Pod, container: ContainerStatus, ended: Terminated
) -> Problem:
    words = f"exited with code {ended.exit_code} ({ended.reason})"
    head = _problem(reason, pod, container, words).head
    return Problem(reason, head, ended.message.strip()[-MAX_TAIL:])


def _problem(
    reason: AvailableReason, pod: Pod, container: ContainerStatus | None, words: str
) -> Problem:
    where = f"pod {pod.metadata.name}" + (f", container {container.name}" if container else "")
    return Problem(reason, f"{where}: {words}"[:MAX_HEAD])
