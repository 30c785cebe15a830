"""Find why a workload does not serve, in the kubelet's and the scheduler's texts made steady."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mcpworkload.api.names import BRIDGE, CONTAINER
from mcpworkload.api.reasons import AvailableReason
from mcpworkload.controller.status import diagnosis, messages
from mcpworkload.controller.status import pods as at
from mcpworkload.exits import HOOK_FAILED, Cause, find_cause, may_be_the_kubelets
from mcpworkload.kube.objects import ContainerStatus, Event, Pod, Terminated

# The kubelet's reasons of a container that waits, or ended before its program ran.
START_REASONS = {
    "ErrImagePull": AvailableReason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": AvailableReason.IMAGE_PULL_FAILED,
    "ImageInspectError": AvailableReason.IMAGE_PULL_FAILED,
    "InvalidImageName": AvailableReason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": AvailableReason.IMAGE_PULL_FAILED,
    "RegistryUnavailable": AvailableReason.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": AvailableReason.CONFIG_ERROR,
    "CreateContainerError": AvailableReason.CONFIG_ERROR,
    "RunContainerError": AvailableReason.START_FAILED,
    "PostStartHookError": AvailableReason.START_FAILED,
    "StartError": AvailableReason.START_FAILED,
    "ContainerCannotRun": AvailableReason.START_FAILED,
}
# Reasons of a pod that a node has given up; with any other, the node did not even start it.
_EVICTIONS = frozenset({"Evicted", "Preempting", "Terminated", "NodeShutdown", "Shutdown"})
_VOLUME = re.compile(r"persistent ?volume|storageclass", re.IGNORECASE)
_OUT_OF_MEMORY = "OOMKilled"
_MEANING = {AvailableReason.OOM_KILLED: ": it used more memory than its limit"}
# The kubelet's message on a bridge that is not ready; it drops the body of the answer.
_NOT_READY = "HTTP probe failed with statuscode: 503"
# The kubelet did not see it end; the code beside it is made up.
_UNSEEN = "ContainerStatusUnknown"
MAX_HEAD = 600
MAX_TAIL = 400


@dataclass(frozen=True)
class Problem:
    """The reason why a pod does not serve, with a message in two parts."""

    reason: AvailableReason
    #: Pod, container and what happened: the same as long as the problem is.
    head: str
    #: What the server printed last: its end is what matters, and may differ at each exit.
    tail: str = ""
    #: Pod and container alone, where the cause is not known now, but may have been before.
    vague: str = ""
    container: str = ""
    #: Of a container that ended by itself.
    exit_code: int | None = None
    #: How many seconds it ran; None where that is not known.
    lived: float | None = None

    def message(self, stored: str = "") -> str:
        """
        Return the message, or *stored*, where that describes the same problem.

        *stored* is the message that stands beside the same reason now, if any: with an earlier
        tail, or with an explanation whose Event has expired since.
        """
        if self.tail and stored.startswith(f"{self.head}: "):
            return stored
        if self.vague and stored.startswith(f"{self.vague}: "):
            return stored
        return f"{self.head}: {self.tail}" if self.tail else self.head


@dataclass(frozen=True)
class Witness:
    """The facts about a pod beside its status: its Events, and the exit that was reported last."""

    #: By the pod's UID.
    events: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    #: `lastTermination` of the workload as it is stored.
    last: Mapping[str, Any] = field(default_factory=dict)

    def of(self, pod: Pod) -> Sequence[Event]:
        """Return the pod's Events."""
        return self.events.get(pod.metadata.uid, ())

    def cause(self, pod: Pod, container: str, ended: Terminated) -> Cause | None:
        """Return why the kubelet ended the container, if it did, in a text that stays the same."""
        found = find_cause(pod, container, ended, self.of(pod), self.last)
        return replace(found, message=messages.steady(found.message)) if found else None


def first_problem(
    pods: Iterable[Pod],
    now: datetime,
    events: Mapping[str, Sequence[Event]],
    last: Mapping[str, Any] | None = None,
) -> Problem | None:
    """
    Return the problem of the first of *pods* that has one.

    *events* are Events by the pod's UID, *last* the workload's `lastTermination` as it is stored.
    """
    witness = Witness(events, last or {})
    problems = (_problem_of(pod, now, witness) for pod in pods)
    return next((problem for problem in problems if problem), None)


def suspects(pods: Iterable[Pod], now: datetime) -> list[Pod]:
    """Return the pods whose status does not explain why they are not ready: their Events may."""
    return [
        pod
        for pod in pods
        if pod.metadata.deletion_timestamp is None
        and not at.is_steady(pod, now)
        and (any(open_ends(pod, now)) or _is_silent(pod, now))
    ]


def has_open_end(pod: Pod, now: datetime) -> bool:
    """Return whether a container has not recovered from an end that the kubelet may have caused."""
    return any(open_ends(pod, now))


