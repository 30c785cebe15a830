"""
The observed ends of containers that are not yet reported.

A cache holds a Pod as it is now. It does not hold the first of two ends in quick succession, nor a
pod that is gone; `ObservedExits` remembers what the watch delivered of them.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mcpworkload.exits.cursor import ContainerCursor, Cursor
from mcpworkload.exits.terminations import (
    Termination,
    disruption_of,
    is_deleted,
    is_meant,
    terminations_of,
)
from mcpworkload.kube.objects import Pod

# Bounds the memory for a container that ends in a tight loop before the next reconcile.
MAX_PER_CONTAINER = 100


@dataclass(frozen=True)
class ObservedTermination:
    """A termination, and the state of the pod when it was first seen."""

    termination: Termination
    was_deleted: bool
    disruption: str


@dataclass
class ObservedPod:
    """The observed ends of one pod."""

    #: By container and `Termination.key`, oldest first.
    ends: dict[str, dict[str, ObservedTermination]] = field(default_factory=dict)
    #: The pod as last seen, once it is gone.
    last: Pod | None = None
    #: Whether its deletion was watched; otherwise it was missing from a list.
    was_watched: bool = False

    def copy(self) -> "ObservedPod":
        """Return a copy that does not change with this."""
        ends = {container: dict(ends) for container, ends in self.ends.items()}
        return replace(self, ends=ends)


class ObservedExits:
    """The observed ends by workload and pod UID; only pods that have any."""

    def __init__(self, on_end: Callable[[str], None]) -> None:
        self._on_end = on_end
        self._by_workload: dict[str, dict[str, ObservedPod]] = {}

    def of(self, workload: str) -> Mapping[str, ObservedPod]:
        """
        Return the observed ends of a workload's pods, by UID, as they are now.

        A reconcile compares them with pods as of one moment, and waits for requests meanwhile: an
        end that those pods do not show yet would look as if the kubelet had started to count anew.
        """
        return {uid: each.copy() for uid, each in self._by_workload.get(workload, {}).items()}

    def seen(self, workload: str, pod: Pod) -> None:
        """Note the ends that *pod* shows."""
        if self._note(workload, pod):
            self._on_end(workload)

    def gone(self, workload: str, pod: Pod, *, watched: bool) -> None:
        """Note that *pod*, in the state given, is no more: deleted, or missing from a list."""
        self._note(workload, pod)
        observed = self._observed_pod(workload, pod)
        observed.last, observed.was_watched = pod, watched
        self._on_end(workload)

    def settle(self, workload: str, cursor: Cursor, gone: Container[str]) -> None:
        """Forget what is reported: the ends up to *cursor*, and the pods in *gone* (UIDs)."""
        known = self._by_workload.get(workload)
        if known is None:
            return
        entries = {entry.uid: entry for entry in cursor.values()}
        for uid, observed in list(known.items()):
            if observed.last is not None:
                if uid in gone:
                    del known[uid]
                continue
            reported = entries[uid].containers if uid in entries else {}
            for container, ends in list(observed.ends.items()):
                _drop_reported(ends, reported.get(container, ContainerCursor()))
                if not ends:
                    del observed.ends[container]
            if not observed.ends:
                del known[uid]
        if not known:
            del self._by_workload[workload]

    def drop(self, workload: str) -> None:
        """Forget a workload that is gone."""
        self._by_workload.pop(workload, None)

    def _observed_pod(self, workload: str, pod: Pod) -> ObservedPod:
        known = self._by_workload.setdefault(workload, {})
        return known.setdefault(pod.metadata.uid, ObservedPod())

    def _note(self, workload: str, pod: Pod) -> bool:
        is_news = False
        for container in pod.containers:
            shown = terminations_of(pod, container)[1]
            noted = self._by_workload.get(workload, {}).get(pod.metadata.uid, ObservedPod())
            for termination in _after(noted.ends.get(container.name, {}), shown):
                if is_meant(pod, container, termination):
                    continue
                is_news = True
                ends = self._observed_pod(workload, pod).ends.setdefault(container.name, {})
                ends[termination.key] = ObservedTermination(
                    termination, is_deleted(pod), disruption_of(pod)
                )
                if len(ends) > MAX_PER_CONTAINER:
                    del ends[next(iter(ends))]
        return is_news


def _after(known: Container[str], shown: Sequence[Termination]) -> Sequence[Termination]:
    """Return those of *shown* after the last that is *known*; one before it has been reported."""
    for number in range(len(shown), 0, -1):
        if shown[number - 1].key in known:
            return shown[number:]
    return shown


def _drop_reported(ends: dict[str, ObservedTermination], cursor: ContainerCursor) -> None:
    """Drop those of *ends* that are reported, except the last: seen again, it is not new."""
    if not cursor.container_id:
        for key in [key for key, each in ends.items() if each.termination.index < cursor.ended]:
            del ends[key]
    if cursor.container_id not in ends:
        return
    for key in list(ends):
        if key == cursor.container_id:
            return
        del ends[key]
