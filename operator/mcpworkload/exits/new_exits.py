"""Compute the unreported exits since a cursor, and the next cursor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mcpworkload.api.names import CONTAINER
from mcpworkload.exits.cursor import ContainerCursor, Cursor, PodCursor
from mcpworkload.exits.exit import Exit, ExitKind, exit_of
from mcpworkload.exits.observed import ObservedPod, ObservedTermination
from mcpworkload.exits.terminations import (
    disruption_of,
    is_deleted,
    is_ending,
    is_inferred,
    is_meant,
    is_over,
    revision_of,
    terminations_of,
)
from mcpworkload.kube.objects import ContainerStatus, Pod

_SCHEDULED = "PodScheduled"
# A kubelet that sees a pod before it was scheduled has a clock that is behind. By how much, is
# known as well as how soon a kubelet sees a pod; moments are whole seconds.
START_TIME = timedelta(seconds=3)
ROUNDING = timedelta(seconds=1)
# More unknown ends than this at once are reported as one.
MAX_UNKNOWN = 20
FORGOTTEN = "how it ended is no longer known"
VANISHED = "the pod no longer exists; how it ended is not known"


@dataclass(frozen=True)
class Wanted:
    """The pods that the workload asks for: how many, and of which template."""

    replicas: int
    revision: str


@dataclass(frozen=True)
class NewExits:
    """The exits to report, oldest first, and the cursor after them."""

    exits: Sequence[Exit]
    cursor: Cursor
    #: UIDs of the pods that are gone, and need not be remembered.
    gone: frozenset[str] = frozenset()


def find_new_exits(
    cursor: Cursor, pods: Mapping[str, Pod], seen: Mapping[str, ObservedPod], wanted: Wanted
) -> NewExits:
    """
    Return the exits that are to be reported of *pods*, and of pods that existed before.

    *pods* are the workload's pods by name, *seen* what was observed of them and of pods that are
    gone, by UID. The same arguments give the same result; with the returned cursor nothing is left.
    """
    exits: list[Exit] = []
    entries: dict[str, PodCursor] = {}
    for name, pod in pods.items():
        before = _entry_for(cursor.get(name), pod)
        found, entries[name] = _exits_of_pod(before, pod, seen.get(pod.metadata.uid))
        exits += found
    alive = {pod.metadata.uid for pod in pods.values()}
    gone = {uid: each.last for uid, each in seen.items() if each.last and uid not in alive}
    for uid, last in gone.items():
        before = _entry_for(cursor.get(last.metadata.name), last)
        exits += _exits_of_gone(before, last, seen[uid], pods.get(last.metadata.name), wanted)
    for name, entry in cursor.items():
        is_missing = entry.uid not in alive and entry.uid not in gone
        if is_missing and not _was_asked_for(name, entry, pods.get(name), wanted):
            exits.append(_vanished(name, entry))
    exits.sort(key=lambda each: each.finished_at.timestamp() if each.finished_at else 0.0)
    return NewExits(exits, entries, frozenset(gone))


def _entry_for(before: PodCursor | None, pod: Pod) -> PodCursor:
    if before is not None and before.uid == pod.metadata.uid:
        return before
    return PodCursor(pod.metadata.uid, revision_of(pod))


def _exits_of_pod(
    before: PodCursor, pod: Pod, observed: ObservedPod | None
) -> tuple[list[Exit], PodCursor]:
    exits: list[Exit] = []
    containers = dict(before.containers)
    for container in pod.containers:
        ends = observed.ends.get(container.name, {}) if observed else {}
        old = before.containers.get(container.name, ContainerCursor())
        found, new = _exits_of_container(old, pod, container, list(ends.values()), before.is_ended)
        exits += found
        if found or new.base != old.base:
            containers[container.name] = new
    is_ended = before.is_ended or is_ending(pod)
    return exits, replace(before, is_ended=is_ended, containers=containers)


def _exits_of_container(
    before: ContainerCursor,
    pod: Pod,
    container: ContainerStatus,
    ends: Sequence[ObservedTermination],
    is_ended: bool,
) -> tuple[list[Exit], ContainerCursor]:
    count, shown = terminations_of(pod, container)
    exits: list[Exit] = []
    lost: list[int] = []
    now = before
    for each in _fresh(before, ends, count):
        now = _reach(now, each.termination.index, lost)
        # What ran again had another reason to end than what ended the pod.
        is_last = each.termination.index >= container.restart_count
        if not (is_last and _was_caused_by_deletion(each, pod, is_ended)):
            disruption = each.disruption if is_last else ""
            index = now.base + now.ended
            exits.append(exit_of(pod, container.name, index, each.termination, disruption))
        now = replace(now, ended=now.ended + 1, container_id=each.termination.key)
    now = _reach(now, count, lost)
    is_asked = is_deleted(pod) and not disruption_of(pod)
    if is_asked and is_inferred(container) and count > container.restart_count:
        lost = lost[:-1]  # the last end was requested, like the other reported ones
    if shown and is_meant(pod, container, shown[0]):
        lost = []  # one that is run anew after it has done its work did that before, too
    meant = {now.base + each.index for each in shown if is_meant(pod, container, each)}
    lost = [index for index in lost if index not in meant]
    return [*_unknown(pod, container, lost), *exits], now


def _reach(cursor: ContainerCursor, ended: int, lost: list[int]) -> ContainerCursor:
    """Return the cursor at *ended*; the indices that it passes are appended to *lost*."""
    if ended < cursor.ended:  # the kubelet began to count anew
        base = cursor.base + cursor.ended
        lost += range(base, base + ended)
        return replace(cursor, base=base, ended=ended)
    if ended > cursor.ended:
        lost += range(cursor.base + cursor.ended, cursor.base + ended)
        return replace(cursor, ended=ended, container_id="")
    return cursor


def _fresh(
    before: ContainerCursor, ends: Sequence[ObservedTermination], count: int
) -> Sequence[ObservedTermination]:
    """Return those of *ends*, which are in order, that come after the last one reported."""
    keys = [each.termination.key for each in ends]
    if before.container_id in keys:
        return ends[keys.index(before.container_id) + 1 :]
    if before.container_id or count < before.ended:
        return ends
    return [each for each in ends if each.termination.index >= before.ended]


def _was_caused_by_deletion(end: ObservedTermination, pod: Pod, is_ended: bool) -> bool:
    """
    Return whether the container ended because a client asked for the pod's deletion.

    A client that asks for it before the cluster does has asked for all that follows.
    """
    if not end.was_deleted or pod.metadata.deletion_timestamp is None:
        return False
    if end.disruption and not is_ended:
        return False
    if not pod.metadata.deletion_grace_period_seconds:
        return True  # the kubelet deletes what has ended anew: when it was asked for is not known
    finished = end.termination.ended.finished_at
    grace = timedelta(seconds=pod.metadata.deletion_grace_period_seconds)
    requested = datetime.fromisoformat(pod.metadata.deletion_timestamp) - grace
    return finished is None or finished + _lag(pod) >= requested


def _lag(pod: Pod) -> timedelta:
    """Return how far the node's clock may be behind the API server's; zero where it seems right."""
    scheduled = next(
        (each.last_transition_time for each in pod.status.conditions if each.type == _SCHEDULED),
        pod.metadata.creation_timestamp,
    )
    started = pod.status.start_time
    if scheduled is None or started is None or scheduled - started <= ROUNDING:
        return timedelta()
    return scheduled - started + START_TIME


def _exits_of_gone(
    before: PodCursor, last: Pod, observed: ObservedPod, successor: Pod | None, wanted: Wanted
) -> list[Exit]:
    """Return the exits of a pod that no longer exists, *last* its last state."""
    exits, entry = _exits_of_pod(before, last, observed)
    disruption = disruption_of(last)
    if before.is_ended or is_over(last):
        return exits
    if disruption:
        running = [each for each in last.containers if each.state.running]
        return [*exits, *(_cut_off(last, each, entry, disruption) for each in running)]
    if observed.was_watched or is_deleted(last):
        return exits
    if _was_asked_for(last.metadata.name, before, successor, wanted):
        return exits
    return [*exits, _vanished(last.metadata.name, entry)]


def _was_asked_for(name: str, entry: PodCursor, successor: Pod | None, wanted: Wanted) -> bool:
    """Return whether the workload explains why a pod vanished whose deletion was not watched."""
    ordinal = name.rpartition("-")[2]
    if entry.is_ended or not ordinal.isdecimal() or int(ordinal) >= wanted.replicas:
        return True
    revision = revision_of(successor) if successor else wanted.revision
    return revision != entry.revision


def _unknown(pod: Pod, container: ContainerStatus, indices: Sequence[int]) -> Iterator[Exit]:
    """Yield one exit for each of *indices*, the last of many standing for the rest."""
    for index in indices[:MAX_UNKNOWN]:
        is_rest = index == indices[:MAX_UNKNOWN][-1]
        yield Exit(
            kind=ExitKind.UNKNOWN,
            pod=pod.metadata.name,
            pod_uid=pod.metadata.uid,
            container=container.name,
            index=index,
            reason=ExitKind.UNKNOWN,
            message=FORGOTTEN,
            count=1 + max(0, len(indices) - MAX_UNKNOWN) if is_rest else 1,
        )


def _cut_off(pod: Pod, container: ContainerStatus, entry: PodCursor, disruption: str) -> Exit:
    """Return the exit of a container whose node could not report it."""
    known = entry.containers.get(container.name, ContainerCursor())
    return Exit(
        kind=ExitKind.EVICTED,
        pod=pod.metadata.name,
        pod_uid=pod.metadata.uid,
        container=container.name,
        index=known.base + container.restart_count,
        reason=disruption,
        message=pod.status.message or FORGOTTEN,
        image=container.image,
    )


def _vanished(name: str, entry: PodCursor) -> Exit:
    known = entry.containers.get(CONTAINER, ContainerCursor())
    return Exit(
        kind=ExitKind.UNKNOWN,
        pod=name,
        pod_uid=entry.uid,
        container=CONTAINER,
        index=known.base + known.ended,
        reason=ExitKind.UNKNOWN,
        message=VANISHED,
    )
