"""
Decide when a changed status is written.

Each stored status is a write, an event in every watch and a line in a log. So a change that will
soon be overtaken is held back: for a moment after an apply, until the StatefulSet controller has
acted on it; and longer where only the number of pods changed, since the next change of a condition
includes it. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcpworkload.api.names import ChildId
from mcpworkload.controller.plan.observation import Applied, Observation

# The StatefulSet controller acts within a fraction of a second; if it is down, that is written.
SETTLE_SECONDS = 2.0
COUNTS_ONLY_SECONDS = 10.0
# And so much longer for each workload whose status is held back, up to a minute: the controller
# takes one after the other.
SECONDS_EACH, MOST_SECONDS = 0.1, 60.0
_COUNTS = ("pods", "replicas", "updatedReplicas")


@dataclass(frozen=True)
class Hold:
    """The moments since which a status has been held back, by cause, on the monotonic clock."""

    settling_since: float | None = None
    counts_since: float | None = None


@dataclass(frozen=True)
class WriteNow:
    """The status is to be written; nothing is held back any more."""

    hold: Hold = Hold()


@dataclass(frozen=True)
class Wait:
    """The status may be written in *seconds*, if it is still the same then."""

    hold: Hold
    seconds: float


@dataclass(frozen=True)
class Unchanged:
    """The stored status needs no write."""

    hold: Hold


Decision = WriteNow | Wait | Unchanged


def decide_write(
    stored: Mapping[str, Any],
    wanted: Mapping[str, Any],
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    hold: Hold,
    now: float,
    *,
    is_pressing: bool = False,
    held_back: int = 0,
) -> Decision:
    """
    Return whether to write *wanted* over *stored* at *now*, and the hold that follows *hold*.

    A status that *is_pressing* is not held back. *held_back* is of how many workloads the status is
    held back.
    """
    is_settling = observation.is_settling(applied)
    is_same = stored == wanted
    counts_only = not is_same and _without_counts(stored) == _without_counts(wanted)
    # The clocks run across reconciles, so that a long change is written before it ends.
    held = Hold(
        settling_since=_running(hold.settling_since, now) if is_settling else None,
        counts_since=_running(hold.counts_since, now) if counts_only else None,
    )
    if is_same:
        return Unchanged(held)
    if is_pressing:
        return WriteNow(held)
    more = min(MOST_SECONDS, SECONDS_EACH * held_back)
    left = max(
        _left(held.settling_since, SETTLE_SECONDS + more, now),
        _left(held.counts_since, COUNTS_ONLY_SECONDS + more, now),
    )
    return Wait(held, left) if left > 0 else WriteNow()


def _running(since: float | None, now: float) -> float:
    return now if since is None else since


def _left(since: float | None, limit: float, now: float) -> float:
    return 0.0 if since is None else since + limit - now


def _without_counts(status: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key not in _COUNTS}