def open_ends(pod: Pod, now: datetime) -> Iterator[tuple[str, Terminated]]:
    """Yield the containers that have not recovered from an end that the kubelet may have caused."""
    if pod.status.phase == "Failed":
        return
    for container in pod.containers:
        ended = _exit_of(pod, container, now)
        if ended is not None and may_be_the_kubelets(pod, container.name, ended):
            yield container.name, ended


def is_explained(pod: Pod, events: Sequence[Event], now: datetime) -> bool:
    """Return whether a suspect's *events* explain why it is not ready."""
    ends = list(open_ends(pod, now))
    if ends:
        return all(find_cause(pod, name, ended, events) for name, ended in ends)
    running = (each.state.running for each in pod.containers if not each.ready)
    starts = [state.started_at for state in running if state and state.started_at]
    return diagnosis.is_telling(events, max(starts, default=None))


def _is_silent(pod: Pod, now: datetime) -> bool:
    return at.is_impatient(pod, now) and _plain_problem(pod, now, Witness()) is None


def _problem_of(pod: Pod, now: datetime, witness: Witness) -> Problem | None:
    if at.is_steady(pod, now):
        return None
    if pod.metadata.deletion_timestamp is not None:
        return _overdue(pod, now)
    if problem := _plain_problem(pod, now, witness):
        return problem
    return _slow_problem(pod, witness.of(pod)) if at.is_impatient(pod, now) else None


def _plain_problem(pod: Pod, now: datetime, witness: Witness) -> Problem | None:
    """Return the problem that the pod's own status shows, once the cause of an end is known."""
    if pod.status.phase == "Failed" and pod.status.reason:
        return _given_up(pod)
    if _waits_for_claims(pod):
        # Each claim is pending at first; Events are read of one that takes long.
        return None
    if message := _unschedulable(pod):
        said = messages.scheduling_error(message)
        return problem_at(AvailableReason.UNSCHEDULABLE, pod, None, said)
    for container in pod.containers:
        if problem := _container_problem(pod, container, now, witness):
            return problem
    return _lost(pod)


def awaited_claims(pod: Pod) -> list[str]:
    """Return the names of the claims that the pod may wait for; empty where it waits for none."""
    if not _waits_for_claims(pod):
        return []
    claims = (volume.persistent_volume_claim for volume in pod.spec.volumes)
    return [claim.claim_name for claim in claims if claim]


def _waits_for_claims(pod: Pod) -> bool:
    return bool(_VOLUME.search(_unschedulable(pod)))


def _unschedulable(pod: Pod) -> str:
    """Return why no node takes the pod, in the scheduler's words; empty where one does."""
    scheduled = at.condition_of(pod, "PodScheduled")
    is_so = (scheduled.status, scheduled.reason) == ("False", "Unschedulable")
    return scheduled.message if is_so else ""


def _given_up(pod: Pod) -> Problem:
    is_eviction = pod.status.reason in _EVICTIONS
    reason = AvailableReason.EVICTED if is_eviction else AvailableReason.POD_REFUSED
    # What follows the first sentence are figures of the moment.
    said = messages.steady(pod.status.message).partition(". ")[0]
    return problem_at(reason, pod, None, f"{pod.status.reason}: {said}")


def _lost(pod: Pod) -> Problem | None:
    """Return NodeLost where the pod is not ready though its containers are; else None."""
    ready = at.condition_of(pod, "Ready")
    is_contradiction = (
        ready.status == "False"
        and ready.reason != "ReadinessGatesNotReady"
        and at.condition_of(pod, "ContainersReady").status == "True"
        and all(container.ready for container in pod.status.container_statuses)
    )
    if not is_contradiction and pod.status.reason != "NodeLost":
        return None
    said = f"node {pod.spec.node_name} does not report"
    return problem_at(AvailableReason.NODE_LOST, pod, None, said)


def _overdue(pod: Pod, now: datetime) -> Problem | None:
    deadline = datetime.fromisoformat(str(pod.metadata.deletion_timestamp))
    if pod.status.reason != "NodeLost" and now < deadline + at.OVERDUE:
        return None
    said = f"node {pod.spec.node_name} does not confirm that the pod has ended"
    return problem_at(AvailableReason.NODE_LOST, pod, None, said)


def _slow_problem(pod: Pod, events: Sequence[Event]) -> Problem | None:
    """Return the problem of a pod that takes long, from its Events."""
    if _waits_for_claims(pod):
        said = diagnosis.of_claims(events) or messages.scheduling_error(_unschedulable(pod))
        return problem_at(AvailableReason.VOLUME_PENDING, pod, None, said)
    for container in pod.containers:
        if container.state.running and not container.ready:
            if pod.runs_once(container):
                said = "the init container has not ended yet"
                return problem_at(AvailableReason.STARTING, pod, container, said)
            return _not_ready(pod, container, diagnosis.of_probe(events, container))
    gates = at.condition_of(pod, "Ready")
    if gates.reason == "ReadinessGatesNotReady":
        return problem_at(AvailableReason.PROBE_FAILING, pod, None, gates.message)
    reason, said = diagnosis.of_start(events)
    return problem_at(reason, pod, None, said) if reason else None


