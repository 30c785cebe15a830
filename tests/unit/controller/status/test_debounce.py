"""When a status is written, and when it is worth waiting for more."""

from collections.abc import Mapping
from typing import Any

import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.status.debounce import (
    COUNTS_ONLY_SECONDS,
    SETTLE_SECONDS,
    Hold,
    Unchanged,
    Wait,
    WriteNow,
    decide_write,
)
from tests.support.parsed import make_observation, make_statefulset

NOW = 1000.0
STORED: dict[str, Any] = {"conditions": ["old"], "replicas": 0}
CHANGED: dict[str, Any] = {"conditions": ["new"], "replicas": 0}
COUNTED: dict[str, Any] = {"conditions": ["old"], "replicas": 1}
SETTLED = make_observation()
UNSETTLED = make_observation(statefulset=make_statefulset(generation=2, observed=1))


def applied_at(version: int) -> Mapping[ChildId, Applied]:
    """Our last apply of the StatefulSet."""
    return {ChildId("StatefulSet", "weather"): Applied("digest", "sts", version)}


def test_nothing_to_say() -> None:
    """The same status is never written again."""
    assert decide_write(STORED, dict(STORED), SETTLED, {}, Hold(), NOW) == Unchanged(Hold())


def test_a_change_of_a_settled_workload_is_written_at_once() -> None:
    """Nothing is about to overtake it."""
    assert decide_write(STORED, CHANGED, SETTLED, applied_at(10), Hold(), NOW) == WriteNow()


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
    applied = applied_at(version)

    first = decide_write(STORED, CHANGED, observation, applied, Hold(), NOW)
    assert first == Wait(Hold(settling_since=NOW), SETTLE_SECONDS)

    later = NOW + SETTLE_SECONDS
    assert decide_write(STORED, CHANGED, observation, applied, first.hold, later) == WriteNow()


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
    decision = decide_write(STORED, CHANGED, SETTLED, applied, Hold(), NOW)
    assert isinstance(decision, Wait)
    assert not SETTLED.is_settling({child_id: Applied("digest", "it", version=7)})


def test_without_an_apply_of_ours_nothing_is_held_back() -> None:
    """A refused spec is told at once."""
    assert decide_write(STORED, CHANGED, Observation(), {}, Hold(), NOW) == WriteNow()


def test_counts_alone_wait_for_the_next_condition() -> None:
    """But are not kept for ever."""
    first = decide_write(STORED, COUNTED, SETTLED, {}, Hold(), NOW)
    assert first == Wait(Hold(counts_since=NOW), COUNTS_ONLY_SECONDS)

    later = NOW + COUNTS_ONLY_SECONDS
    assert decide_write(STORED, COUNTED, SETTLED, {}, first.hold, later) == WriteNow(Hold())


def test_in_a_burst_the_controller_is_waited_for_longer() -> None:
    """It takes one workload after the other, and each status too early is a status too many."""
    alone = decide_write(STORED, CHANGED, UNSETTLED, {}, Hold(), NOW)
    among = decide_write(STORED, CHANGED, UNSETTLED, {}, Hold(), NOW, held_back=100)
    most = decide_write(STORED, CHANGED, UNSETTLED, {}, Hold(), NOW, held_back=10_000)

    assert isinstance(alone, Wait)
    assert isinstance(among, Wait)
    assert isinstance(most, Wait)
    assert (among.seconds, most.seconds) == (alone.seconds + 10, alone.seconds + 60)
