"""Which exits are told, case by case: what is counted, and how often."""

import pytest

from mcpworkload.exits import Cursor, ExitKind, ObservedExits, Wanted, find_new_exits
from mcpworkload.kube.objects import Pod
from tests.support.exits.books import (
    AGAIN,
    CRASHED,
    KEY,
    LOST,
    TWICE,
    WAITING,
    Process,
    before,
)
from tests.support.exits.kubelet import RUNNING, pod_of, status, terminated


def test_one_exit_is_reported_once_however_it_is_shown() -> None:
    """One exit is reported once however it is shown."""
    process = Process()
    for pod, expected in ((CRASHED, ["a"]), (WAITING, []), (AGAIN, []), (TWICE, ["b"])):
        assert process.sees(pod).names() == expected
    assert Process(process.cursor).sees(TWICE).names() == []


def test_each_exit_between_two_reports_is_reported_in_order() -> None:
    """Each exit between two reports is reported in order."""
    assert Process().sees(CRASHED, WAITING, AGAIN, TWICE).names() == ["a", "b"]


def test_a_process_that_dies_before_the_store_is_repeated_by_the_next() -> None:
    """A process that dies before the store is repeated by the next."""
    first, second = Process(), Process()
    assert first.sees(CRASHED).tells() == second.sees(CRASHED).tells()


def test_an_exit_reported_in_detail_keeps_its_index_when_details_are_lost() -> None:
    """So the Event of the first process is not joined by one of the second."""
    (told,) = Process().sees(CRASHED).tells()
    later = pod_of(status(3, RUNNING, terminated("c"), own="d"))
    indices = [each.index for each in Process().sees(later).tells()]
    assert indices == [0, 1, 2]
    assert told.index == 0


def test_an_exit_noted_between_report_and_settle_stays_in_order() -> None:
    """What is settled is shown again, before the new end; it is not new for that."""
    process = Process().sees(CRASHED)
    result = find_new_exits(process.cursor, process.pods, process.observed.of(KEY), process.wanted)
    process.sees(TWICE)
    process.cursor = result.cursor
    process.observed.settle(KEY, result.cursor, result.gone)
    assert process.sees(TWICE).names() == ["b"]


def test_what_the_kubelet_forgot_is_counted_and_unknown() -> None:
    """What the kubelet forgot is counted and unknown."""
    pod = pod_of(status(5, terminated("f"), terminated("e"), own="f"))
    told = Process(before(1, "a")).sees(pod).tells()
    assert [(x.kind, x.index, x.container_id, x.exit_code) for x in told] == [
        (ExitKind.UNKNOWN, 1, "", None),
        (ExitKind.UNKNOWN, 2, "", None),
        (ExitKind.UNKNOWN, 3, "", None),
        (ExitKind.EXITED, 4, "e", 1),
        (ExitKind.EXITED, 5, "f", 1),
    ]


def test_very_many_unknown_exits_are_all_counted_in_few_reports() -> None:
    """Very many unknown exits are all counted in few reports."""
    told = Process().sees(pod_of(status(500))).tells()
    assert len(told) == 20
    assert sum(each.count for each in told) == 500


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [(before(6, "f"), ["#6", "y"]), (before(6, ""), ["#6", "y"]), (before(2, "b"), ["#2", "y"])],
)
def test_a_count_begun_anew_loses_nothing_and_repeats_no_index(
    cursor: Cursor, expected: list[str]
) -> None:
    """A count begun anew loses nothing and repeats no index."""
    process = Process(cursor)
    assert process.sees(pod_of(status(0, RUNNING, own="x"))).names() == []
    told = process.sees(pod_of(status(1, terminated("y"), own="y"))).tells()
    assert [each.container_id or f"#{each.index}" for each in told] == expected
    ended = cursor["w-0"].containers["mcp"].ended
    assert [each.index for each in told] == [ended, ended + 1]
    many = pod_of(status(9, RUNNING, terminated("z"), own="q"))
    assert len(Process(process.cursor).sees(many).tells()) == 7


