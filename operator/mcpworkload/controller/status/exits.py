"""Compute the exits of a workload's pods for its status: the new ones, and the next cursor."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcpworkload.api.status import ContainerRecord, LastTermination, PodRecord
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.status.inputs import StatusInput
from mcpworkload.controller.status.problems import START_REASONS, Witness
from mcpworkload.exits import (
    HOOK_FAILED,
    PROBE_FAILED,
    ContainerCursor,
    Cursor,
    Exit,
    ExitKind,
    NewExits,
    PodCursor,
    Wanted,
    find_new_exits,
    may_be_the_kubelets,
)
from mcpworkload.kube.objects import StatefulSet, Terminated
from mcpworkload.kube.redaction import discreet

MAX_MESSAGE = 1000
# The messages beside these reasons are the kubelet's, not the server's.
_OF_KUBELET = START_REASONS.keys() | {PROBE_FAILED, HOOK_FAILED}


@dataclass(frozen=True)
class ExitReport:
    """The exits as the status shows them, and those of them that are new."""

    restarts: int
    last: LastTermination | None
    pods: list[PodRecord]
    #: The new exits, to be reported before the status is stored, and only then.
    news: tuple[Exit, ...]
    #: Whether the write must not wait: the next operator process could not find it out.
    is_pressing: bool
    #: The cursor once the status is stored.
    cursor: Cursor
    #: UIDs of the pods that are gone and can be forgotten then.
    gone: frozenset[str]
    #: IDs of those containers in *news* that the kubelet may have ended, without an Event so far.
    unexplained: tuple[str, ...] = ()


def report_exits(inputs: StatusInput, observation: Observation) -> ExitReport:
    """Return what the next status of *inputs* reports of its containers' exits."""
    status = inputs.status
    cursor = cursor_of(status)
    if observation.unreadable:
        return _unchanged(status, cursor)
    recorded = {entry.uid for entry in cursor.values()}
    live = _own_statefulset(inputs, observation)
    # A recorded pod stays the workload's while its StatefulSet is being replaced.
    pods = {
        name: pod
        for name, pod in observation.labelled.items()
        if (live and name in observation.pods) or pod.metadata.uid in recorded
    }
    ours = {live.metadata.uid} if live else set()
    seen = {
        uid: observed
        for uid, observed in observation.seen.items()
        if uid in recorded or observed.last is None or _controller(observed.last) in ours
    }
    wanted = Wanted(inputs.replicas, live.status.update_revision if live else "")
    result = find_new_exits(cursor, pods, seen, wanted)
    last = status.get("lastTermination") or {}
    exits = (_explained(each, observation, last) for each in result.exits)
    news = tuple(_discreet(each, inputs) for each in exits)
    return ExitReport(
        restarts=status.get("restarts", 0) + sum(each.count for each in news),
        last=_last(news) or _explained_late(_stored_last(status), observation, inputs),
        pods=_records(result),
        news=news,
        is_pressing=bool(news) or _has_new_end(cursor, result.cursor),
        cursor=result.cursor,
        gone=frozenset(uid for uid, each in observation.seen.items() if each.last),
        unexplained=tuple(_unexplained(news, observation)),
    )


def _own_statefulset(inputs: StatusInput, observation: Observation) -> StatefulSet | None:
    """Return the StatefulSet, unless it belongs to an earlier workload of the same name."""
    live = observation.statefulset
    owner = live.metadata.controller if live else None
    return None if owner and owner.uid != inputs.uid else live


def _unchanged(status: Mapping[str, Any], cursor: Cursor) -> ExitReport:
    """Return the report that is stored, where pods cannot be read."""
    pods = [PodRecord.model_validate(pod) for pod in status.get("pods", ())]
    restarts, last = status.get("restarts", 0), _stored_last(status)
    return ExitReport(restarts, last, pods, (), is_pressing=False, cursor=cursor, gone=frozenset())


def _stored_last(status: Mapping[str, Any]) -> LastTermination | None:
    stored = status.get("lastTermination")
    return LastTermination.model_validate(stored) if stored else None


def cursor_of(status: Mapping[str, Any]) -> Cursor:
    """Return how far the exits have been reported, as *status* has it."""
    return {
        pod["name"]: PodCursor(
            uid=pod["uid"],
            revision=pod.get("revision", ""),
            is_ended=pod.get("ended", False),
            containers={
                each["name"]: ContainerCursor(
                    each["restartCount"], each.get("containerID", ""), each.get("base", 0)
                )
                for each in pod.get("containers", ())
            },
        )
        for pod in status.get("pods", ())
    }


