"""The spine, with a cluster in memory: what it writes, by what happened in which order."""

from typing import Any

import msgspec
import pytest

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.controller import state
from mcpworkload.controller.desired import Child
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.reconcile import CONFLICT_SECONDS
from mcpworkload.kube.errors import ApiError, Conflict, NotFound, Refused, Unavailable
from mcpworkload.kube.objects import Metadata
from tests.support.harness import KEY, Harness, make_field_conflict, make_harness
from tests.support.parsed import (
    UID,
    make_body,
    make_observation,
    make_pod,
    make_service,
    make_statefulset,
)


@pytest.fixture
def harness() -> Harness:
    """A workload that nobody has seen before."""
    return make_harness()


async def test_a_new_workload_is_applied_and_has_a_status_at_once(harness: Harness) -> None:
    """Who waits for it sees that it was accepted, however many others wait as well."""
    await harness.reconcile(KEY)

    assert harness.cluster.calls == [
        "apply Service weather",
        "apply StatefulSet weather",
        "status",
    ]
    assert harness.conditions() == [
        "Accepted=True/Accepted",
        "Available=False/Starting",
        "Ready=False/Starting",
    ]


@pytest.mark.parametrize("spec", [{"operatingMode": "Stopped"}, {"replicas": 0}])
async def test_a_workload_without_pods_has_one_status(spec: dict[str, Any]) -> None:
    """It is ready as soon as its children are seen: no status says that something starts."""
    harness = make_harness(**spec)

    await harness.reconcile(KEY)

    assert harness.cluster.statuses == []


async def test_a_changed_workload_is_applied_and_its_status_held_back() -> None:
    """The StatefulSet controller is about to make it stale."""
    harness = make_harness(status={"observedGeneration": 0, "conditions": []})

    again = await harness.reconcile(KEY)

    assert harness.cluster.calls == ["apply Service weather", "apply StatefulSet weather"]
    assert again is not None
    assert again <= 2.0


async def test_a_second_reconcile_writes_nothing(harness: Harness) -> None:
    """Whether our own writes are seen already or not."""
    await harness.reconcile(KEY)
    harness.cluster.calls.clear()

    await harness.reconcile(KEY)

    assert harness.cluster.calls == []


async def test_a_workload_of_which_a_name_is_taken_gets_no_pods(harness: Harness) -> None:
    """A taken Service must not leave us with half a workload that runs."""
    harness.cluster.existing["Service weather"] = Metadata(name="weather", uid="theirs")

    again = await harness.reconcile(KEY)

    assert harness.cluster.calls == ["apply Service weather", "read Service weather", "status"]
    assert harness.conditions()[0] == "Accepted=False/ChildConflict"
    assert again is not None


async def test_a_workload_that_is_deleted_while_it_is_read_gets_no_children(
    harness: Harness,
) -> None:
    """Its children go at the same time: to the plan it would look as if they were to be made."""
    body = harness.store.get(KEY)
    assert body is not None
    harness.cluster.while_reading = lambda: harness.store.drop(body)

    assert await harness.reconcile(KEY) == 0.0
    assert await harness.reconcile(KEY) is None

    assert harness.cluster.calls == []
    assert harness.forgotten == [KEY]


async def test_a_spec_that_changes_while_it_is_read_is_applied_as_it_is_then(
    harness: Harness,
) -> None:
    """Not the one that was parsed before."""
    newer = make_body(image="weather:2")
    newer["metadata"] |= {"generation": 2, "resourceVersion": "101"}
    harness.cluster.while_reading = lambda: harness.store.put(newer)

    assert await harness.reconcile(KEY) == 0.0
    assert harness.cluster.calls == []

    await harness.reconcile(KEY)
    assert "apply StatefulSet weather" in harness.cluster.calls


async def test_our_own_child_with_a_changed_label_is_taken_back(harness: Harness) -> None:
    """The cache files it under another workload, but its owner is this one."""
    content = make_service(labels={names.WORKLOAD_LABEL: "other"})
    harness.cluster.existing["Service weather"] = content.metadata

    await harness.reconcile(KEY)

    assert "force Service weather svc" in harness.cluster.calls


async def test_an_orphan_of_this_name_is_adopted_without_force(harness: Harness) -> None:
    """Its fields may belong to somebody by now."""
    labels = {names.WORKLOAD_LABEL: "weather"}
    harness.cluster.existing["Service weather"] = Metadata(
        name="weather", uid="orphan", labels=labels
    )

    await harness.reconcile(KEY)

    assert "apply Service weather orphan" in harness.cluster.calls


