"""A server that its probe has ended is ProbeFailing everywhere, whatever code it ended with."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.status import describe, report_exits
from mcpworkload.controller.status.inputs import StatusInput
from mcpworkload.exits import ObservedExits
from tests.support.parsed import NOON, make_event, make_observation, make_pod, make_workload
from tests.support.statuses import status_for

SAID = "dial tcp 10.0.0.7:8080: connect: connection refused"
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting"}}


def killed(code: int, restarts: int, *, name: str = "mcp", is_waiting: bool = False) -> Any:
    """A pod whose container was ended by its startup probe, and waits or runs again."""
    ended = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "containerID": f"containerd://{restarts}",
        "startedAt": NOON - timedelta(seconds=20),
        "finishedAt": NOON - timedelta(seconds=10),
    }
    status = {
        "restartCount": restarts,
        "state": BACK_OFF if is_waiting else {"running": {"startedAt": NOON}},
        "lastState": {"terminated": ended},
    }
    probes = {"name": name, "startupProbe": {"periodSeconds": 1, "failureThreshold": 5}}
    if name == "mcp":
        return make_pod(container=status, spec={"containers": [probes]})
    sidecar = {**probes, "restartPolicy": "Always"}
    inits = [{"name": name, **status}]
    return make_pod(spec={"initContainers": [sidecar]}, initContainerStatuses=inits)


def seen(pod: Any, probe: str = "Startup", name: str = "mcp") -> Observation:
    """The pod, and what the kubelet said of its probe."""
    moment = NOON - timedelta(seconds=11)
    events = [
        make_event("Unhealthy", f"{probe} probe failed: {SAID}", moment, name),
        make_event(
            "Killing",
            f"Container {name} failed {probe.lower()} probe, will be restarted",
            moment,
            name,
        ),
    ]
    observed = ObservedExits(lambda _: None)
    observed.seen("team/weather", pod)
    observation = make_observation(pod)
    told = {pod.metadata.uid: events}
    return replace(observation, seen=observed.of("team/weather"), pod_events=told)


@pytest.mark.parametrize("is_waiting", [True, False], ids=["waits", "runs again"])
@pytest.mark.parametrize("restarts", [1, 2, 10])
@pytest.mark.parametrize("code", [0, 1, 130, 137, 143])
@pytest.mark.parametrize("name", ["mcp", "proxy"])
def test_status_and_exit_say_it(code: int, restarts: int, is_waiting: bool, name: str) -> None:
    """The condition, the Event of the exit and lastTermination."""
    inputs = StatusInput.of(make_workload())
    observation = seen(killed(code, restarts, name=name, is_waiting=is_waiting), name=name)

    status = status_for(inputs, observation)

    words = "Startup probe failed: dial tcp <address>:8080: connect: connection refused"
    available = status["conditions"][1]
    assert available["reason"] == "ProbeFailing"
    assert available["message"].startswith(f"pod weather-0, container {name}: {words}")
    last = status["lastTermination"]
    assert (last["reason"], last["message"], last["exitCode"]) == ("ProbeFailed", words, code)
    exit_ = report_exits(inputs, observation).news[-1]
    assert describe(exit_) == (
        f"pod weather-0, container {name}: ended by the kubelet with code {code} (ProbeFailed): "
        f"{words}"
    )


def test_words_that_come_late_are_taken_over() -> None:
    """The end was told already; what is stored of it is made right."""
    observation = seen(killed(0, 1))
    first = status_for(StatusInput.of(make_workload()), replace(observation, pod_events={}))
    assert first["lastTermination"]["reason"] == "Completed"
    assert first["conditions"][1]["reason"] == "CrashLooping"

    then = status_for(StatusInput.of(make_workload(status=first)), observation)

    assert then["restarts"] == 1
    assert then["lastTermination"]["reason"] == "ProbeFailed"
    assert then["conditions"][1]["reason"] == "ProbeFailing"


def test_it_stays_so_when_the_events_are_gone() -> None:
    """The same life, and the next ones that end alike."""
    status: Any = status_for(StatusInput.of(make_workload()), seen(killed(0, 1)))
    for restarts in (1, 2, 3):
        observation = replace(seen(killed(0, restarts)), pod_events={})
        status = status_for(StatusInput.of(make_workload(status=status)), observation)
        assert status["conditions"][1]["reason"] == "ProbeFailing"
        assert status["lastTermination"]["reason"] == "ProbeFailed"

    observation = replace(seen(killed(3, 4)), pod_events={})
    status = status_for(StatusInput.of(make_workload(status=status)), observation)
    assert status["conditions"][1]["reason"] == "CrashLooping"


def test_a_crash_beside_a_readiness_probe_stays_a_crash() -> None:
    """That probe ends nothing."""
    status = status_for(StatusInput.of(make_workload()), seen(killed(3, 2), "Readiness"))

    assert status["conditions"][1]["reason"] == "CrashLooping"
    assert status["lastTermination"]["reason"] == "Error"


def test_the_kubelets_words_are_no_log_tail() -> None:
    """Where what a server prints may not be told, what a probe said still may."""
    inputs = StatusInput.of(make_workload(reportLogTail=False))
    status = status_for(inputs, seen(killed(0, 1)))
    assert status["lastTermination"]["message"].startswith("Startup probe failed: ")
    assert "Startup probe failed: " in status["conditions"][1]["message"]