def describe(exit_: Exit) -> str:
    """Return the exit as a sentence for people."""
    where = f"pod {exit_.pod}, container {exit_.container}"
    times = f" {exit_.count} times" if exit_.count > 1 else ""
    if exit_.kind == ExitKind.EXITED:
        said = f"exited with code {exit_.exit_code} ({exit_.reason})"
        if exit_.reason in (PROBE_FAILED, HOOK_FAILED):
            said = f"ended by the kubelet with code {exit_.exit_code} ({exit_.reason})"
    elif exit_.kind == ExitKind.EVICTED:
        said = f"ended by the cluster ({exit_.reason})"
    else:
        said = f"ended{times} while the operator could not observe it"
    return f"{where}: {said}: {exit_.message}" if exit_.message else f"{where}: {said}"


def _records(result: NewExits) -> list[PodRecord]:
    return [
        PodRecord(
            name=name,
            uid=entry.uid,
            revision=entry.revision,
            ended=entry.is_ended,
            containers=[
                ContainerRecord(
                    name=container,
                    restart_count=each.ended,
                    container_id=each.container_id,
                    base=each.base,
                )
                for container, each in sorted(entry.containers.items())
            ],
        )
        for name, entry in sorted(result.cursor.items())
    ]


def _has_new_end(before: Cursor, after: Cursor) -> bool:
    """Return whether a recorded pod is ending as asked, and was not before."""
    return any(
        entry.is_ended
        and name in before
        and before[name].uid == entry.uid
        and not before[name].is_ended
        for name, entry in after.items()
    )


def _last(news: tuple[Exit, ...]) -> LastTermination | None:
    """Return the last of *news* whose exit code is known, else the last of all."""
    known = [each for each in news if each.kind != ExitKind.UNKNOWN]
    last = next(reversed(known or news), None)
    if last is None:
        return None
    return LastTermination(
        pod=last.pod,
        container=last.container,
        container_id=last.container_id,
        image=last.image,
        exit_code=last.exit_code,
        signal=last.signal,
        reason=last.reason,
        message=last.message.strip()[-MAX_MESSAGE:],
        started_at=last.started_at,
        finished_at=last.finished_at,
    )


def _discreet(exit_: Exit, inputs: StatusInput) -> Exit:
    """Return *exit_* without possible secrets; without the server's output if the spec says so."""
    if exit_.kind == ExitKind.EXITED and exit_.reason not in _OF_KUBELET:
        return exit_ if inputs.may_quote else replace(exit_, message="")
    return replace(exit_, message=inputs.secrets.hide(discreet(exit_.message)))


def _unexplained(news: Iterable[Exit], observation: Observation) -> Iterator[str]:
    for each in news:
        pod = observation.labelled.get(each.pod)
        is_there = pod is not None and pod.metadata.uid == each.pod_uid and pod.spec.containers
        if each.kind != ExitKind.EXITED or each.reason in _OF_KUBELET or not is_there:
            continue
        if pod and may_be_the_kubelets(pod, each.container, _end_of(each)):
            yield each.container_id


def _end_of(exit_: Exit) -> Terminated:
    return Terminated(
        exit_code=exit_.exit_code or 0,
        reason=exit_.reason,
        started_at=exit_.started_at,
        finished_at=exit_.finished_at,
        container_id=exit_.container_id,
    )


def _explained(exit_: Exit, observation: Observation, last: Mapping[str, Any]) -> Exit:
    """Return *exit_* with the kubelet's reason and message, if the kubelet ended the container."""
    pod = observation.labelled.get(exit_.pod)
    if exit_.kind != ExitKind.EXITED or pod is None or pod.metadata.uid != exit_.pod_uid:
        return exit_
    witness = Witness(observation.pod_events, last)
    cause = witness.cause(pod, exit_.container, _end_of(exit_))
    return replace(exit_, reason=cause.reason, message=cause.message) if cause else exit_


def _explained_late(
    last: LastTermination | None, observation: Observation, inputs: StatusInput
) -> LastTermination | None:
    """Return *last* with the cause that Events give, which may come later than the exit itself."""
    pod = observation.labelled.get(last.pod) if last else None
    if last is None or pod is None:
        return last
    for container in pod.containers:
        for ended in (container.state.terminated, container.last_state.terminated):
            if ended is None or not last.container_id or ended.container_id != last.container_id:
                continue
            cause = Witness(observation.pod_events).cause(pod, container.name, ended)
            if cause and last.reason != cause.reason:
                said = inputs.secrets.hide(cause.message)
                return last.model_copy(update={"reason": cause.reason, "message": said})
    return last


def _controller(pod: Any) -> str:
    owner = pod.metadata.controller
    return owner.uid if owner else ""
