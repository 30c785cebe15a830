"""
When a changed status is written.

Each stored status is a write, an event in every watch and a line in somebody's log. So a
change that is about to be overtaken is held back: for a moment after an apply, until the
StatefulSet controller has acted on it; and longer where only the number of pods moved, which
the next condition will carry along.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcpworkload.api.names import ChildId
from mcpworkload.controller.plan.observation import Applied, Observation

# The StatefulSet controller answers within a fraction of a second; if it is down, say so then.
SETTLE_SECONDS = 2.0
COUNTS_ONLY_SECONDS = 10.0
_COUNTS = ("pods", "replicas", "updatedReplicas")


@dataclass
class Hold:
    """Since when a status has been held back, and why, on the clock of `time.monotonic`."""

    settling_since: float | None = None
    counts_since: float | None = None


def hold_for(
    stored: Mapping[str, Any],
    wanted: Mapping[str, Any],
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    hold: Hold,
    *,
    is_pressing: bool = False,
) -> float | None:
    """
    None: write *wanted* now. Else after how many seconds to look again, 0.0 for never.

    What *is_pressing* is not held back: it would be lost with the process.
    """
    now = time.monotonic()
    is_settling = observation.is_settling(applied)
    is_same = stored == wanted
    counts_only = not is_same and _without_counts(stored) == _without_counts(wanted)
    # What goes on for long is told, though it still goes on: the clocks run across looks.
    hold.settling_since = _running(hold.settling_since, now) if is_settling else None
    hold.counts_since = _running(hold.counts_since, now) if counts_only else None
    if is_same:
        return 0.0
    if is_pressing:
        return None
    left = max(
        _left(hold.settling_since, SETTLE_SECONDS, now),
        _left(hold.counts_since, COUNTS_ONLY_SECONDS, now),
    )
    if left > 0:
        return left
    hold.settling_since = hold.counts_since = None
    return None


def _running(since: float | None, now: float) -> float:
    return now if since is None else since


def _left(since: float | None, limit: float, now: float) -> float:
    return 0.0 if since is None else since + limit - now


def _without_counts(status: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key not in _COUNTS}
