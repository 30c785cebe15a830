"""The spine and the ends of containers: said first, counted with the status, once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.objects import OwnerReference, Pod, PodCondition, PodSpec
from tests.support.harness import KEY, FakeCluster, Harness, make_harness
from tests.support.parsed import make_body, make_event, make_observation, make_pod

READY = make_pod(ready=True)


def crashed(times: int = 1, message: str = "boom", **state: Any) -> Pod:
    """The server's pod after so many exits with code 3; it runs again."""
    ended = {"exitCode": 3, "reason": "Error", "message": message, **state}
    last = {"terminated": {**ended, "containerID": f"containerd://{times}"}}
    return make_pod(
        ready=True,
        container={"restartCount": times, "state": {"running": {}}, "lastState": last},
    )


async def show(harness: Harness, pod: Pod) -> None:
    """The watch delivers the pod, and the workload is looked at."""
    harness.cluster.observation = make_observation(pod)
    harness.cluster.observed.seen(KEY, pod)
    await harness.reconcile(KEY)


async def look_while(harness: Harness, happens: Callable[[], None]) -> None:
    """A look at a new spec, during which something *happens*."""
    body = harness.store.get(KEY)
    assert body is not None
    version = str(int(body["metadata"]["resourceVersion"]) + 1)
    metadata = {**body["metadata"], "generation": 2, "resourceVersion": version}
    harness.store.put(
        {**body, "metadata": metadata, "spec": {**body["spec"], "image": "weather:2"}}
    )
    harness.cluster.meanwhile = happens
    await harness.reconcile(KEY)
    harness.cluster.meanwhile = lambda: None


def successor(harness: Harness) -> Harness:
    """Another process, which knows what is stored and nothing else."""
    other = make_harness(FakeCluster(observation=harness.cluster.observation))
    body = harness.store.get(KEY)
    assert body is not None
    other.store.put({**body, "metadata": {**body["metadata"], "resourceVersion": "900"}})
    for pod in harness.cluster.observation.pods.values():
        other.cluster.observed.seen(KEY, pod)
    return other


@pytest.fixture
async def harness() -> Harness:
    """A workload that is Ready."""
    # What the caches show is no older than what it applies.
    ready = make_harness(FakeCluster(version=500))
    await show(ready, READY)
    ready.cluster.calls.clear()
    return ready


async def test_an_exit_is_reported_and_counted(harness: Harness) -> None:
    """With what the kubelet knows of it, by one status write."""
    await show(harness, crashed())

    assert [each.exit_code for each in harness.cluster.exits] == [3]
    status = harness.cluster.statuses[-1]
    assert status["restarts"] == 1
    assert status["lastTermination"]["containerID"] == "containerd://1"
    assert status["lastTermination"]["message"] == "boom"
    assert harness.cluster.calls.count("status") == 1


async def test_the_kubelets_words_may_come_a_moment_later(harness: Harness) -> None:
    """The exit is said with them, or without after a few seconds: only once in any case."""
    pod = crashed(exitCode=0, reason="Completed")
    probes = {"name": "mcp", "livenessProbe": {"periodSeconds": 1, "failureThreshold": 1}}
    pod.spec = msgspec.convert({"containers": [probes]}, PodSpec)
    await show(harness, pod)
    assert harness.cluster.exits == []
    assert harness.cluster.calls.count("status") == 0

    harness.cluster.seconds += 1
    said = "Container mcp failed liveness probe, will be restarted"
    harness.cluster.events[pod.metadata.uid] = [make_event("Killing", said, about="mcp")]
    await show(harness, pod)
    assert [each.reason for each in harness.cluster.exits] == ["ProbeFailed"]

    again = crashed(2, exitCode=3, reason="Error")
    again.spec = pod.spec
    harness.cluster.events.clear()
    await show(harness, again)
    assert len(harness.cluster.exits) == 1
    harness.cluster.seconds += 3
    await show(harness, again)
    assert [each.reason for each in harness.cluster.exits] == ["ProbeFailed", "Error"]
    assert harness.cluster.statuses[-1]["restarts"] == 2


async def test_an_exit_is_reported_once(harness: Harness) -> None:
    """Neither another look nor another process says it again."""
    await show(harness, crashed())
    await show(harness, crashed())
    other = successor(harness)

    await other.reconcile(KEY)

    assert len(harness.cluster.exits) == 1
    assert other.cluster.exits == []
    assert "status" not in other.cluster.calls


async def test_an_exit_during_a_reconcile_is_reported_once(harness: Harness) -> None:
    """The watch knows of it, and the pods that are looked at do not yet."""
    await show(harness, crashed(1))

    def end() -> None:
        harness.cluster.observed.seen(KEY, crashed(2))
        harness.cluster.observation = make_observation(crashed(2))

    await look_while(harness, end)
    await harness.reconcile(KEY)
    await harness.reconcile(KEY)

    assert [(each.kind, each.index) for each in harness.cluster.exits] == [
        ("Exited", 0),
        ("Exited", 1),
    ]
    assert harness.cluster.statuses[-1]["restarts"] == 2


async def test_a_pod_deleted_during_a_reconcile_is_remembered(harness: Harness) -> None:
    """The look that did not see it go must not forget how it ended."""
    await show(harness, crashed(1))

    def go() -> None:
        harness.cluster.observed.gone(KEY, crashed(2), watched=True)
        harness.cluster.observation = make_observation()

    await look_while(harness, go)
    await harness.reconcile(KEY)
    await harness.reconcile(KEY)

    assert [(each.kind, each.index) for each in harness.cluster.exits] == [
        ("Exited", 0),
        ("Exited", 1),
    ]


