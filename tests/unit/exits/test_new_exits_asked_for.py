"""Which exits are told, case by case: what was asked for, and what the cluster did."""

import pytest

from mcpworkload.exits import ExitKind, Wanted, baseline
from mcpworkload.kube.objects import Pod
from tests.support.exits.books import (
    AGAIN,
    CRASHED,
    EVICTION,
    LOST,
    TAINT,
    TWICE,
    WAITING,
    Process,
    before,
)
from tests.support.exits.kubelet import BACK_OFF, RUNNING, at, pod_of, status, terminated


def test_an_eviction_by_the_kubelet_is_reported_once() -> None:
    """An eviction by the kubelet is reported once."""
    pod = pod_of(
        status(0, terminated("a", 137)),
        disruption="TerminationByKubelet",
        phase="Failed",
        message="The node was low on resource: memory.",
    )
    process = Process().sees(pod)
    (told,) = process.tells()
    assert (told.kind, told.reason) == (ExitKind.EVICTED, "TerminationByKubelet")
    assert told.message == "The node was low on resource: memory."
    assert process.loses(pod).tells() == []
    assert Process(process.cursor).tells() == []


def test_an_eviction_by_the_api_is_reported_once() -> None:
    """An eviction by the api is reported once."""
    process = Process().sees(pod_of(status(), disruption=EVICTION, deleted=10))
    assert process.tells() == []
    ended = pod_of(status(0, terminated("a", 143, 12)), disruption=EVICTION, deleted=10)
    (told,) = process.sees(ended).tells()
    assert (told.kind, told.exit_code) == (ExitKind.EVICTED, 143)
    assert process.loses(ended).tells() == []


@pytest.mark.parametrize("phase", ["Running", "Failed"])
@pytest.mark.parametrize("is_accounted", [True, False])
@pytest.mark.parametrize("watched", [True, False])
def test_an_exit_on_a_lost_node_is_reported(phase: str, is_accounted: bool, watched: bool) -> None:
    """The collector of orphaned pods calls them Failed before it removes them."""
    pod = pod_of(status(2, RUNNING, terminated("b")), disruption=TAINT, deleted=10, phase=phase)
    process = Process(before(2, "b")).sees(pod)
    if is_accounted:
        assert process.tells() == []
    (told,) = process.loses(pod, watched=watched).tells()
    assert (told.kind, told.index, told.exit_code) == (ExitKind.EVICTED, 2, None)
    assert process.tells() == []


def test_a_pod_deleted_before_its_node_is_lost_was_to_end() -> None:
    """A pod deleted before its node is lost was to end."""
    process = Process().sees(pod_of(status(), deleted=10))
    assert process.tells() == []
    back = pod_of(status(0, terminated("a", 143, 400)), deleted=10, disruption=TAINT)
    assert process.sees(back).tells() == []
    assert process.loses(back).tells() == []


def test_a_baseline_in_the_middle_of_an_eviction_waits_for_its_end() -> None:
    """A baseline in the middle of an eviction waits for its end."""
    pods = [pod_of(status(), disruption=EVICTION, deleted=10)]
    process = Process(baseline(pods)).sees(*pods)
    (told,) = process.loses(pods[0]).tells()
    assert told.kind == ExitKind.EVICTED


@pytest.mark.parametrize("pod", [CRASHED, WAITING, AGAIN, TWICE, LOST])
def test_after_a_baseline_only_new_exits_are_reported(pod: Pod) -> None:
    """After a baseline only new exits are reported."""
    assert Process(baseline([pod])).sees(pod).tells() == []


# Asked for: stop, scale down, rollout, remove, kubectl delete pod


@pytest.mark.parametrize("skew", [0, -30, 30])
@pytest.mark.parametrize("is_seen_before", [True, False])
def test_an_end_by_deletion_is_not_reported_whatever_the_clock(
    skew: float, is_seen_before: bool
) -> None:
    """An end by deletion is not reported whatever the clock."""
    ended = pod_of(status(0, terminated("a", 143, 11 + skew)), deleted=10, skew=skew)
    process = Process()
    if is_seen_before:
        assert process.sees(pod_of(status(), skew=skew)).tells() == []
        assert process.sees(pod_of(status(), deleted=10, skew=skew)).tells() == []
    assert process.sees(ended).tells() == []
    assert process.loses(ended).tells() == []
    assert Process(process.cursor).tells() == []


