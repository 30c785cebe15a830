"""The table of the conditions, row by row."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import (
    ApplyFailed,
    ChildConflict,
    ChildForbidden,
    InvalidSpec,
    Refusal,
    Rejected,
)
from mcpworkload.controller.plan.comparison import Drift
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.status import StatusInput
from mcpworkload.controller.status.conditions import MAX_MESSAGE
from mcpworkload.kube.objects import Pod
from tests.support.parsed import (
    NOON,
    make_body,
    make_observation,
    make_pod,
    make_service,
    make_statefulset,
    make_workload,
)
from tests.support.statuses import LEAVING, OLD, READY, status_for, status_of, verdicts
from tests.support.stdio_specs import COMMAND, stdio

STARTING = make_pod()
STATEFUL_SET = ChildId("StatefulSet", "weather")
UNOBSERVED = make_statefulset(generation=2, observed=1)


@pytest.mark.parametrize(
    ("observation", "replicas", "available", "ready"),
    [
        pytest.param(Observation(), 1, "False/Starting", "False/Starting", id="no children yet"),
        pytest.param(make_observation(), 1, "False/Starting", "False/Starting", id="no pod yet"),
        pytest.param(
            make_observation(STARTING), 1, "False/Starting", "False/Starting", id="pod starting"
        ),
        pytest.param(make_observation(READY), 1, "True/ReplicasReady", "True/Ready", id="ready"),
        pytest.param(
            make_observation(OLD), 1, "True/ReplicasReady", "False/Updating", id="old revision"
        ),
        pytest.param(
            make_observation(READY, statefulset=UNOBSERVED),
            1,
            "True/ReplicasReady",
            "False/Updating",
            id="controller has not acted",
        ),
        pytest.param(
            make_observation(LEAVING), 1, "False/Starting", "False/Starting", id="pod leaving"
        ),
        pytest.param(
            make_observation(READY, make_pod("weather-1")),
            2,
            "True/ReplicasReady",
            "False/Updating",
            id="one of two",
        ),
        pytest.param(
            make_observation(READY, make_pod("weather-1")),
            3,
            "False/Starting",
            "False/Starting",
            id="one of three",
        ),
        pytest.param(
            make_observation(READY, make_pod("weather-1", terminating=True)),
            1,
            "True/ReplicasReady",
            "False/Updating",
            id="one too many",
        ),
        pytest.param(make_observation(), 0, "False/ScaledToZero", "True/Ready", id="none wanted"),
        pytest.param(
            make_observation(LEAVING),
            0,
            "False/ScaledToZero",
            "False/Updating",
            id="none wanted, one left",
        ),
    ],
)
def test_available_and_ready(
    observation: Observation, replicas: int, available: str, ready: str
) -> None:
    """Available: can serve. Ready: is as desired."""
    found = verdicts(status_of(observation, replicas=replicas))

    assert found == ["Accepted=True/Accepted", f"Available={available}", f"Ready={ready}"]


@pytest.mark.parametrize(
    ("refusal", "reason", "stalled"),
    [
        (InvalidSpec("spec.image: missing"), "InvalidSpec", ["Stalled=True/InvalidSpec"]),
        (Rejected("the API server refuses"), "Rejected", ["Stalled=True/Rejected"]),
        (ChildForbidden("exceeded quota"), "Rejected", []),
        (ChildConflict("taken"), "ChildConflict", []),
        (ApplyFailed("webhook down"), "ApplyFailed", []),
    ],
)
def test_a_refusal_is_the_reason_of_ready(
    refusal: Refusal, reason: str, stalled: list[str]
) -> None:
    """Also while pods of an older spec serve on; stalled is what only a new spec can mend."""
    status = status_of(make_observation(READY), refusal)

    assert verdicts(status) == [
        f"Accepted=False/{reason}",
        "Available=True/ReplicasReady",
        f"Ready=False/{reason}",
        *stalled,
    ]
    assert status["conditions"][0]["message"] == str(refusal)


def test_without_children_available_points_to_accepted() -> None:
    """Nothing is starting."""
    status = status_of(Observation(), InvalidSpec("no"))

    assert "Available=False/NotAccepted" in verdicts(status)


def test_a_body_that_does_not_parse_keeps_what_was_true() -> None:
    """URL and selector were written for a spec that was valid."""
    observation = make_observation(READY, children=[make_service()])
    before = status_of(observation)
    inputs = StatusInput.of_invalid(make_body(status=before, image=7))

    status = status_for(inputs, observation, refusal=InvalidSpec("no"))

    assert status["url"] == before["url"] == "http://weather.team.svc:8080/mcp"
    assert "Available=True/ReplicasReady" in verdicts(status)


def test_times_change_with_the_status_alone() -> None:
    """A second look at the same world gives the same status."""
    before = status_of(make_observation(STARTING))
    later = NOON + timedelta(hours=1)
    inputs = StatusInput.of(make_workload(status=before))

    same = status_for(inputs, make_observation(STARTING), now=later)
    changed = status_for(inputs, make_observation(READY), now=later)

    assert same == before
    times = [condition["lastTransitionTime"] for condition in changed["conditions"]]
    assert times == ["2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z", "2026-11-23T13:00:00Z"]


def test_counts() -> None:
    """All pods, those that serve, those of the newest template."""
    pods = (OLD, make_pod("weather-1"), make_pod("weather-2", terminating=True))

    status = status_of(make_observation(*pods), replicas=3)

    counts = [status[key] for key in ("replicas", "readyReplicas", "updatedReplicas")]
    assert counts == [3, 1, 1]
    assert status["selector"] == "mcpworkload.dev/workload=weather"
    assert status["observedGeneration"] == 1


def test_what_an_apply_will_overtake_is_not_ready() -> None:
    """The cache shows the pods of the old generation, and they are fine."""
    applied: Mapping[ChildId, Applied] = {STATEFUL_SET: Applied("d", "sts", version=5000)}

    inputs = StatusInput.of(make_workload())
    status = status_for(inputs, make_observation(READY), applied)

    assert verdicts(status)[2] == "Ready=False/Updating"


def test_a_field_that_the_api_server_does_not_keep_is_reported() -> None:
    """It is accepted all the same."""
    drifts = {STATEFUL_SET: Drift("spec.updateStrategy", fingerprint="f")}
    applied: Mapping[ChildId, Applied] = {STATEFUL_SET: Applied("d", "sts", 200, futile="f")}

    inputs = StatusInput.of(make_workload())
    status = status_for(inputs, make_observation(READY), applied, drifts=drifts)

    message = status["conditions"][0]["message"]
    assert message == "the API server does not keep spec.updateStrategy of the StatefulSet weather"


@pytest.mark.parametrize(
    ("additions", "words"),
    [
        pytest.param((), "the workload's objects are as the spec asks", id="nothing else"),
        pytest.param(
            ("spec.template.spec.hostNetwork (kubectl-patch)",),
            "the workload's objects are as the spec asks, and others have added to them; the "
            "StatefulSet weather also has spec.template.spec.hostNetwork (kubectl-patch)",
            id="one",
        ),
        pytest.param(
            tuple(f"spec.{name} (x)" for name in "gfedcba"),
            "the workload's objects are as the spec asks, and others have added to them; the "
            "StatefulSet weather also has spec.a (x), spec.b (x), spec.c (x), spec.d (x), "
            "spec.e (x) and 2 more",
            id="many, in an order of their own",
        ),
    ],
)
def test_what_other_clients_added_is_reported(additions: tuple[str, ...], words: str) -> None:
    """It stays, and yet the objects are not what the spec alone would make."""
    drifts = {STATEFUL_SET: Drift(additions=additions)}

    condition = status_of(make_observation(READY), drifts=drifts)["conditions"][0]

    assert (condition["status"], condition["message"]) == ("True", words)


def test_another_log_tail_is_no_news() -> None:
    """A server that dies with a new time stamp each time is one write, not a stream."""

    def looping(tail: str, code: int = 3) -> Pod:
        terminated = {"exitCode": code, "reason": "Error", "message": tail}
        return make_pod(container={"lastState": {"terminated": terminated}, "restartCount": 1})

    first = status_of(make_observation(looping("12:00 no key")))

    assert status_of(make_observation(looping("12:01 no key")), before=first) == first
    assert status_of(make_observation(looping("12:01 no key", code=4)), before=first) != first


def test_a_message_is_cut_before_the_api_server_would_refuse_it() -> None:
    """Names and keys that it quotes may be as long as a spec."""
    status = status_of(Observation(), InvalidSpec("x" * 100_000))

    accepted, _, ready, _ = status["conditions"]
    assert accepted["message"] == ready["message"] == "x" * (MAX_MESSAGE - 3) + "..."


UNREADABLE = replace(make_observation(), unreadable="pods is forbidden")


@pytest.mark.parametrize(
    ("spec", "refusal", "said"),
    [
        pytest.param(
            {},
            None,
            ["Available=Unknown/PodsUnreadable", "Ready=Unknown/PodsUnreadable"],
            id="runs",
        ),
        pytest.param(
            {"operatingMode": "Stopped"},
            None,
            ["Available=False/Stopped", "Ready=Unknown/PodsUnreadable"],
            id="stopped, and perhaps still ending",
        ),
        pytest.param(
            {},
            ChildConflict("taken"),
            ["Available=Unknown/PodsUnreadable", "Ready=False/ChildConflict"],
            id="not accepted",
        ),
    ],
)
def test_pods_that_cannot_be_read(spec: Any, refusal: Refusal | None, said: list[str]) -> None:
    """That we could not look does not mean that nothing is there; the counts stay."""
    before = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}

    status = status_of(UNREADABLE, refusal, before, **spec)

    assert verdicts(status)[1:] == said
    assert {key: status[key] for key in before} == before
    ready = status["conditions"][-1]
    assert refusal or ready["message"] == "the operator cannot read pods: pods is forbidden"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param(
            stdio(**COMMAND),
            "the bridge is in the server's container (Inject, because command is set)",
            id="inject",
        ),
        pytest.param(
            stdio(),
            "attaches to the server (Attach, because command is not set); to have it in the "
            "server's container, faster and without rights, write the image's entry point in "
            "command",
            id="attach",
        ),
        pytest.param(
            stdio({"bridge": "Attach"}, **COMMAND),
            "(Attach, as asked for); to have it in the server's container, faster and without "
            "rights, leave bridge out",
            id="attach, although it need not",
        ),
        pytest.param(stdio({"bridge": "None"}), "nothing is served (bridge is None)", id="none"),
    ],
)
def test_accepted_says_how_a_stdio_server_is_served(spec: dict[str, Any], words: str) -> None:
    """And why so, since the spec may have left it open."""
    status = status_of(make_observation(READY, children=[make_service()]), **spec)

    message = status["conditions"][0]["message"]
    assert message.startswith("the workload's objects are as the spec asks; ")
    assert words in message
    assert status["url"] == ("" if "None" in words else "http://weather.team.svc:8080/mcp")