async def test_an_exit_that_could_not_be_reported_is_not_counted(harness: Harness) -> None:
    """It is said and counted by the next look."""
    harness.cluster.failures["exit"] = Unavailable("no answer")
    with pytest.raises(Unavailable):
        await show(harness, crashed())
    assert "status" not in harness.cluster.calls

    harness.cluster.failures.clear()
    await harness.reconcile(KEY)

    assert harness.cluster.statuses[-1]["restarts"] == 1
    assert len(harness.cluster.exits) == 1


async def test_a_new_process_counts_exits_that_no_process_saw(harness: Harness) -> None:
    """Of three exits the kubelet still tells the last."""
    await show(harness, crashed(1))
    harness.cluster.observation = make_observation(crashed(4))
    other = successor(harness)

    await other.reconcile(KEY)

    assert [each.kind for each in other.cluster.exits] == ["Unknown", "Unknown", "Exited"]
    assert other.cluster.statuses[-1]["restarts"] == 4


async def test_what_is_seen_before_the_workload_is_shown_is_kept(harness: Harness) -> None:
    """A process that starts knows the pods first; their ends must not be unknown later."""
    other = make_harness(FakeCluster(version=500, observation=make_observation(crashed())))
    body = harness.store.get(KEY)
    assert body is not None
    other.store.drop(make_body())
    other.store.expect([KEY])
    other.cluster.observed.seen(KEY, crashed())

    await other.reconcile(KEY)
    other.store.put(body)
    await other.reconcile(KEY)

    assert [(each.kind, each.exit_code) for each in other.cluster.exits] == [("Exited", 3)]


async def test_a_server_s_words_are_kept_where_that_is_asked_for() -> None:
    """reportLogTail: false."""
    harness = make_harness(reportLogTail=False)
    await show(harness, READY)

    await show(harness, crashed(message="the password is swordfish"))

    assert "swordfish" not in f"{harness.cluster.exits} {harness.cluster.statuses}"
    assert harness.cluster.statuses[-1]["restarts"] == 1


async def test_a_deleted_pod_is_recorded_at_once(harness: Harness) -> None:
    """A process that comes when it is gone would take it for lost."""
    leaving = make_pod(terminating=True)
    await show(harness, leaving)
    assert harness.cluster.statuses[-1]["pods"][0]["ended"] is True

    harness.cluster.observation = make_observation()
    other = successor(harness)
    await other.reconcile(KEY)

    assert other.cluster.exits == []


async def test_a_pod_lost_while_no_operator_ran_is_one_unknown_exit(
    harness: Harness,
) -> None:
    """It was recorded, it is gone, and nobody saw it deleted."""
    harness.cluster.observation = make_observation()
    other = successor(harness)

    await other.reconcile(KEY)

    assert [(each.kind, each.pod) for each in other.cluster.exits] == [("Unknown", "weather-0")]
    assert other.cluster.statuses[-1]["restarts"] == 1


async def test_a_server_s_words_are_kept_though_the_cluster_ended_the_pod() -> None:
    """A drained node: the pod has no message of its own, the container has the log's tail."""
    harness = make_harness(reportLogTail=False)
    await show(harness, READY)
    ended = {
        "exitCode": 143,
        "message": "the password is swordfish",
        "containerID": "containerd://1",
    }
    pod = make_pod(container={"state": {"terminated": ended}})
    pod.metadata.deletion_timestamp = "2026-03-01T12:00:00Z"
    pod.status.conditions.append(
        PodCondition(type="DisruptionTarget", status="True", reason="EvictionByEvictionAPI")
    )

    await show(harness, pod)

    assert [each.kind for each in harness.cluster.exits] == ["Evicted"]
    assert "swordfish" not in f"{harness.cluster.exits} {harness.cluster.statuses}"


async def test_a_status_whose_answer_was_lost_is_not_counted_again(harness: Harness) -> None:
    """Of a pod that is gone: nothing in the stored status tells that it was accounted for."""
    harness.cluster.observed.gone(KEY, crashed(), watched=True)
    harness.cluster.observation = make_observation()
    harness.cluster.lost_answers = 1
    with pytest.raises(Unavailable):
        await harness.reconcile(KEY)
    stored = harness.cluster.stored[-1]
    assert stored["status"]["restarts"] == 1

    # The watch delivers what was stored.
    harness.store.put(stored)
    await harness.reconcile(KEY)

    assert len(harness.cluster.exits) == 1
    assert harness.cluster.statuses[-1]["restarts"] == 1


async def test_the_exits_of_an_earlier_workload_of_that_name_are_not_ours() -> None:
    """Deleted and made anew, while the garbage collector is not done with the first one's pods."""
    harness = make_harness()
    observation = make_observation(crashed(5))
    assert observation.statefulset is not None
    first = OwnerReference(uid="first", kind="MCPWorkload", name="weather", controller=True)
    observation.statefulset.metadata.owner_references = [first]
    harness.cluster.observation = observation
    harness.cluster.observed.seen(KEY, crashed(5))

    await harness.reconcile(KEY)

    assert harness.cluster.exits == []
    assert harness.cluster.statuses[-1].get("restarts", 0) == 0
