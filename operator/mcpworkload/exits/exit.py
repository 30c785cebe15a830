"""One unexpected exit of a container, as it is reported."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mcpworkload.exits.terminations import Termination
from mcpworkload.kube.objects import Pod

# Exit codes above this are 128 and the signal's number.
_SIGNAL_BASE = 128
_LAST_SIGNAL = 64


class ExitKind(StrEnum):
    """The kinds of exits, by what is known. Public API: kinds may be added, never renamed."""

    EXITED = "Exited"  # the kubelet reports how
    EVICTED = "Evicted"  # the cluster ended the pod: eviction, preemption, a lost node
    UNKNOWN = "Unknown"  # it ended between two observations, and its exit code is lost


@dataclass(frozen=True)
class Exit:
    """
    An exit of a container that was not asked for.

    *pod_uid*, *container* and *index* identify it for good, also where the kubelet starts to count
    anew; *container_id* is empty and *exit_code* None where the kubelet does not know them (any
    more). *count* is more than 1 where many unknown exits are reported as one.
    """

    kind: ExitKind
    pod: str
    pod_uid: str
    container: str
    index: int
    reason: str
    message: str = ""
    container_id: str = ""
    image: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    count: int = 1


def exit_of(
    pod: Pod, container: str, index: int, termination: Termination, disruption: str
) -> Exit:
    """Return *termination* as an exit; *disruption* is why the cluster ended the pod, if it did."""
    ended = termination.ended
    return Exit(
        kind=ExitKind.EVICTED if disruption else ExitKind.EXITED,
        pod=pod.metadata.name,
        pod_uid=pod.metadata.uid,
        container=container,
        index=index,
        reason=disruption or ended.reason,
        # Only the cluster knows the cause; the server's own output would be taken for it.
        message=pod.status.message if disruption else ended.message,
        container_id=ended.container_id,
        image=termination.image,
        exit_code=ended.exit_code,
        signal=ended.signal or _signal_in(ended.exit_code),
        started_at=ended.started_at,
        finished_at=ended.finished_at,
    )


def _signal_in(exit_code: int) -> int | None:
    signal = exit_code - _SIGNAL_BASE
    return signal if 0 < signal <= _LAST_SIGNAL else None
