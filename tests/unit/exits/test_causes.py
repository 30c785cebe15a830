"""Who ended a container: its probe, a hook, or nobody but itself."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.exits import find_cause, may_be_the_kubelets
from mcpworkload.kube.objects import Event, Pod, Terminated
from tests.support.parsed import NOON, make_event, make_pod

PROBE = {"periodSeconds": 2, "failureThreshold": 5}
SPEC = {"containers": [{"name": "mcp", "startupProbe": PROBE, "livenessProbe": PROBE}]}
REFUSED = "Startup probe failed: dial tcp 10.0.0.7:8080: connect: connection refused"
TOLD = {
    "pod": "weather-0",
    "container": "mcp",
    "containerID": "before",
    "exitCode": 0,
    "reason": "ProbeFailed",
    "message": "Startup probe failed: HTTP 500",
}


def moment(second: float) -> datetime:
    """That long after noon."""
    return NOON + timedelta(seconds=second)


def end(code: int = 0, life: float = 10, at: float = 100, reason: str = "Completed") -> Terminated:
    """An end at second *at*, after a life of so many seconds."""
    return Terminated(code, 0, reason, "", moment(at - life), moment(at), f"id-{at}")


def killing(at: float, probe: str = "startup", name: str = "mcp", count: int = 1) -> Event:
    """The kubelet ends a container for a probe."""
    said = f"Container {name} failed {probe} probe, will be restarted"
    event = make_event("Killing", said, moment(at), name)
    event.count = count
    return event


def unhealthy(at: float, said: str = REFUSED, name: str = "mcp", count: int = 1) -> Event:
    """A probe fails."""
    event = make_event("Unhealthy", said, moment(at), name)
    event.count = count
    return event


def combined(event: Event) -> Event:
    """As the kubelet writes it once there are many alike."""
    event.message = f"(combined from similar events): {event.message}"
    return event


def pod_with(spec: dict[str, Any] | None = None) -> Pod:
    """A pod of that spec."""
    return make_pod(spec=SPEC if spec is None else spec)


def cause_of(ended: Terminated, *events: Event, told: Any = None) -> str:
    """Reason and words; empty where it ended by itself."""
    cause = find_cause(pod_with(), "mcp", ended, events, told)
    return f"{cause.reason}: {cause.message}" if cause else ""


@given(st.integers(0, 255), st.integers(0, 30), st.sampled_from(["startup", "liveness"]))
def test_a_kill_is_a_kill_whatever_the_code(code: int, restarts: int, probe: str) -> None:
    """And however often it has happened before: the Event counts them."""
    said = f"{probe.capitalize()} probe failed: HTTP 500"
    events = [unhealthy(98, said, count=5 * restarts), killing(99, probe, count=restarts)]
    ended = end(code, reason="Error" if code else "Completed")
    assert cause_of(ended, *events) == f"ProbeFailed: {said}"


@pytest.mark.parametrize(
    ("ended", "events", "said"),
    [
        pytest.param(
            end(), [combined(unhealthy(98)), combined(killing(99))], f"ProbeFailed: {REFUSED}",
            id="told together with others",
        ),
        pytest.param(
            end(at=130, life=40), [unhealthy(98), killing(99)], f"ProbeFailed: {REFUSED}",
            id="a server that takes its time to end",
        ),
        pytest.param(
            end(), [killing(99, "liveness"), unhealthy(98)],
            "ProbeFailed: Liveness probe failed", id="the complaint itself is lost",
        ),
        pytest.param(
            end(3, reason="Error"), [unhealthy(98, "Readiness probe failed: HTTP 500")], "",
            id="a crash beside a readiness probe that fails",
        ),
        pytest.param(
            end(137, reason="Error"), [unhealthy(98)], "", id="killed by somebody else"
        ),
        pytest.param(
            end(3, reason="Error"), [unhealthy(40), killing(45)], "",
            id="a crash after an earlier kill",
        ),
        pytest.param(
            end(0), [killing(130), unhealthy(129)], "", id="the next life is killed"
        ),
        pytest.param(
            end(), [unhealthy(98, name="proxy"), killing(99, name="proxy")], "",
            id="another container",
        ),
        pytest.param(
            end(life=2), [unhealthy(99), killing(99)], "", id="too short a life for any probe"
        ),
        pytest.param(
            end(137, reason="OOMKilled"), [unhealthy(98), killing(99)], "", id="out of memory"
        ),
        pytest.param(
            end(137, reason="ContainerStatusUnknown"), [killing(99)], "", id="nobody saw it end"
        ),
        pytest.param(
            end(143, reason="Error"),
            [make_event("Killing", "Stopping container mcp", moment(99), "mcp")],
            "",
            id="its pod was to end",
        ),
    ],
)  # fmt: skip
def test_which_ends_are_a_probes_doing(ended: Terminated, events: list[Event], said: str) -> None:
    """Only a kill of that container, in that life."""
    assert cause_of(ended, *events) == said


STARTED = make_event("Started", "Started container mcp", moment(90), "mcp")


def test_the_first_kill_of_many_is_known_by_its_time() -> None:
    """Where several ends are told at once, one Event stands for all of their kills."""
    kill = killing(399, count=7)
    kill.first_timestamp = moment(99)
    for at, said in ((100, f"ProbeFailed: {REFUSED}"), (200, ""), (400, f"ProbeFailed: {REFUSED}")):
        assert cause_of(end(at=at), unhealthy(398), kill) == said


@pytest.mark.parametrize(
    ("ended", "events", "is_kept"),
    [
        pytest.param(end(0), [], True, id="Events are gone"),
        pytest.param(end(0), [unhealthy(50, count=24)], True, id="the kubelet's budget is spent"),
        pytest.param(end(0), [STARTED], False, id="the kubelet still says what it does"),
        pytest.param(end(3), [], False, id="it ends otherwise"),
        pytest.param(end(0, life=2), [], False, id="too short a life"),
    ],
)
def test_the_last_cause_is_kept(ended: Terminated, events: list[Event], is_kept: bool) -> None:
    """As long as it ends in the same way, and nothing could say more."""
    said = "ProbeFailed: Startup probe failed: HTTP 500" if is_kept else ""
    assert cause_of(ended, *events, told=TOLD) == said


def test_what_was_reported_of_an_exit_stays() -> None:
    """Whatever the Events say an hour later."""
    ended = msgspec.structs.replace(end(0), container_id="before")
    assert cause_of(ended, STARTED, told=TOLD) == "ProbeFailed: Startup probe failed: HTTP 500"


def test_a_hook_that_fails() -> None:
    """The kubelet ends the container for it, with the code of a kill."""
    spec = {"containers": [{"name": "mcp", "lifecycle": {"postStart": {"exec": {}}}}]}
    event = make_event("FailedPostStartHook", "PostStart hook failed", moment(99), "mcp")
    cause = find_cause(pod_with(spec), "mcp", end(137, 1, reason="Error"), [event])
    assert cause is not None
    assert (cause.reason, cause.message) == ("PostStartHookError", "PostStart hook failed")


@pytest.mark.parametrize(
    ("container", "is_possible"),
    [
        pytest.param({"name": "mcp"}, False, id="neither probe nor hook"),
        pytest.param({"name": "mcp", "startupProbe": {"failureThreshold": 2}}, True, id="10 s"),
        pytest.param({"name": "mcp", "livenessProbe": {}}, False, id="three times 10 s"),
        pytest.param(
            {"name": "mcp", "livenessProbe": {"periodSeconds": 1}}, True, id="each second"
        ),
        pytest.param(
            {"name": "mcp", "readinessProbe": {"periodSeconds": 1}}, False, id="readiness"
        ),
        pytest.param({"name": "other"}, True, id="not known"),
    ],
)
def test_when_no_events_have_to_be_read(container: dict[str, Any], is_possible: bool) -> None:
    """A container that no probe can have ended costs no list of Events."""
    pod = pod_with({"containers": [container]})
    assert may_be_the_kubelets(pod, "mcp", end(life=10)) is is_possible


@pytest.mark.parametrize(("life", "is_possible"), [(2, False), (20, True), (86400, False)])
def test_a_startup_probe_ends_no_old_server(life: float, is_possible: bool) -> None:
    """Once a server has started, that probe is asked no more."""
    pod = pod_with({"containers": [{"name": "mcp", "startupProbe": PROBE}]})
    assert may_be_the_kubelets(pod, "mcp", end(life=life)) is is_possible
