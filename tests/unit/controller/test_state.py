"""What is remembered of a workload: one frozen object, from which the next one is made."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import ChildForbidden, Rejected
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.state import (
    FREE_REPAIRS,
    REFERENCE_SECONDS,
    REFUSAL_SECONDS,
    REPAIR_SECONDS,
    TROUBLE_SECONDS,
    WORDS_SECONDS,
    KnownRefusal,
    Learned,
    WorkloadState,
)
from mcpworkload.controller.status import EventDraft

SERVICE, BUDGET = ChildId("Service", "weather"), ChildId("PodDisruptionBudget", "weather")
NOW = 1000.0
EMPTY = WorkloadState("0b9c")


def test_nothing_changes_in_place() -> None:
    """Neither by writing to it, nor by asking it."""
    state: Any = WorkloadState("0b9c")

    for field in ("uid", "applied", "hold", "news", "sent"):
        with pytest.raises(FrozenInstanceError):
            setattr(state, field, None)
    with pytest.raises(TypeError):
        state.applied[SERVICE] = Applied("d", "u", 1)
    state.repair_wait(SERVICE, NOW)
    state.refusal_of(SERVICE, "d", NOW)
    state.reference_wait(NOW)
    state.explanation_wait(NOW)

    assert state == EMPTY


def test_steps_that_run_side_by_side_all_count() -> None:
    """One apply, one deletion, one refusal: each is remembered, and nothing else is."""
    before = EMPTY.after_steps([Learned(BUDGET, applied=Applied("b", "budget", 4))])
    draft = EventDraft("Normal", "Service", "DriftReverted", "said")
    refusal = KnownRefusal.of("d", Rejected("no"), NOW)

    after = before.after_steps(
        [
            Learned(SERVICE, applied=Applied("d", "svc", 5), repaired_at=NOW, news=(draft,)),
            Learned(BUDGET, pruned="budget", repaired_at=NOW),
            Learned(ChildId("StatefulSet", "weather"), refusal=refusal),
        ]
    )

    assert after.applied == {SERVICE: Applied("d", "svc", 5)}
    assert after.pruned == {"budget"}
    assert after.news == (draft,)
    assert after.after_news().news == ()
    assert {child_id: each.count for child_id, each in after.repairs.items()} == {
        SERVICE: 1,
        BUDGET: 1,
    }
    assert set(after.refusals) == {ChildId("StatefulSet", "weather")}
    assert before.applied == {BUDGET: Applied("b", "budget", 4)}
    assert before.after_steps([]) is before


def test_a_refusal_holds_for_its_content_and_its_time() -> None:
    """Another content is another question; one that may pass soon is asked again soon."""
    known = KnownRefusal.of("d", Rejected("no"), NOW)
    state = EMPTY.after_steps([Learned(SERVICE, refusal=known)])

    refusal = state.refusal_of(SERVICE, "d", NOW + REFUSAL_SECONDS - 1)
    assert isinstance(refusal, Rejected)
    assert str(refusal) == "no"
    assert state.refusal_of(SERVICE, "other", NOW) is None
    assert state.refusal_of(SERVICE, "d", NOW + REFUSAL_SECONDS) is None

    soon, late = (
        KnownRefusal.of("d", ChildForbidden("quota"), NOW, lasting=lasting)
        for lasting in (False, True)
    )
    assert soon.until == NOW + 30
    assert late.until == NOW + REFUSAL_SECONDS


def test_repairs_slow_down_and_a_pause_forgives() -> None:
    """The first few are free; after a quiet time the series begins anew."""
    state = EMPTY
    for number in range(FREE_REPAIRS):
        assert state.repair_wait(SERVICE, NOW + number) == 0
        state = state.after_steps([Learned(SERVICE, repaired_at=NOW + number)])
    last = NOW + FREE_REPAIRS - 1
    assert state.repair_wait(SERVICE, last) == REPAIR_SECONDS[0]

    later = last + 2 * REPAIR_SECONDS[1]
    state = state.after_steps([Learned(SERVICE, repaired_at=later)])
    assert state.repairs[SERVICE].count == 1
    assert state.repair_wait(SERVICE, later) == 0


def test_the_first_time_of_a_trouble_counts() -> None:
    """Until all goes well again."""
    failing = EMPTY.after_failure(NOW).after_failure(NOW + TROUBLE_SECONDS)
    assert failing.is_failing_for_long(NOW + TROUBLE_SECONDS)
    assert not failing.is_failing_for_long(NOW + TROUBLE_SECONDS - 1)

    missing = EMPTY.after_missing_references(NOW).after_missing_references(NOW + 0.5)
    assert missing.reference_wait(NOW + 0.5) == REFERENCE_SECONDS - 0.5
    assert missing.reference_wait(NOW + REFERENCE_SECONDS) == 0

    assert failing.after_success() == missing.after_success() == EMPTY


def test_an_open_end_keeps_its_first_moment() -> None:
    """And is forgotten once an Event explains it."""
    state = EMPTY.after_ends(["containerd://1"], NOW)
    state = state.after_ends(["containerd://1", "containerd://2"], NOW + 1)
    assert state.open_ends == {"containerd://1": NOW, "containerd://2": NOW + 1}
    assert state.explanation_wait(NOW + 1) == WORDS_SECONDS

    assert state.after_ends([], NOW + 2) == EMPTY