@pytest.mark.parametrize("skew", [0, -30, 30])
def test_an_end_seen_before_the_deletion_is_reported_after_it(skew: float) -> None:
    """An end seen before the deletion is reported after it."""
    crash = status(0, terminated("a", 1, 5 + skew))
    process = Process().sees(pod_of(crash, skew=skew), pod_of(crash, deleted=10, skew=skew))
    assert process.names() == ["a"]


def test_an_end_long_before_the_deletion_is_reported_by_a_new_process() -> None:
    """A new process sees the pod first while it is being deleted, and goes by the clocks."""
    pod = pod_of(status(0, terminated("a", 1, 5)), deleted=60)
    assert Process().sees(pod).names() == ["a"]


def test_what_ran_again_before_the_deletion_ended_by_itself() -> None:
    """What ran again before the deletion ended by itself."""
    pod = pod_of(status(1, RUNNING, terminated("a", 1, 35)), deleted=10, skew=30)
    assert Process().sees(pod).names() == ["a"]


def test_a_container_that_is_not_found_in_a_deleted_pod_was_to_end() -> None:
    """A container that is not found in a deleted pod was to end."""
    process = Process(before(1, "a")).sees(pod_of(status(1, BACK_OFF, terminated("")), deleted=10))
    assert process.tells() == []
    last = pod_of(status(1, terminated(""), terminated("")), deleted=10, phase="Failed")
    assert process.sees(last).tells() == []
    assert process.loses(last).tells() == []


def test_a_deletion_by_force_is_asked_for_when_it_is_watched() -> None:
    """A deletion by force is asked for when it is watched."""
    process = Process().sees(pod_of(status()))
    assert process.loses(pod_of(status())).tells() == []


@pytest.mark.parametrize("is_cached", [True, False])
@pytest.mark.parametrize(
    ("wanted", "successor", "expected"),
    [
        (Wanted(1, "one"), "", ["#3"]),
        (Wanted(1, "one"), "one", ["#3"]),
        (Wanted(0, "one"), "", []),
        (Wanted(1, "two"), "", []),
        (Wanted(1, "two"), "two", []),
        (Wanted(1, "two"), "one", ["#3"]),
        (Wanted(0, ""), "", []),
    ],
)
def test_a_pod_gone_unobserved_is_one_unknown_exit_unless_it_was_to_go(
    wanted: Wanted, successor: str, expected: list[str], is_cached: bool
) -> None:
    """A pod gone unobserved is one unknown exit unless it was to go."""
    old = pod_of(status(3, RUNNING, terminated("c")))
    process = Process(before(3, "c"), wanted)
    if is_cached:
        process.sees(old).loses(old, watched=False)
    if successor:
        process.sees(pod_of(status(), uid="u1", revision=successor))
    assert process.names() == expected
    assert process.names() == []


def test_times_are_reported_as_the_kubelet_has_them() -> None:
    """Times are reported as the kubelet has them."""
    state = terminated("a", 1, 7, startedAt=at(3))
    (told,) = Process().sees(pod_of(status(0, state))).tells()
    assert told.started_at
    assert told.finished_at
    assert (told.finished_at - told.started_at).total_seconds() == 4


def test_a_loop_beyond_what_is_remembered_is_counted_all_the_same() -> None:
    """A loop beyond what is remembered is counted all the same."""
    process = Process()
    for n in range(150):
        process.sees(pod_of(status(n, terminated(f"c{n}"), own=f"c{n}")))
    told = process.tells()
    assert sum(each.count for each in told) == 150
    assert told[-1].container_id == "c149"


def test_an_end_by_deletion_is_not_reported_when_the_kubelet_deletes_the_pod_at_last() -> None:
    """Its deletion with no grace moves the time of the request behind the end."""
    ended = pod_of(status(0, terminated("a", 143, 11)), deleted=10)
    ended.metadata.deletion_timestamp = at(14)
    ended.metadata.deletion_grace_period_seconds = 0
    assert Process().sees(ended).loses(ended).tells() == []
