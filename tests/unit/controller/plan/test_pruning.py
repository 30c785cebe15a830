"""The spine, where it deletes: what is deleted, when, and what is said when it may not be."""

import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.controller import state
from mcpworkload.controller.desired import build_children
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.kube.errors import ApiError, Conflict, Forbidden, Refused, Unavailable
from mcpworkload.kube.objects import LiveChild
from tests.support.harness import KEY, FakeCluster, Harness, make_harness
from tests.support.parsed import (
    as_applied,
    make_body,
    make_budget,
    make_observation,
    make_pod,
    make_service,
    make_statefulset,
    make_workload,
)

BUDGET = ChildId("PodDisruptionBudget", "weather")
DELETE = "delete PodDisruptionBudget weather pdb"


def observe(*more: LiveChild, is_current: bool = True) -> Observation:
    """All that a plain workload asks for, and *more*."""
    service, statefulset = build_children(make_workload())
    annotations = [
        child.manifest["metadata"]["annotations"] if is_current else {}
        for child in (service, statefulset)
    ]
    live = make_statefulset(annotations=annotations[1])
    beside = make_service(annotations=annotations[0])
    return make_observation(
        make_pod(ready=True),
        statefulset=as_applied(live, statefulset),
        children=(as_applied(beside, service), *more),
    )


@pytest.fixture
def harness() -> Harness:
    """A workload that once had a budget; else all is as desired."""
    return make_harness(FakeCluster(observe(make_budget())))


async def test_a_child_that_is_no_longer_asked_for_is_deleted_once(harness: Harness) -> None:
    """The cache shows it a little longer; that is no reason to ask again."""
    for _ in range(3):
        await harness.reconcile(KEY)

    assert [call for call in harness.cluster.calls if call != "status"] == [DELETE]
    assert harness.conditions()[0] == "Accepted=True/Accepted"


async def test_what_was_deleted_is_waited_for_no_longer() -> None:
    """The apply of a child that is gone will never come by the watch."""
    harness = make_harness(FakeCluster(observe()), disruptionBudget={"minAvailable": 1})
    await harness.reconcile(KEY)
    plain = make_body()
    plain["metadata"] |= {"resourceVersion": "300", "generation": 2}
    harness.store.put(plain)
    harness.cluster.observation = observe(make_budget())

    await harness.reconcile(KEY)

    assert harness.cluster.calls[-2:] == [DELETE, "status"]
    assert BUDGET not in harness.reconcile._states[KEY].applied


async def test_nothing_is_deleted_before_the_others_are_applied(harness: Harness) -> None:
    """A child that is refused must not cost the one that it was to replace."""
    harness.cluster.observation = observe(make_budget(), is_current=False)
    harness.cluster.failures["Service weather"] = Refused("no", status=422)

    await harness.reconcile(KEY)
    await harness.reconcile(KEY)

    assert DELETE not in harness.cluster.calls
    assert harness.conditions()[0] == "Accepted=False/Rejected"


async def test_a_forbidden_deletion_is_reported(harness: Harness) -> None:
    """With the object and the API server's words; another look may help."""
    harness.cluster.failures[f"delete {BUDGET}"] = Forbidden("no rights", status=403)

    again = await harness.reconcile(KEY)

    assert again == pytest.approx(30)
    assert harness.conditions()[0] == "Accepted=False/Rejected"
    assert harness.cluster.statuses[-1]["conditions"][0]["message"] == (
        "the API server refuses the deletion of the PodDisruptionBudget weather: no rights"
    )


async def test_one_that_has_changed_is_looked_at_again(harness: Harness) -> None:
    """Another leader may have come to need it; the event of the change brings the next look."""
    harness.cluster.failures[f"delete {BUDGET}"] = Conflict("modified", status=409)

    await harness.reconcile(KEY)
    await harness.reconcile(KEY)

    assert harness.cluster.calls.count(DELETE) == 2
    assert harness.conditions()[0] == "Accepted=True/Accepted"


async def test_a_refused_deletion_is_not_sent_again(harness: Harness) -> None:
    """Only a new spec can help, and events come all the time."""
    harness.cluster.failures[f"delete {BUDGET}"] = Refused("never", status=422)

    for _ in range(3):
        await harness.reconcile(KEY)

    assert harness.cluster.calls.count(DELETE) == 1
    assert "Stalled=True/Rejected" in harness.conditions()


@pytest.mark.parametrize(("seconds", "told"), [(state.TROUBLE_SECONDS, True), (1.0, False)])
async def test_a_failure_of_the_api_server_is_retried_and_reported_when_it_lasts(
    harness: Harness, seconds: float, told: bool
) -> None:
    """As with an apply; the deletion is due again."""
    failure: ApiError = Unavailable("webhook down")
    harness.cluster.failures[f"delete {BUDGET}"] = failure

    for _ in range(2):
        with pytest.raises(Unavailable):
            await harness.reconcile(KEY)
        harness.cluster.seconds += seconds

    assert harness.cluster.calls.count(DELETE) == 2
    assert bool(harness.cluster.statuses) == told


async def test_who_makes_anew_what_we_delete_meets_a_pause(harness: Harness) -> None:
    """Under our owner reference, each time with another UID."""
    again = None
    for number in range(10):
        harness.cluster.observation = observe(make_budget(uid=f"budget-{number}"))
        again = await harness.reconcile(KEY)

    deletions = [call for call in harness.cluster.calls if call.startswith("delete")]
    assert len(deletions) == state.FREE_REPAIRS
    assert again is not None
    assert len(harness.reconcile._states[KEY].pruned) <= 1
