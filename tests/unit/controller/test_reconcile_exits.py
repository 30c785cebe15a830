"""The spine and the ends of containers: said first, counted with the status, once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.objects import OwnerReference, Pod, PodCondition, PodSpec
from tests.support.harness import KEY, Bench, World, make_bench
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


async def show(bench: Bench, pod: Pod) -> None:
    """The watch delivers the pod, and the workload is looked at."""
    bench.world.observation = make_observation(pod)
    bench.world.observed.seen(KEY, pod)
    await bench.reconcile(KEY)


async def look_while(bench: Bench, happens: Callable[[], None]) -> None:
    """A look at a new spec, during which something *happens*."""
    body = bench.store.get(KEY)
    assert body is not None
    version = str(int(body["metadata"]["resourceVersion"]) + 1)
    metadata = {**body["metadata"], "generation": 2, "resourceVersion": version}
    bench.store.put({**body, "metadata": metadata, "spec": {**body["spec"], "image": "weather:2"}})
    bench.world.meanwhile = happens
    await bench.reconcile(KEY)
    bench.world.meanwhile = lambda: None


def successor(bench: Bench) -> Bench:
    """Another process, which knows what is stored and nothing else."""
    other = make_bench(World(observation=bench.world.observation))
    body = bench.store.get(KEY)
    assert body is not None
    other.store.put({**body, "metadata": {**body["metadata"], "resourceVersion": "900"}})
    for pod in bench.world.observation.pods.values():
        other.world.observed.seen(KEY, pod)
    return other


@pytest.fixture
async def bench() -> Bench:
    """A workload that is Ready."""
    # What the caches show is no older than what it applies.
    ready = make_bench(World(version=500))
    await show(ready, READY)
    ready.world.calls.clear()
    return ready


async def test_an_exit_is_said_and_counted(bench: Bench) -> None:
    """With what the kubelet knows of it, by one status write."""
    await show(bench, crashed())

    assert [each.exit_code for each in bench.world.exits] == [3]
    status = bench.world.statuses[-1]
    assert status["restarts"] == 1
    assert status["lastTermination"]["containerID"] == "containerd://1"
    assert status["lastTermination"]["message"] == "boom"
    assert bench.world.calls.count("status") == 1


async def test_the_kubelets_words_may_come_a_moment_later(bench: Bench) -> None:
    """The exit is said with them, or without after a few seconds: only once in any case."""
    pod = crashed(exitCode=0, reason="Completed")
    probes = {"name": "mcp", "livenessProbe": {"periodSeconds": 1, "failureThreshold": 1}}
    pod.spec = msgspec.convert({"containers": [probes]}, PodSpec)
    await show(bench, pod)
    assert bench.world.exits == []
    assert bench.world.calls.count("status") == 0

    bench.world.seconds += 1
    said = "Container mcp failed liveness probe, will be restarted"
    bench.world.events[pod.metadata.uid] = [make_event("Killing", said, about="mcp")]
    await show(bench, pod)
    assert [each.reason for each in bench.world.exits] == ["ProbeFailed"]

    again = crashed(2, exitCode=3, reason="Error")
    again.spec = pod.spec
    bench.world.events.clear()
    await show(bench, again)
    assert len(bench.world.exits) == 1
    bench.world.seconds += 3
    await show(bench, again)
    assert [each.reason for each in bench.world.exits] == ["ProbeFailed", "Error"]
    assert bench.world.statuses[-1]["restarts"] == 2


async def test_it_is_said_once(bench: Bench) -> None:
    """Neither another look nor another process says it again."""
    await show(bench, crashed())
    await show(bench, crashed())
    other = successor(bench)

    await other.reconcile(KEY)

    assert len(bench.world.exits) == 1
    assert other.world.exits == []
    assert "status" not in other.world.calls


async def test_an_end_that_comes_during_a_look_is_said_once(bench: Bench) -> None:
    """The watch knows of it, and the pods that are looked at do not yet."""
    await show(bench, crashed(1))

    def end() -> None:
        bench.world.observed.seen(KEY, crashed(2))
        bench.world.observation = make_observation(crashed(2))

    await look_while(bench, end)
    await bench.reconcile(KEY)
    await bench.reconcile(KEY)

    assert [(each.kind, each.index) for each in bench.world.exits] == [
        ("Exited", 0),
        ("Exited", 1),
    ]
    assert bench.world.statuses[-1]["restarts"] == 2


async def test_a_pod_that_goes_during_a_look_is_remembered(bench: Bench) -> None:
    """The look that did not see it go must not forget how it ended."""
    await show(bench, crashed(1))

    def go() -> None:
        bench.world.observed.gone(KEY, crashed(2), watched=True)
        bench.world.observation = make_observation()

    await look_while(bench, go)
    await bench.reconcile(KEY)
    await bench.reconcile(KEY)

    assert [(each.kind, each.index) for each in bench.world.exits] == [
        ("Exited", 0),
        ("Exited", 1),
    ]


async def test_what_could_not_be_said_is_not_counted(bench: Bench) -> None:
    """It is said and counted by the next look."""
    bench.world.failures["exit"] = Unavailable("no answer")
    with pytest.raises(Unavailable):
        await show(bench, crashed())
    assert "status" not in bench.world.calls

    bench.world.failures.clear()
    await bench.reconcile(KEY)

    assert bench.world.statuses[-1]["restarts"] == 1
    assert len(bench.world.exits) == 1


async def test_a_process_that_comes_late_counts_what_nobody_saw(bench: Bench) -> None:
    """Of three exits the kubelet still tells the last."""
    await show(bench, crashed(1))
    bench.world.observation = make_observation(crashed(4))
    other = successor(bench)

    await other.reconcile(KEY)

    assert [each.kind for each in other.world.exits] == ["Unknown", "Unknown", "Exited"]
    assert other.world.statuses[-1]["restarts"] == 4


async def test_what_is_seen_before_the_workload_is_shown_is_kept(bench: Bench) -> None:
    """A process that starts knows the pods first; their ends must not be unknown later."""
    other = make_bench(World(version=500, observation=make_observation(crashed())))
    body = bench.store.get(KEY)
    assert body is not None
    other.store.drop(make_body())
    other.store.expect([KEY])
    other.world.observed.seen(KEY, crashed())

    await other.reconcile(KEY)
    other.store.put(body)
    await other.reconcile(KEY)

    assert [(each.kind, each.exit_code) for each in other.world.exits] == [("Exited", 3)]


async def test_a_server_s_words_are_kept_where_that_is_asked_for() -> None:
    """reportLogTail: false."""
    bench = make_bench(reportLogTail=False)
    await show(bench, READY)

    await show(bench, crashed(message="the password is swordfish"))

    assert "swordfish" not in f"{bench.world.exits} {bench.world.statuses}"
    assert bench.world.statuses[-1]["restarts"] == 1


async def test_a_deleted_pod_is_recorded_at_once(bench: Bench) -> None:
    """A process that comes when it is gone would take it for lost."""
    leaving = make_pod(terminating=True)
    await show(bench, leaving)
    assert bench.world.statuses[-1]["pods"][0]["ended"] is True

    bench.world.observation = make_observation()
    other = successor(bench)
    await other.reconcile(KEY)

    assert other.world.exits == []


async def test_a_pod_that_was_lost_while_nobody_looked_is_one_unknown_exit(bench: Bench) -> None:
    """It was recorded, it is gone, and nobody saw it deleted."""
    bench.world.observation = make_observation()
    other = successor(bench)

    await other.reconcile(KEY)

    assert [(each.kind, each.pod) for each in other.world.exits] == [("Unknown", "weather-0")]
    assert other.world.statuses[-1]["restarts"] == 1


async def test_a_server_s_words_are_kept_though_the_cluster_ended_the_pod() -> None:
    """A drained node: the pod has no message of its own, the container has the log's tail."""
    bench = make_bench(reportLogTail=False)
    await show(bench, READY)
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

    await show(bench, pod)

    assert [each.kind for each in bench.world.exits] == ["Evicted"]
    assert "swordfish" not in f"{bench.world.exits} {bench.world.statuses}"