def _not_ready(pod: Pod, container: ContainerStatus, said: str) -> Problem:
    reason = AvailableReason.PROBE_FAILING
    if said:
        return problem_at(reason, pod, container, said + _hint(pod, container, said))
    head = problem_at(reason, pod, container, "it runs, but does not become ready").head
    return Problem(reason, head, vague=_where(pod, container))


def _hint(pod: Pod, container: ContainerStatus, said: str) -> str:
    """Return which log explains why a bridge is not ready: the kubelet drops the answer's body."""
    bridge = next((each for each in pod.spec.init_containers if each.name == BRIDGE), None)
    if bridge is None or not said.endswith(_NOT_READY):
        return ""
    where = BRIDGE if bridge.restart_policy == "Always" else CONTAINER
    if container.name != where:
        return ""
    return f"; its log says why: kubectl logs {pod.metadata.name} --container {where}"


def _container_problem(
    pod: Pod, container: ContainerStatus, now: datetime, witness: Witness
) -> Problem | None:
    waiting = container.state.waiting
    reason = START_REASONS.get(waiting.reason) if waiting else None
    if waiting and reason:
        said = messages.pull_error(waiting.message)
        problem = problem_at(reason, pod, container, said or waiting.reason)
        return problem if said else Problem(reason, problem.head, vague=_where(pod, container))
    ended = _exit_of(pod, container, now)
    if ended is None:
        return None
    # The kubelet ends what fails its probes; that it did is less than why.
    if cause := witness.cause(pod, container.name, ended):
        return _killed(pod, container, cause)
    if ended.reason in START_REASONS:
        said = messages.steady(ended.message)
        return problem_at(START_REASONS[ended.reason], pod, container, said)
    if ended.reason == _OUT_OF_MEMORY:
        return _exit(AvailableReason.OOM_KILLED, pod, container, ended)
    return _exit(AvailableReason.CRASH_LOOPING, pod, container, ended)


def _exit_of(pod: Pod, container: ContainerStatus, now: datetime) -> Terminated | None:
    """Return the exit that the container has not recovered from."""
    state, before = container.state, container.last_state.terminated
    if state.terminated:
        is_done = pod.runs_once(container) and state.terminated.exit_code == 0
        return None if is_done else state.terminated
    if state.running is None:
        return before
    if not at.is_looping(container, now):
        return None
    # In a pod that is ready, and yet not steady, it is a loop that makes the difference.
    started = state.running.started_at
    is_young = started is not None and now - started < at.STEADY
    has_recovered = container.ready and not pod.is_ready and not is_young
    return None if has_recovered else before


def _killed(pod: Pod, container: ContainerStatus, cause: Cause) -> Problem:
    """Return the problem of a container that the kubelet has ended, and will end again."""
    is_hook = cause.reason == HOOK_FAILED
    reason = AvailableReason.START_FAILED if is_hook else AvailableReason.PROBE_FAILING
    if cause.is_vague:
        head = problem_at(reason, pod, container, cause.message).head
        return Problem(reason, head, vague=_where(pod, container))
    return problem_at(reason, pod, container, cause.message + _hint(pod, container, cause.message))


def _exit(
    reason: AvailableReason, pod: Pod, container: ContainerStatus, ended: Terminated
) -> Problem:
    said = f"exited with code {ended.exit_code} ({ended.reason}){_MEANING.get(reason, '')}"
    if ended.reason == _UNSEEN:
        said = f"the container is gone, and its node does not know how it ended ({ended.reason})"
    if ended.exit_code == 0:
        said += ": a server runs until it is stopped"
    head = problem_at(reason, pod, container, said).head
    tail = ended.message.strip()[-MAX_TAIL:]
    return Problem(
        reason,
        head,
        tail,
        container=container.name,
        exit_code=ended.exit_code,
        lived=_seconds_of(ended),
    )


def _seconds_of(ended: Terminated) -> float | None:
    if ended.started_at is None or ended.finished_at is None:
        return None
    return (ended.finished_at - ended.started_at).total_seconds()


def problem_at(
    reason: AvailableReason, pod: Pod, container: ContainerStatus | None, said: str
) -> Problem:
    """Return a problem whose message names pod and container before *said*."""
    head = f"{_where(pod, container)}: {said}"[:MAX_HEAD]
    return Problem(reason, head, container=container.name if container else "")


def _where(pod: Pod, container: ContainerStatus | None) -> str:
    return f"pod {pod.metadata.name}" + (f", container {container.name}" if container else "")
