"""Which exits are told, case by case; the lives of pods at random are in test_model."""

from dataclasses import dataclass, field

import pytest

from mcpworkload.exits import (
    ContainerCursor,
    Cursor,
    Exit,
    ExitKind,
    PodCursor,
    Sightings,
    Wanted,
    account,
    baseline,
)
from mcpworkload.live import Pod
from tests.unit.exits.kubelet import BACK_OFF, RUNNING, at, pod_of, status, terminated

KEY = "team/w"
EVICTION, TAINT = "EvictionByEvictionAPI", "DeletionByTaintManager"


def before(ended: int, container_id: str, *, name: str = "mcp", uid: str = "u0") -> Cursor:
    """A stored cursor."""
    containers = {name: ContainerCursor(ended, container_id)} if ended else {}
    return {"w-0": PodCursor(uid, "one", containers=containers)}


@dataclass
class Process:
    """Of an operator; what is given to the next is the cursor alone."""

    cursor: Cursor = field(default_factory=lambda: before(0, ""))
    wanted: Wanted = field(default_factory=lambda: Wanted(1, "one"))

    def __post_init__(self) -> None:
        """A process begins with nothing."""
        self.pods: dict[str, Pod] = {}
        self.sightings = Sightings(lambda _: None)

    def sees(self, *pods: Pod) -> "Process":
        """Events of a watch."""
        for pod in pods:
            self.pods[pod.metadata.name] = pod
            self.sightings.seen(KEY, pod)
        return self

    def loses(self, pod: Pod, *, watched: bool = True) -> "Process":
        """A pod is gone."""
        self.pods.pop(pod.metadata.name, None)
        self.sightings.gone(KEY, pod, watched=watched)
        return self

    def tells(self) -> list[Exit]:
        """Account, store, settle."""
        result = account(self.cursor, self.pods, self.sightings.of(KEY), self.wanted)
        self.cursor = result.cursor
        self.sightings.settle(KEY, result.cursor, result.gone)
        return list(result.exits)

    def names(self) -> list[str]:
        """What is told, by ID; unknown ones by index."""
        return [each.container_id or f"#{each.index}" for each in self.tells()]


CRASHED = pod_of(status(0, terminated("a"), own="a"))
WAITING = pod_of(status(0, BACK_OFF, terminated("a"), own="a"))
AGAIN = pod_of(status(1, RUNNING, terminated("a"), own="b"))
TWICE = pod_of(status(1, terminated("b"), terminated("a"), own="b"))


def test_one_exit_is_told_once_however_it_is_shown() -> None:
    """One exit is told once however it is shown."""
    process = Process()
    for pod, expected in ((CRASHED, ["a"]), (WAITING, []), (AGAIN, []), (TWICE, ["b"])):
        assert process.sees(pod).names() == expected
    assert Process(process.cursor).sees(TWICE).names() == []


def test_each_exit_between_two_accounts_is_told_in_order() -> None:
    """Each exit between two accounts is told in order."""
    assert Process().sees(CRASHED, WAITING, AGAIN, TWICE).names() == ["a", "b"]


def test_a_process_that_dies_before_the_store_is_repeated_by_the_next() -> None:
    """A process that dies before the store is repeated by the next."""
    first, second = Process(), Process()
    assert first.sees(CRASHED).tells() == second.sees(CRASHED).tells()


def test_one_told_in_detail_keeps_its_index_when_details_are_lost() -> None:
    """So the Event of the first process is not joined by one of the second."""
    (told,) = Process().sees(CRASHED).tells()
    later = pod_of(status(3, RUNNING, terminated("c"), own="d"))
    indices = [each.index for each in Process().sees(later).tells()]
    assert indices == [0, 1, 2]
    assert told.index == 0


def test_an_end_noted_between_account_and_settle_stays_in_order() -> None:
    """What is settled is shown again, before the new end; it is not new for that."""
    process = Process().sees(CRASHED)
    result = account(process.cursor, process.pods, process.sightings.of(KEY), process.wanted)
    process.sees(TWICE)
    process.cursor = result.cursor
    process.sightings.settle(KEY, result.cursor, result.gone)
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


def test_very_many_unknown_ones_are_told_in_few_but_counted() -> None:
    """Very many unknown ones are told in few but counted."""
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