async def test_a_refused_child_is_not_sent_again(harness: Harness) -> None:
    """Only a new spec can help, and events come all the time."""
    harness.cluster.failures["StatefulSet weather"] = Refused("spec is invalid", status=422)
    await harness.reconcile(KEY)
    first = len(harness.cluster.calls)

    for _ in range(3):
        await harness.reconcile(KEY)

    sent = [
        call
        for call in harness.cluster.calls[first:]
        if "StatefulSet" in call and "read" not in call
    ]
    assert sent == []
    assert "Stalled=True/Rejected" in harness.conditions()


async def test_a_failure_of_the_api_server_is_retried_and_reported(harness: Harness) -> None:
    """The caller gets the error for its backoff, the user a condition."""
    harness.cluster.failures["Service weather"] = Unavailable("webhook down")
    harness.cluster.observation = make_observation(make_pod(ready=True))

    for _ in range(2):
        with pytest.raises(Unavailable):
            await harness.reconcile(KEY)
        harness.cluster.seconds += state.TROUBLE_SECONDS

    assert "Accepted=False/ApplyFailed" in harness.conditions()


async def test_a_short_failure_is_not_reported(harness: Harness) -> None:
    """It is over at the next look."""
    harness.cluster.failures["Service weather"] = Unavailable("hiccup")

    with pytest.raises(Unavailable):
        await harness.reconcile(KEY)

    assert harness.cluster.statuses == []


async def test_a_deletion_during_the_status_write_is_not_undone(harness: Harness) -> None:
    """The answer to our write comes after the watch's DELETED."""
    harness.cluster.observation = make_observation(make_pod(ready=True))
    write = harness.cluster.write_status

    async def write_late(body: Any, status: dict[str, Any]) -> dict[str, Any]:
        stored = await write(body, status)
        harness.store.drop(body)
        return stored

    harness.cluster.write_status = write_late  # type: ignore[method-assign]
    harness.cluster.failures["Service weather"] = Refused("so that the status is written at once")
    await harness.reconcile(KEY)

    assert harness.store.get(KEY) is None


@pytest.mark.parametrize("failure", [NotFound("gone"), Conflict("changed")])
async def test_a_status_that_is_out_of_date_is_no_error(
    harness: Harness, failure: ApiError
) -> None:
    """The workload is gone, or a newer version of it is on its way."""
    harness.cluster.failures = {"status": failure, "Service weather": Refused("no")}

    await harness.reconcile(KEY)

    assert (harness.store.get(KEY) is None) == isinstance(failure, NotFound)


async def test_a_successor_of_the_same_name_inherits_no_memory(harness: Harness) -> None:
    """What was applied for the first one is not the second one's to change."""
    await harness.reconcile(KEY)
    harness.cluster.calls.clear()
    successor = make_body()
    successor["metadata"] |= {"uid": "second", "resourceVersion": "3000"}
    harness.store.put(successor)

    await harness.reconcile(KEY)

    assert not [call for call in harness.cluster.calls if call.startswith("force")]


async def test_a_deleted_workload_leaves_no_trace(harness: Harness) -> None:
    """Neither in memory nor in the queue."""
    await harness.reconcile(KEY)
    known = harness.store.get(KEY)
    assert known is not None
    harness.store.drop(known)

    assert await harness.reconcile(KEY) is None
    assert harness.forgotten == [KEY]
    assert harness.reconcile._states == {}


async def test_a_workload_on_its_way_out_is_left_alone(harness: Harness) -> None:
    """A foreground deletion takes the children first; they must not come back."""
    leaving = make_body()
    leaving["metadata"] |= {"deletionTimestamp": "2026-11-23T12:00:00Z", "resourceVersion": "200"}
    harness.store.put(leaving)

    assert await harness.reconcile(KEY) is None
    assert harness.cluster.calls == []


async def test_an_endless_tug_of_war_slows_down(harness: Harness) -> None:
    """Somebody changes our field after each of our applies."""
    await harness.reconcile(KEY)
    harness.cluster.calls.clear()
    again = None
    for number in range(10):
        version = harness.cluster.version + 1 + number
        harness.cluster.version = version
        theirs = make_statefulset(version=version, annotations=_annotations(harness))
        harness.cluster.observation = Observation(
            children={ChildId("StatefulSet", "weather"): theirs},
            statefulset=theirs,
            versions={"Service": 1, "StatefulSet": version},
        )
        again = await harness.reconcile(KEY)

    repairs = [call for call in harness.cluster.calls if call.startswith("force StatefulSet")]
    assert len(repairs) == state.FREE_REPAIRS
    assert again is not None
    reverted = [each for each in harness.cluster.said if each.reason == "DriftReverted"]
    assert len(reverted) == state.FREE_REPAIRS
    assert len({each.topic for each in reverted}) == 1


