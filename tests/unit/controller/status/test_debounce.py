"""When a status is written, and when it is worth waiting for more."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.status.debounce import (
    COUNTS_ONLY_SECONDS,
    SETTLE_SECONDS,
    Hold,
    hold_for,
)
from tests.support.parsed import make_observation, make_statefulset

STORED: dict[str, Any] = {"conditions": ["old"], "replicas": 0}
CHANGED: dict[str, Any] = {"conditions": ["new"], "replicas": 0}
COUNTED: dict[str, Any] = {"conditions": ["old"], "replicas": 1}
SETTLED = make_observation()
UNSETTLED = make_observation(statefulset=make_statefulset(generation=2, observed=1))


def applied_at(version: int) -> Mapping[ChildId, Applied]:
    """Our last apply of the StatefulSet."""
    return {ChildId("StatefulSet", "weather"): Applied("digest", "sts", version)}


def ago(seconds: float) -> float:
    """A moment on the monotonic clock."""
    return time.monotonic() - seconds


def test_nothing_to_say() -> None:
    """The same status is never written again."""
    assert hold_for(STORED, dict(STORED), SETTLED, {}, Hold()) == 0.0


def test_a_change_in_a_settled_world_is_written_at_once() -> None:
    """Nothing is about to overtake it."""
    assert hold_for(STORED, CHANGED, SETTLED, applied_at(10), Hold()) is None


@pytest.mark.parametrize(
    ("observation", "version"),
    [
        pytest.param(UNSETTLED, 10, id="the controller has not acted"),
        pytest.param(Observation(versions={"StatefulSet": 10}), 10, id="the set has vanished"),
        pytest.param(SETTLED, 5000, id="our apply is not seen yet"),
    ],
)
def test_after_an_apply_the_controller_is_waited_for(
    observation: Observation, version: int
) -> None:
    """But not for long: it may be down, and the unrest may go on for ever."""
    hold = Hold()

    left = hold_for(STORED, CHANGED, observation, applied_at(version), hold)
    assert left == pytest.approx(SETTLE_SECONDS, abs=0.5)

    hold.settling_since = ago(SETTLE_SECONDS)
    assert hold_for(STORED, CHANGED, observation, applied_at(version), hold) is None


@pytest.mark.parametrize(
    "child_id",
    [ChildId("Service", "weather-svc"), ChildId("PodDisruptionBudget", "weather")],
)
def test_the_apply_of_any_child_is_waited_for(child_id: ChildId) -> None:
    """A cache is of a kind, and the newest write to any of its objects has to be seen."""
    applied = {
        ChildId("Service", "weather"): Applied("digest", "svc", version=7),
        child_id: Applied("digest", "it", version=5000),
    }

    assert SETTLED.is_settling(applied)
    assert hold_for(STORED, CHANGED, SETTLED, applied, Hold())
    assert not SETTLED.is_settling({child_id: Applied("digest", "it", version=7)})


def test_without_an_apply_of_ours_nothing_is_held_back() -> None:
    """A refused spec is told at once."""
    assert hold_for(STORED, CHANGED, Observation(), {}, Hold()) is None


def test_counts_alone_wait_for_the_next_condition() -> None:
    """But are not kept for ever."""
    hold = Hold()

    left = hold_for(STORED, COUNTED, SETTLED, {}, hold)
    assert left == pytest.approx(COUNTS_ONLY_SECONDS, abs=0.5)

    hold.counts_since = ago(COUNTS_ONLY_SECONDS)
    assert hold_for(STORED, COUNTED, SETTLED, {}, hold) is None
    assert hold.counts_since is None