LOST = pod_of(status(1, BACK_OFF, terminated("")))
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
def test_what_a_server_exits_with_is_told(code: int, reason: str, signal: int | None) -> None:
    """What a server exits with is told."""
    (told,) = Process().sees(pod_of(status(0, terminated("a", code, reason=reason)))).tells()
    assert (told.exit_code, told.reason, told.signal) == (code, reason, signal)


def test_an_eviction_by_the_kubelet_is_told_once() -> None:
    """An eviction by the kubelet is told once."""
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


def test_an_eviction_by_the_api_is_told_once() -> None:
    """An eviction by the api is told once."""
    process = Process().sees(pod_of(status(), disruption=EVICTION, deleted=10))
    assert process.tells() == []
    ended = pod_of(status(0, terminated("a", 143, 12)), disruption=EVICTION, deleted=10)
    (told,) = process.sees(ended).tells()
    assert (told.kind, told.exit_code) == (ExitKind.EVICTED, 143)
    assert process.loses(ended).tells() == []


@pytest.mark.parametrize("phase", ["Running", "Failed"])
@pytest.mark.parametrize("is_accounted", [True, False])
@pytest.mark.parametrize("watched", [True, False])
def test_what_ran_on_a_lost_node_is_told(phase: str, is_accounted: bool, watched: bool) -> None:
    """The collector of orphaned pods calls them Failed before it removes them."""
    pod = pod_of(status(2, RUNNING, terminated("b")), disruption=TAINT, deleted=10, phase=phase)
    process = Process(before(2, "b")).sees(pod)
    if is_accounted:
        assert process.tells() == []
    (told,) = process.loses(pod, watched=watched).tells()
    assert (told.kind, told.index, told.exit_code) == (ExitKind.EVICTED, 2, None)
    assert process.tells() == []


def test_a_pod_that_somebody_deletes_before_its_node_is_lost_was_to_end() -> None:
    """A pod that somebody deletes before its node is lost was to end."""
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
def test_after_a_baseline_only_news_is_told(pod: Pod) -> None:
    """After a baseline only news is told."""
    assert Process(baseline([pod])).sees(pod).tells() == []


# Asked for: stop, scale down, rollout, remove, kubectl delete pod


@pytest.mark.parametrize("skew", [0, -30, 30])
@pytest.mark.parametrize("is_seen_before", [True, False])
def test_an_end_by_deletion_is_not_told_whatever_the_clock(
    skew: float, is_seen_before: bool
) -> None:
    """An end by deletion is not told whatever the clock."""
    ended = pod_of(status(0, terminated("a", 143, 11 + skew)), deleted=10, skew=skew)
    process = Process()
    if is_seen_before:
        assert process.sees(pod_of(status(), skew=skew)).tells() == []
        assert process.sees(pod_of(status(), deleted=10, skew=skew)).tells() == []
    assert process.sees(ended).tells() == []
    assert process.loses(ended).tells() == []
    assert Process(process.cursor).tells() == []


@pytest.mark.parametrize("skew", [0, -30, 30])
def test_an_end_seen_before_the_deletion_is_told_after_it(skew: float) -> None:
    """An end seen before the deletion is told after it."""
    crash = status(0, terminated("a", 1, 5 + skew))
    process = Process().sees(pod_of(crash, skew=skew), pod_of(crash, deleted=10, skew=skew))
    assert process.names() == ["a"]


def test_an_end_long_before_the_deletion_is_told_by_who_comes_after_it() -> None:
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
def test_a_pod_gone_while_nobody_looked_is_one_unknown_exit_unless_it_was_to_go(
    wanted: Wanted, successor: str, expected: list[str], is_cached: bool
) -> None:
    """A pod gone while nobody looked is one unknown exit unless it was to go."""
    old = pod_of(status(3, RUNNING, terminated("c")))
    process = Process(before(3, "c"), wanted)
    if is_cached:
        process.sees(old).loses(old, watched=False)
    if successor:
        process.sees(pod_of(status(), uid="u1", revision=successor))
    assert process.names() == expected
    assert process.names() == []


def test_moments_are_told_as_the_kubelet_has_them() -> None:
    """Moments are told as the kubelet has them."""
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


def test_an_end_by_deletion_is_not_told_when_the_kubelet_deletes_the_pod_at_last() -> None:
    """Its deletion with no grace moves the time of the request behind the end."""
    ended = pod_of(status(0, terminated("a", 143, 11)), deleted=10)
    ended.metadata.deletion_timestamp = at(14)
    ended.metadata.deletion_grace_period_seconds = 0
    assert Process().sees(ended).loses(ended).tells() == []