def test_a_container_that_is_made_but_not_started_has_been_counted() -> None:
    """A container that is made but not started has been counted."""
    made = pod_of(status(1, {"waiting": {}}, terminated("a"), own="b"))
    process = Process().sees(made)
    assert process.names() == ["a"]
    assert process.sees(AGAIN, TWICE).names() == ["b"]


LOST_AND_ENDED = pod_of(status(1, terminated(""), terminated("")), phase="Failed", reason="Evicted")
ENDED = pod_of(status(0, terminated("")), phase="Failed", reason="Evicted")
#: In the runtime the container is in no known state; the kubelet counts it at once.
STRANGE = pod_of(status(1, terminated("")))


@pytest.mark.parametrize("pod", [LOST, LOST_AND_ENDED, ENDED, STRANGE])
def test_a_container_that_is_not_found_is_one_unknown_exit(pod: Pod) -> None:
    """A container that is not found is one unknown exit."""
    process = Process().sees(pod)
    (told,) = process.tells()
    assert (told.kind, told.index, told.exit_code) == (ExitKind.UNKNOWN, 0, None)
    found_again = pod_of(status(1, RUNNING, terminated("a"), own="b"))
    assert process.sees(found_again).names() == []


@pytest.mark.parametrize("cursor", [before(3, "c"), before(2, "b")])
def test_a_pod_evicted_in_its_back_off_has_not_ended_again(cursor: Cursor) -> None:
    """Its container is gone from the node, and the kubelet infers an end that there was not."""
    state = status(2, terminated(""), terminated("c"))
    told = Process(cursor).sees(pod_of(state, phase="Failed", reason="Evicted")).names()
    assert told == ([] if cursor["w-0"].containers["mcp"].ended == 3 else ["c"])


def test_a_sidecar_that_ends_counts_with_code_0_too() -> None:
    """A sidecar that ends counts with code 0 too."""
    sidecar = status(0, terminated("s", 0), own="s", name="proxy")
    pod = pod_of(sidecar, status(), inits={"proxy": "Always"})
    (told,) = Process().sees(pod).tells()
    assert (told.container, told.exit_code) == ("proxy", 0)


def test_an_init_container_that_does_its_work_is_no_exit_and_its_failures_are() -> None:
    """An init container that does its work is no exit and its failures are."""
    failed = status(1, terminated("j"), terminated("i"), own="j", name="setup")
    done = status(2, terminated("k", 0), terminated("j"), own="k", name="setup")
    process = Process()
    assert process.sees(pod_of(failed, inits={"setup": ""})).names() == ["i", "j"]
    assert process.sees(pod_of(done, status(), inits={"setup": ""})).names() == []
    assert Process().sees(pod_of(done, inits={"setup": ""})).names() == ["#0", "j"]


@pytest.mark.parametrize(
    ("code", "reason", "signal"),
    [(0, "Completed", None), (3, "Error", None), (137, "OOMKilled", 9), (137, "Error", 9)],
)
def test_the_exit_code_of_a_server_is_reported(code: int, reason: str, signal: int | None) -> None:
    """The exit code of a server is reported."""
    (told,) = Process().sees(pod_of(status(0, terminated("a", code, reason=reason)))).tells()
    assert (told.exit_code, told.reason, told.signal) == (code, reason, signal)


def test_an_exit_that_was_reported_is_not_new_when_it_is_shown_again() -> None:
    """Each news is a look that waits for no other."""
    news: list[str] = []
    observed, cursor = ObservedExits(news.append), before(0, "")
    for _ in range(3):
        observed.seen(KEY, AGAIN)
        result = find_new_exits(cursor, {"w-0": AGAIN}, observed.of(KEY), Wanted(1, "one"))
        cursor = result.cursor
        observed.settle(KEY, cursor, result.gone)

    assert news == [KEY]
