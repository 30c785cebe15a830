"""A server that comes and goes is told once, and so are pods that could not be made."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mcpworkload.controller.status import StatusInput
from mcpworkload.controller.status.pods import seconds_to_change
from mcpworkload.kube.objects import Pod
from tests.support.parsed import NOON, make_event, make_observation, make_pod, make_workload
from tests.support.statuses import status_for, status_of, verdicts

QUOTA = "create Pod {} in StatefulSet weather failed error: exceeded quota"


def ago(seconds: float) -> datetime:
    """A moment before noon."""
    return NOON - timedelta(seconds=seconds)


def back(ready_for: float, running_for: float | None = None) -> Pod:
    """A pod that is ready again after an exit."""
    container = {
        "ready": True,
        "restartCount": 3,
        "state": {"running": {"startedAt": ago(running_for or ready_for)}},
        "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
    }
    return make_pod(ready=True, container=container, since=ago(ready_for))


@pytest.mark.parametrize(
    ("pod", "available"),
    [
        pytest.param(back(3), "Available=False/CrashLooping", id="ready for 3 s"),
        pytest.param(back(3, 40), "Available=False/CrashLooping", id="slow start"),
        pytest.param(back(11), "Available=True/ReplicasReady", id="ready for 11 s"),
        pytest.param(back(3, 3600), "Available=True/ReplicasReady", id="the exit is long ago"),
        pytest.param(back(-3), "Available=False/CrashLooping", id="the node's clock is ahead"),
        pytest.param(back(-900), "Available=True/ReplicasReady", id="the node's clock is wrong"),
    ],
)
def test_after_an_exit_ready_has_to_last(pod: Pod, available: str) -> None:
    """Neither Ready nor Available nor a count says otherwise."""
    status = status_of(make_observation(pod))

    is_available = available.startswith("Available=True")
    assert verdicts(status)[1] == available
    assert verdicts(status)[2].startswith(f"Ready={is_available}")
    assert status["readyReplicas"] == int(is_available)


def test_a_loop_is_one_status() -> None:
    """Ended, waiting, running, ready for a moment."""
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}
    starting = {"state": {"running": {"startedAt": ago(1)}}, "lastState": ended}
    pods = [
        make_pod(container={"state": ended}),
        make_pod(container=waiting, since=ago(500)),
        make_pod(container=starting, since=ago(500)),
        back(2),
    ]
    before: Any = status_of(make_observation(pods[0]))

    for pod in pods:
        status = status_of(make_observation(pod), before=before)
        assert status["conditions"] == before["conditions"]


def test_time_alone_brings_the_next_reconcile() -> None:
    """When a pod has been ready for long enough, or not for too long."""
    assert seconds_to_change([make_pod(ready=True)], NOON) is None
    assert seconds_to_change([back(3)], NOON) == pytest.approx(7)
    assert seconds_to_change([make_pod(since=ago(5)), back(3)], NOON) == pytest.approx(7)
    assert seconds_to_change([make_pod(since=ago(5))], NOON) == pytest.approx(15)
    assert seconds_to_change([make_pod(since=ago(500))], NOON) is None


def refused(*events: tuple[str, float], pods: tuple[Pod, ...] = (), replicas: int = 2) -> str:
    """Available, by the pods that could not be made, each so many seconds ago."""
    failed_creates = [
        make_event("FailedCreate", QUOTA.format(pod), ago(age)) for pod, age in events
    ]
    inputs = StatusInput.of(make_workload(replicas=replicas))
    observation = make_observation(*pods, failed_creates=failed_creates)
    available = status_for(inputs, observation)["conditions"][1]
    return f"{available['reason']}: {available['message']}"


def test_a_pod_that_cannot_be_made() -> None:
    """The first one is told of, whatever the order of the Events."""
    said = "PodRefused: pod weather-0: exceeded quota"

    assert refused(("weather-0", 5), ("weather-1", 3)) == said
    assert refused(("weather-1", 5), ("weather-0", 3)) == said


def test_a_pod_that_could_not_be_made_before() -> None:
    """It is there by now, or not asked for, or nobody has said so for long."""
    starting = "Starting: 0 of 2 replicas ready"
    first = make_pod()

    assert refused(("weather-0", 5), pods=(first,)) == starting
    assert refused(("weather-2", 5)) == starting
    assert refused(("weather-0", 3600)) == starting
    assert refused(("weather-1", 5), pods=(first,)).startswith("PodRefused: pod weather-1")


def test_one_bad_pod_of_two() -> None:
    """They serve; that one does not, and why, is the reason of Ready."""
    waiting = {"reason": "ErrImagePull", "message": "no such image"}
    broken = make_pod("weather-1", container={"state": {"waiting": waiting}})

    status = status_of(make_observation(make_pod(ready=True), broken), replicas=2)

    assert verdicts(status)[1:] == ["Available=True/ReplicasReady", "Ready=False/ImagePullFailed"]
    ready = status["conditions"][2]
    assert ready["message"] == "pod weather-1, container mcp: no such image"
