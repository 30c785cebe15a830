"""Events of pods, asked for as seldom as possible; ours, after the status they belong to."""

from datetime import timedelta
from typing import Any

import pytest

from mcpworkload.controller import pod_events
from mcpworkload.kube.errors import Conflict
from tests.support.harness import KEY, Bench, make_bench
from tests.support.parsed import NOON, make_event, make_observation, make_pending_pod, make_pod

UID = "weather-0-uid"
PROBE = make_event("Unhealthy", "Readiness probe failed: HTTP 500", about="mcp")


def slow(restarts: int = 0, seconds: float = 60) -> Any:
    """A pod that runs and is not ready."""
    since = NOON - timedelta(seconds=seconds)
    container = {"state": {"running": {"startedAt": since}}, "restartCount": restarts}
    return make_observation(make_pod(container=container, since=since))


@pytest.fixture
def bench() -> Bench:
    """A workload whose children are applied, and whose pod is slow."""
    bench = make_bench()
    bench.world.observation = slow()
    return bench


async def test_one_list_for_each_state(bench: Bench) -> None:
    """However many reconciles there are."""
    bench.world.events[UID] = [PROBE]
    for _ in range(3):
        await bench.reconcile(KEY)
    assert bench.world.asked == [UID]

    bench.world.observation = slow(restarts=1)
    await bench.reconcile(KEY)
    assert bench.world.asked == [UID, UID]


async def test_all_is_read_before_anything_is_written(bench: Bench) -> None:
    """What is planned and what is reported come from one observation."""
    asked: list[list[str]] = []
    bench.world.meanwhile = lambda: asked.append(list(bench.world.asked))

    await bench.reconcile(KEY)

    assert asked
    assert all(each == [UID] for each in asked)
    assert bench.world.asked == [UID]


def test_what_is_asked_depends_on_pods_and_memory_alone(bench: Bench) -> None:
    """The same pods at the same moment are due once, until what was read is too old."""
    pods = list(bench.world.observation.pods.values())
    due = pod_events.find_due(pods, {}, NOON, 0.0)
    assert due == pods
    told = {UID: pod_events.note_read(pods[0], (), {}, NOON, 0.0)}

    assert pod_events.find_due(pods, told, NOON, 0.0) == []
    assert pod_events.seconds_to_read(pods, told, NOON, 5.0) == pod_events.PAUSE_SECONDS[0] - 5
    assert pod_events.find_due(pods, told, NOON, pod_events.PAUSE_SECONDS[0]) == pods
    # A pod in another state has changed, and that is an event: nothing to wait for.
    other = list(slow(restarts=1).pods.values())
    assert pod_events.find_due(other, told, NOON, 5.0) == other
    assert pod_events.seconds_to_read(other, told, NOON, 5.0) is None


async def test_silence_is_asked_again_later(bench: Bench) -> None:
    """With pauses that grow."""
    for _ in range(2):
        await bench.reconcile(KEY)
        bench.world.seconds += pod_events.PAUSE_SECONDS[0]
    assert bench.world.asked == [UID, UID]

    again = await bench.reconcile(KEY)
    await bench.reconcile(KEY)
    assert bench.world.asked == [UID] * 3
    assert again is not None


async def test_a_pod_that_starts_is_not_asked_about(bench: Bench) -> None:
    """But looked at when its time is over."""
    bench.world.observation = slow(seconds=12)

    again = await bench.reconcile(KEY)

    assert bench.world.asked == []
    assert again == pytest.approx(2, abs=0.1)  # the status is held back for that long


async def test_a_pod_that_waits_for_a_claim(bench: Bench) -> None:
    """Its claims are asked about, until one is bound."""
    bench.world.observation = make_observation(make_pending_pod())

    again = await bench.reconcile(KEY)

    assert bench.world.asked == ["data-weather-0"]
    assert again is not None


