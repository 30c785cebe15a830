"""From a cursor and what is seen to the exits that have not been told, and the next cursor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mcpworkload.exits.cursor import ContainerCursor, Cursor, PodCursor
from mcpworkload.exits.exit import Exit, ExitKind, exit_of
from mcpworkload.exits.sightings import Sighted, Sighting
from mcpworkload.exits.terminations import (
    disruption_of,
    is_deleted,
    is_meant,
    is_over,
    revision_of,
    terminations_of,
)
from mcpworkload.live import ContainerStatus, Pod
from mcpworkload.names import CONTAINER

# How soon a kubelet tells of an end. In a pod that is being deleted, one that is told later, and
# that the node's clock puts further back, is the deletion's own, on a node whose clock is wrong.
REPORT_TIME = timedelta(seconds=3)
# More unknown ends than this at once are told as one.
MAX_UNKNOWN = 20
FORGOTTEN = "how it ended is no longer known"
VANISHED = "the pod was gone when it was looked for; how it ended is not known"


@dataclass(frozen=True)
class Wanted:
    """What the workload asks for: how many pods, made from which template."""

    replicas: int
    revision: str


@dataclass(frozen=True)
class Account:
    """The exits to tell, oldest first, and the cursor once they have been."""

    exits: Sequence[Exit]
    cursor: Cursor
    #: UIDs of the pods that are gone, and need not be remembered.
    gone: frozenset[str] = frozenset()


def account(
    cursor: Cursor, pods: Mapping[str, Pod], seen: Mapping[str, Sighting], wanted: Wanted
) -> Account:
    """
    What has to be told of *pods*, and of those that were there before.

    *pods* are the workload's pods by name, *seen* what was seen of them and of pods that are
    gone, by UID. The same arguments give the same account; with its cursor nothing is left.
    """
    exits: list[Exit] = []
    entries: dict[str, PodCursor] = {}
    for name, pod in pods.items():
        before = _entry_for(cursor.get(name), pod)
        told, entries[name] = _account_pod(before, pod, seen.get(pod.metadata.uid))
        exits += told
    alive = {pod.metadata.uid for pod in pods.values()}
    gone = {uid: each.last for uid, each in seen.items() if each.last and uid not in alive}
    for uid, last in gone.items():
        before = _entry_for(cursor.get(last.metadata.name), last)
        exits += _account_gone(before, last, seen[uid], pods.get(last.metadata.name), wanted)
    for name, entry in cursor.items():
        is_missing = entry.uid not in alive and entry.uid not in gone
        if is_missing and not _was_asked_for(name, entry, pods.get(name), wanted):
            exits.append(_vanished(name, entry))
    exits.sort(key=lambda each: each.finished_at.timestamp() if each.finished_at else 0.0)
    return Account(exits, entries, frozenset(gone))


def _entry_for(before: PodCursor | None, pod: Pod) -> PodCursor:
    if before is not None and before.uid == pod.metadata.uid:
        return before
    return PodCursor(pod.metadata.uid, revision_of(pod))


def _account_pod(
    before: PodCursor, pod: Pod, sighting: Sighting | None
) -> tuple[list[Exit], PodCursor]:
    exits: list[Exit] = []
    containers = dict(before.containers)
    for container in pod.containers:
        ends = sighting.ends.get(container.name, {}) if sighting else {}
        old = before.containers.get(container.name, ContainerCursor())
        told, new = _account_container(old, pod, container, list(ends.values()))
        exits += told
        if new != old:
            containers[container.name] = new
    is_disrupted = bool(disruption_of(pod))
    is_ended = before.is_ended or is_over(pod) or (is_deleted(pod) and not is_disrupted)
    return exits, replace(before, is_ended=is_ended, containers=containers)


def _account_container(
    before: ContainerCursor, pod: Pod, container: ContainerStatus, ends: Sequence[Sighted]
) -> tuple[list[Exit], ContainerCursor]:
    count, told = terminations_of(container)
    fresh = _fresh(before, ends)
    exits = [
        exit_of(pod, container.name, each.termination, each.disruption)
        for each in fresh
        if not _was_caused_by_deletion(each, pod, count)
    ]
    known = {each.termination.index for each in fresh} | {each.index for each in told}
    # An init container that is run anew after it has done its work did that before, too.
    is_rerun = bool(told) and is_meant(pod, container, told[0])
    # Where the kubelet began to count anew, nothing is between the two counts.
    lost = [] if is_rerun else [i for i in range(before.ended, count) if i not in known]
    exits = [*_unknown(pod, container, lost), *exits]
    if not exits:
        return [], before
    last = fresh[-1].termination.ended.container_id if fresh else before.container_id
    return exits, ContainerCursor(count, last)


def _fresh(before: ContainerCursor, ends: Sequence[Sighted]) -> Sequence[Sighted]:
    """Those of *ends*, which are in order, that come after the last one told."""
    keys = [each.termination.key for each in ends]
    if before.container_id in keys:
        return ends[keys.index(before.container_id) + 1 :]
    if before.container_id or not before.ended:
        return ends
    return [each for each in ends if each.termination.index >= before.ended]


def _was_caused_by_deletion(end: Sighted, pod: Pod, count: int) -> bool:
    """Whether the container ended because somebody asked for the pod's deletion."""
    if end.disruption or not end.was_deleted or pod.metadata.deletion_timestamp is None:
        return False
    if end.termination.index < count - 1:
        return False  # it was restarted afterwards, as nothing is in a pod that is being deleted
    finished = end.termination.ended.finished_at
    grace = timedelta(seconds=pod.metadata.deletion_grace_period_seconds)
    requested = datetime.fromisoformat(pod.metadata.deletion_timestamp) - grace
    if finished is None or finished >= requested:
        return True
    return end.at - requested > REPORT_TIME and requested - finished > REPORT_TIME


def _account_gone(
    before: PodCursor, last: Pod, sighting: Sighting, successor: Pod | None, wanted: Wanted
) -> list[Exit]:
    """The exits of a pod that was there and is gone, *last* its last state."""
    exits, _ = _account_pod(before, last, sighting)
    disruption = disruption_of(last)
    if before.is_ended or is_over(last):
        return exits
    if disruption:
        running = [each for each in last.containers if each.state.running]
        return [*exits, *(_cut_off(last, each, disruption) for each in running)]
    if sighting.was_watched or is_deleted(last):
        return exits
    if _was_asked_for(last.metadata.name, before, successor, wanted):
        return exits
    return [*exits, _vanished(last.metadata.name, before)]


def _was_asked_for(name: str, entry: PodCursor, successor: Pod | None, wanted: Wanted) -> bool:
    """Whether the disappearance of a pod that nobody watched has a reason of its own."""
    ordinal = name.rpartition("-")[2]
    if entry.is_ended or not ordinal.isdecimal() or int(ordinal) >= wanted.replicas:
        return True
    revision = revision_of(successor) if successor else wanted.revision
    return revision != entry.revision


def _unknown(pod: Pod, container: ContainerStatus, indices: Sequence[int]) -> Iterator[Exit]:
    """One exit for each of *indices*, the last of many standing for the rest."""
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


def _cut_off(pod: Pod, container: ContainerStatus, disruption: str) -> Exit:
    """The end of a container that its node did not live to tell."""
    return Exit(
        kind=ExitKind.EVICTED,
        pod=pod.metadata.name,
        pod_uid=pod.metadata.uid,
        container=container.name,
        index=container.restart_count,
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
        index=known.ended,
        reason=ExitKind.UNKNOWN,
        message=VANISHED,
    )
