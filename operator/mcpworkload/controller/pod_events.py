"""
Which pods' Events are to be read, and for how long a list of them is enough.

Pure. Where the status of a pod does not show why it is not ready, its Events are listed once for
each state that it is in. Where they explain nothing yet, the list is repeated: every 20 seconds for
as long as a kubelet under load may be late with its Events, then less and less often.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from mcpworkload.controller.state import WORDS_SECONDS, PodEventsRead
from mcpworkload.controller.status import condition_of, has_open_end, is_explained, suspects
from mcpworkload.kube.objects import Event, Pod

PAUSE_SECONDS = (20.0, 300.0)
# Kubelets were seen to be 90 s late; until then the pauses do not grow.
LATE_SECONDS = 180.0
# While the Event on an end may be on its way.
_SOON_SECONDS = 1.0
# A status reports one pod's problem; the other pods mostly have the same.
MAX_PODS = 3

#: By the pod's UID.
Reads = Mapping[str, PodEventsRead]


def find_due(pods: Iterable[Pod], reads: Reads, now: datetime, moment: float) -> list[Pod]:
    """Return those of *pods* whose Events are to be read at *now*, *moment* on the other clock."""
    suspected = suspects(pods, now)[:MAX_PODS]
    return [pod for pod in suspected if _due_in(pod, reads, moment) <= 0]


def seconds_to_read(
    pods: Iterable[Pod], reads: Reads, now: datetime, moment: float
) -> float | None:
    """
    Return in how many seconds Events of *pods* are due again; None for not before a change.

    A pod in another state than when its Events were read has changed, which is an event itself.
    """
    suspected = suspects(pods, now)[:MAX_PODS]
    found = (read for pod in suspected if (read := _of_same_state(pod, reads)) is not None)
    waits = (max(0.0, read.due_in(moment)) for read in found if read.pause is not None)
    return min(waits, default=None)


def note_read(
    pod: Pod, events: Sequence[Event], reads: Reads, now: datetime, moment: float
) -> PodEventsRead:
    """Return what to remember of the *events* of *pod* that were read at *moment*."""
    before = _of_same_state(pod, reads)
    since = before.since if before else moment
    is_soon = has_open_end(pod, now) and moment - since < WORDS_SECONDS
    pause: float | None = _SOON_SECONDS if is_soon else _pause(before, moment)
    if is_explained(pod, events, now):
        pause = None
    return PodEventsRead(_state_of(pod), events, pause, moment, since)


def _due_in(pod: Pod, reads: Reads, moment: float) -> float:
    before = _of_same_state(pod, reads)
    return before.due_in(moment) if before else 0.0


def _of_same_state(pod: Pod, reads: Reads) -> PodEventsRead | None:
    before = reads.get(pod.metadata.uid)
    return before if before is not None and before.pod_state == _state_of(pod) else None


def _pause(before: PodEventsRead | None, moment: float) -> float:
    """Return the pause after a list that explains nothing; *before* is the one before it."""
    first, longest = PAUSE_SECONDS
    if before is None or moment - before.since < LATE_SECONDS:
        return first
    return min(longest, 2 * max(first, before.pause or first))


def _state_of(pod: Pod) -> str:
    scheduled = condition_of(pod, "PodScheduled").message
    return scheduled + ", ".join(
        f"{container.name} {container.restart_count} {container.ready} "
        f"{container.state.waiting.reason if container.state.waiting else ''} "
        f"{container.state.running is not None} {container.state.terminated is not None}"
        for container in pod.containers
    )