async def test_an_old_refusal_does_not_come_back(bench: Bench) -> None:
    """The pod was there since; now it is being replaced."""
    message = "create Pod weather-0 in StatefulSet weather failed error: quota"
    failed_creates = [make_event("FailedCreate", message, NOON - timedelta(seconds=5))]
    bench.world.observation = make_observation(make_pod(ready=True), failed_creates=failed_creates)
    await bench.reconcile(KEY)

    assert bench.state.complete_at == NOON
    bench.world.observation = make_observation(failed_creates=failed_creates)
    found = await bench.look()
    assert found.failed_creates == []


async def test_events_follow_a_stored_status(bench: Bench) -> None:
    """One that was not stored is not news."""
    bench.world.failures["status"] = Conflict("changed")
    bench.world.observation = make_observation(make_pod(ready=True))
    bench.store.put({**_body(bench), "spec": {"image": 7}})
    await bench.reconcile(KEY)
    assert bench.world.said == []

    bench.world.failures.clear()
    await bench.reconcile(KEY)
    await bench.reconcile(KEY)
    assert [each.reason for each in bench.world.said] == ["InvalidSpec"]


def _body(bench: Bench) -> dict[str, Any]:
    body: Any = bench.store.get(KEY)
    return {**body, "metadata": {**body["metadata"], "resourceVersion": "500"}}


async def asked_at(bench: Bench, until: float) -> list[float]:
    """The seconds at which Events were read, with a reconcile each second."""
    began, times = bench.world.seconds, list[float]()
    while bench.world.seconds - began < until:
        before = len(bench.world.asked)
        await bench.look()
        times += [bench.world.seconds - began] * (len(bench.world.asked) - before)
        bench.world.seconds += 1
    return times


async def test_a_late_kubelet_is_heard_soon(bench: Bench) -> None:
    """Each 20 seconds for three minutes; then ever more seldom, so that an hour costs little."""
    await bench.reconcile(KEY)
    bench.remember(pod_events={})

    times = await asked_at(bench, until=3600)

    assert [time for time in times if time < 180] == [20.0 * n for n in range(9)]
    assert len(times) < 30


async def test_no_more_is_asked_once_it_is_said(bench: Bench) -> None:
    """What came late is known 20 seconds after it came, and asked for no more."""
    await bench.reconcile(KEY)
    bench.remember(pod_events={})
    await asked_at(bench, until=90)
    bench.world.events[UID] = [PROBE]

    assert await asked_at(bench, until=600) == [10.0]


async def test_an_old_complaint_does_not_explain_a_new_life(bench: Bench) -> None:
    """What the probes say of it may still come."""
    old = make_event("Unhealthy", "Readiness probe failed: HTTP 500", NOON - timedelta(hours=1))
    bench.world.events[UID] = [old]
    await bench.reconcile(KEY)
    bench.remember(pod_events={})

    assert await asked_at(bench, until=60) == [0.0, 20.0, 40.0]


async def test_who_ended_it_is_asked_until_it_is_known(bench: Bench) -> None:
    """That its probes fail does not say that they ended it."""
    ended = {"exitCode": 0, "reason": "Completed", "containerID": "containerd://1"}
    container = {
        "state": {"running": {"startedAt": NOON}},
        "lastState": {"terminated": ended},
        "restartCount": 1,
    }
    bench.world.observation = make_observation(make_pod(container=container))
    bench.world.events[UID] = [make_event("Unhealthy", "Startup probe failed: no", about="mcp")]
    await bench.reconcile(KEY)
    bench.remember(pod_events={})
    # At first each second, for its words may be on their way.
    assert await asked_at(bench, until=45) == [0.0, 1.0, 2.0, 3.0, 23.0, 43.0]

    said = "Container mcp failed startup probe, will be restarted"
    bench.world.events[UID].append(make_event("Killing", said, about="mcp"))
    assert await asked_at(bench, until=100) == [18.0]


async def test_a_crash_that_no_probe_can_have_caused_costs_nothing(bench: Bench) -> None:
    """It was too short, or there is no such probe."""
    ended = {"exitCode": 3, "reason": "Error", "containerID": "containerd://1"}
    container = {
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }
    spec = {"containers": [{"name": "mcp", "readinessProbe": {"periodSeconds": 1}}]}
    bench.world.observation = make_observation(make_pod(container=container, spec=spec))

    await bench.reconcile(KEY)

    assert bench.world.asked == []
