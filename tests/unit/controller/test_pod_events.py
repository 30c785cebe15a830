"""Events of pods, asked for as seldom as possible; ours, after the status they belong to."""

from datetime import timedelta
from typing import Any

import pytest

from mcpworkload.controller import pod_events
from mcpworkload.kube.errors import Conflict
from tests.support.harness import KEY, Harness, make_harness
from tests.support.parsed import NOON, make_event, make_observation, make_pending_pod, make_pod

UID = "weather-0-uid"
PROBE = make_event("Unhealthy", "Readiness probe failed: HTTP 500", about="mcp")


def slow(restarts: int = 0, seconds: float = 60) -> Any:
    """A pod that runs and is not ready."""
    since = NOON - timedelta(seconds=seconds)
    container = {"state": {"running": {"startedAt": since}}, "restartCount": restarts}
    return make_observation(make_pod(container=container, since=since))


@pytest.fixture
def harness() -> Harness:
    """A workload whose children are applied, and whose pod is slow."""
    harness = make_harness()
    harness.cluster.observation = slow()
    return harness


async def test_one_list_for_each_state(harness: Harness) -> None:
    """However many reconciles there are."""
    harness.cluster.events[UID] = [PROBE]
    for _ in range(3):
        await harness.reconcile(KEY)
    assert harness.cluster.asked == [UID]

    harness.cluster.observation = slow(restarts=1)
    await harness.reconcile(KEY)
    assert harness.cluster.asked == [UID, UID]


async def test_all_is_read_before_anything_is_written(harness: Harness) -> None:
    """What is planned and what is reported come from one observation."""
    asked: list[list[str]] = []
    harness.cluster.meanwhile = lambda: asked.append(list(harness.cluster.asked))

    await harness.reconcile(KEY)

    assert asked
    assert all(each == [UID] for each in asked)
    assert harness.cluster.asked == [UID]


def test_what_is_asked_depends_on_pods_and_memory_alone(harness: Harness) -> None:
    """The same pods at the same moment are due once, until what was read is too old."""
    pods = list(harness.cluster.observation.pods.values())
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


async def test_silence_is_asked_again_later(harness: Harness) -> None:
    """With pauses that grow."""
    for _ in range(2):
        await harness.reconcile(KEY)
        harness.cluster.seconds += pod_events.PAUSE_SECONDS[0]
    assert harness.cluster.asked == [UID, UID]

    again = await harness.reconcile(KEY)
    await harness.reconcile(KEY)
    assert harness.cluster.asked == [UID] * 3
    assert again is not None


async def test_a_pod_that_starts_is_not_asked_about(harness: Harness) -> None:
    """But looked at when its time is over."""
    harness.cluster.observation = slow(seconds=12)

    again = await harness.reconcile(KEY)

    assert harness.cluster.asked == []
    assert again == pytest.approx(8, abs=0.1)


async def test_a_pod_that_waits_for_a_claim(harness: Harness) -> None:
    """Its claims are asked about, until one is bound."""
    harness.cluster.observation = make_observation(make_pending_pod())

    again = await harness.reconcile(KEY)

    assert harness.cluster.asked == ["data-weather-0"]
    assert again is not None


async def test_an_old_refusal_does_not_come_back(harness: Harness) -> None:
    """The pod was there since; now it is being replaced."""
    message = "create Pod weather-0 in StatefulSet weather failed error: quota"
    failed_creates = [make_event("FailedCreate", message, NOON - timedelta(seconds=5))]
    harness.cluster.observation = make_observation(
        make_pod(ready=True), failed_creates=failed_creates
    )
    await harness.reconcile(KEY)

    assert harness.state.complete_at == NOON
    harness.cluster.observation = make_observation(failed_creates=failed_creates)
    found = await harness.look()
    assert found.failed_creates == []


async def test_events_follow_a_stored_status(harness: Harness) -> None:
    """One that was not stored is not news."""
    harness.cluster.failures["status"] = Conflict("changed")
    harness.cluster.observation = make_observation(make_pod(ready=True))
    harness.store.put({**_body(harness), "spec": {"image": 7}})
    await harness.reconcile(KEY)
    assert harness.cluster.said == []

    harness.cluster.failures.clear()
    await harness.reconcile(KEY)
    await harness.reconcile(KEY)
    assert [each.reason for each in harness.cluster.said] == ["InvalidSpec"]


def _body(harness: Harness) -> dict[str, Any]:
    body: Any = harness.store.get(KEY)
    return {**body, "metadata": {**body["metadata"], "resourceVersion": "500"}}


async def asked_at(harness: Harness, until: float) -> list[float]:
    """The seconds at which Events were read, with a reconcile each second."""
    began, times = harness.cluster.seconds, list[float]()
    while harness.cluster.seconds - began < until:
        before = len(harness.cluster.asked)
        await harness.look()
        times += [harness.cluster.seconds - began] * (len(harness.cluster.asked) - before)
        harness.cluster.seconds += 1
    return times


async def test_events_of_a_late_kubelet_are_read_soon(harness: Harness) -> None:
    """Each 20 seconds for three minutes; then ever more seldom, so that an hour costs little."""
    await harness.reconcile(KEY)
    harness.remember(pod_events={})

    times = await asked_at(harness, until=3600)

    assert [time for time in times if time < 180] == [20.0 * n for n in range(9)]
    assert len(times) < 30


async def test_events_are_read_no_more_once_they_explain_the_exit(harness: Harness) -> None:
    """What came late is known 20 seconds after it came, and asked for no more."""
    await harness.reconcile(KEY)
    harness.remember(pod_events={})
    await asked_at(harness, until=90)
    harness.cluster.events[UID] = [PROBE]

    assert await asked_at(harness, until=600) == [10.0]


async def test_an_old_complaint_does_not_explain_a_new_life(harness: Harness) -> None:
    """What the probes say of it may still come."""
    old = make_event("Unhealthy", "Readiness probe failed: HTTP 500", NOON - timedelta(hours=1))
    harness.cluster.events[UID] = [old]
    await harness.reconcile(KEY)
    harness.remember(pod_events={})

    assert await asked_at(harness, until=60) == [0.0, 20.0, 40.0]


async def test_who_ended_it_is_asked_until_it_is_known(harness: Harness) -> None:
    """That its probes fail does not say that they ended it."""
    ended = {"exitCode": 0, "reason": "Completed", "containerID": "containerd://1"}
    container = {
        "state": {"running": {"startedAt": NOON}},
        "lastState": {"terminated": ended},
        "restartCount": 1,
    }
    harness.cluster.observation = make_observation(make_pod(container=container))
    harness.cluster.events[UID] = [make_event("Unhealthy", "Startup probe failed: no", about="mcp")]
    await harness.reconcile(KEY)
    harness.remember(pod_events={})
    # At first each second, for its words may be on their way.
    assert await asked_at(harness, until=45) == [0.0, 1.0, 2.0, 3.0, 23.0, 43.0]

    said = "Container mcp failed startup probe, will be restarted"
    harness.cluster.events[UID].append(make_event("Killing", said, about="mcp"))
    assert await asked_at(harness, until=100) == [18.0]


async def test_a_crash_that_no_probe_can_have_caused_costs_nothing(harness: Harness) -> None:
    """It was too short, or there is no such probe."""
    ended = {"exitCode": 3, "reason": "Error", "containerID": "containerd://1"}
    container = {
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }
    spec = {"containers": [{"name": "mcp", "readinessProbe": {"periodSeconds": 1}}]}
    harness.cluster.observation = make_observation(make_pod(container=container, spec=spec))

    await harness.reconcile(KEY)

    assert harness.cluster.asked == []