async def test_a_status_whose_answer_was_lost_is_not_counted_again(bench: Bench) -> None:
    """Of a pod that is gone: nothing in the stored status tells that it was accounted for."""
    bench.world.observed.gone(KEY, crashed(), watched=True)
    bench.world.observation = make_observation()
    bench.world.lost_answers = 1
    with pytest.raises(Unavailable):
        await bench.reconcile(KEY)
    stored = bench.world.stored[-1]
    assert stored["status"]["restarts"] == 1

    # The watch delivers what was stored.
    bench.store.put(stored)
    await bench.reconcile(KEY)

    assert len(bench.world.exits) == 1
    assert bench.world.statuses[-1]["restarts"] == 1


async def test_the_exits_of_an_earlier_workload_of_that_name_are_not_ours() -> None:
    """Deleted and made anew, while the garbage collector is not done with the first one's pods."""
    bench = make_bench()
    observation = make_observation(crashed(5))
    assert observation.statefulset is not None
    first = OwnerReference(uid="first", kind="MCPWorkload", name="weather", controller=True)
    observation.statefulset.metadata.owner_references = [first]
    bench.world.observation = observation
    bench.world.observed.seen(KEY, crashed(5))

    await bench.reconcile(KEY)

    assert bench.world.exits == []
    assert bench.world.statuses[-1].get("restarts", 0) == 0
