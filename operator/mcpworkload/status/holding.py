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

from mcpworkload.names import ChildKind
from mcpworkload.observation import Observation

# The StatefulSet controller answers within a fraction of a second; if it is down, say so then.
SETTLE_SECONDS = 2.0
COUNTS_ONLY_SECONDS = 10.0
_COUNTS = ("replicas", "updatedReplicas")


@dataclass
class Hold:
    """Since when a status has been held back, on the clock of `time.monotonic`."""

    applied_at: float = float("-inf")
    counts_since: float | None = None


def hold_for(
    stored: Mapping[str, Any],
    wanted: Mapping[str, Any],
    observation: Observation,
    applied_versions: Mapping[ChildKind, int],
    hold: Hold,
) -> float | None:
    """
    None: write *wanted* now. Else after how many seconds to look again, 0.0 for never.

    *applied_versions* are the resource versions that our last applies produced.
    """
    if stored == wanted:
        hold.counts_since = None
        return 0.0
    now = time.monotonic()
    is_behind = any(
        observation.versions.get(kind, 0) < version for kind, version in applied_versions.items()
    )
    if is_behind or not observation.is_settled():
        left = hold.applied_at + SETTLE_SECONDS - now
        if left > 0:
            return left
    if _without_counts(stored) == _without_counts(wanted):
        hold.counts_since = hold.counts_since or now
        left = hold.counts_since + COUNTS_ONLY_SECONDS - now
        if left > 0:
            return left
    hold.counts_since = None
    return None


def _without_counts(status: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key not in _COUNTS}