def _annotations(harness: Harness) -> dict[str, str]:
    applied = harness.reconcile._states[KEY].applied[ChildId("StatefulSet", "weather")]
    return {names.HASH_ANNOTATION: applied.digest}


async def test_each_refused_child_keeps_its_own_refusal(harness: Harness) -> None:
    """Neither is sent again, and the words stay those of the first."""
    harness.cluster.failures["Service weather"] = Refused("no such service", status=422)
    harness.cluster.failures["StatefulSet weather"] = Refused("no such set", status=422)
    await harness.reconcile(KEY)
    sent = len(harness.cluster.calls)

    for _ in range(3):
        await harness.reconcile(KEY)

    assert harness.cluster.calls[sent:] == []
    messages = [status["conditions"][0]["message"] for status in harness.cluster.statuses]
    assert {message.rpartition(": ")[2] for message in messages} == {"no such service"}


async def test_the_owner_of_every_name_that_is_taken_is_read() -> None:
    """The second Service's name may be taken, too, and there are no pods then."""
    harness = make_harness(service={"type": "ClusterIP"}, disruptionBudget={"minAvailable": 1})
    harness.cluster.existing["Service weather-svc"] = Metadata(name="weather-svc", uid="theirs")

    await harness.reconcile(KEY)

    assert sorted(call for call in harness.cluster.calls if call != "status") == [
        "apply PodDisruptionBudget weather",
        "apply Service weather",
        "apply Service weather-svc",
        "read Service weather-svc",
    ]
    assert harness.conditions()[0] == "Accepted=False/ChildConflict"


async def test_two_children_of_one_kind_are_remembered_apart() -> None:
    """One's digest, version and fate are not the other's."""
    harness = make_harness(service={"type": "ClusterIP"}, disruptionBudget={"minAvailable": 1})

    await harness.reconcile(KEY)

    applied = harness.reconcile._states[KEY].applied
    assert sorted(map(str, applied)) == [
        "PodDisruptionBudget weather",
        "Service weather",
        "Service weather-svc",
        "StatefulSet weather",
    ]
    assert len({last.digest for last in applied.values()}) == 4


async def test_a_name_that_stays_taken_is_looked_at_and_not_written_to(harness: Harness) -> None:
    """The first apply may have met an object of ours; another one would be for nothing."""
    harness.cluster.existing["Service weather"] = Metadata(name="weather", uid="theirs")
    await harness.reconcile(KEY)
    harness.cluster.calls.clear()

    await harness.reconcile(KEY)
    assert harness.cluster.calls == ["read Service weather"]

    del harness.cluster.existing["Service weather"]
    await harness.reconcile(KEY)
    assert harness.cluster.calls[1:4] == [
        "read Service weather",
        "apply Service weather",
        "apply StatefulSet weather",
    ]


async def test_a_child_of_ours_that_has_lost_its_label_is_found_by_its_name(
    harness: Harness,
) -> None:
    """The caches do not show it, and the API server names the field before the version."""
    owner = [{"uid": UID, "kind": names.KIND, "name": "weather", "controller": True}]
    lost = msgspec.convert({"name": "weather", "uid": "svc", "ownerReferences": owner}, Metadata)
    harness.cluster.existing["Service weather"] = lost
    harness.cluster.failures["Service weather"] = make_field_conflict("theirs")
    read = harness.cluster.read_child

    async def read_child(child: Child) -> Metadata | None:
        harness.cluster.failures.clear()
        return await read(child)

    harness.cluster.read_child = read_child  # type: ignore[method-assign]
    await harness.reconcile(KEY)

    assert harness.cluster.calls[:3] == [
        "apply Service weather",
        "read Service weather",
        "force Service weather svc",
    ]


async def test_a_child_that_changed_meanwhile_is_applied_again_soon(harness: Harness) -> None:
    """Its controller writes its status at that moment, say: no failure, and no word of it."""
    harness.cluster.failures["Service weather"] = Conflict("modified", status=409)

    assert await harness.reconcile(KEY) == CONFLICT_SECONDS
