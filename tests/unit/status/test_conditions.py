"""The table of the conditions, row by row."""

from datetime import timedelta
from typing import Any

import pytest

from mcpworkload.errors import ChildConflict, InvalidSpec, Rejected
from mcpworkload.observation import Observation
from mcpworkload.status.conditions import Subject, build_status
from tests.unit.builders import (
    NOON,
    make_body,
    make_observation,
    make_pod,
    make_statefulset,
    make_workload,
)

READY = make_pod(ready=True)
OLD = make_pod(ready=True, revision="old")
SECOND = make_pod("weather-1", ready=True)
OLD_SECOND = make_pod("weather-1", ready=True, revision="old")
LEAVING = make_pod(ready=True, terminating=True)
STARTING = make_pod()
UNOBSERVED = make_statefulset(generation=2, observed=1)


def status_of(
    observation: Observation, refusal: Any = None, before: Any = None, **spec: Any
) -> dict[str, Any]:
    """The status at noon."""
    subject = Subject.of(make_workload(status=before, **spec))
    return build_status(subject, observation, refusal, NOON)


def verdicts(status: dict[str, Any]) -> list[str]:
    """Each condition as "Type=Status/Reason"."""
    return ["{type}={status}/{reason}".format(**condition) for condition in status["conditions"]]


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
    ("refusal", "reason"),
    [
        (InvalidSpec("spec.image: missing"), "InvalidSpec"),
        (Rejected("the API server refuses"), "Rejected"),
        (ChildConflict("taken"), "ChildConflict"),
    ],
)
def test_a_refusal_is_the_reason_of_ready(refusal: Exception, reason: str) -> None:
    """Also while pods of an older spec serve on."""
    status = status_of(make_observation(READY), refusal)

    assert verdicts(status) == [
        f"Accepted=False/{reason}",
        "Available=True/ReplicasReady",
        f"Ready=False/{reason}",
    ]
    assert status["conditions"][0]["message"] == str(refusal)


def test_without_children_available_points_to_accepted() -> None:
    """Nothing is starting."""
    status = status_of(Observation(), InvalidSpec("no"))

    assert "Available=False/NotAccepted" in verdicts(status)


def test_a_body_that_does_not_parse_keeps_what_was_true() -> None:
    """URL and selector were written for a spec that was valid."""
    before = status_of(make_observation(READY))
    subject = Subject.of_invalid(make_body(status=before, image=7))

    status = build_status(subject, make_observation(READY), InvalidSpec("no"), NOON)

    assert status["url"] == before["url"]
    assert "Available=True/ReplicasReady" in verdicts(status)


def test_times_change_with_the_status_alone() -> None:
    """A second look at the same world gives the same status."""
    before = status_of(make_observation(STARTING))
    later = NOON + timedelta(hours=1)
    subject = Subject.of(make_workload(status=before))

    same = build_status(subject, make_observation(STARTING), None, later)
    changed = build_status(subject, make_observation(READY), None, later)

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


@pytest.mark.parametrize(
    ("pods", "available", "ready", "message"),
    [
        pytest.param((), "False/Stopped", "True/Stopped", "nothing runs", id="at rest"),
        pytest.param(
            (LEAVING,), "False/Stopped", "False/Updating", "1 pod still to end", id="one to end"
        ),
    ],
)
def test_a_stopped_workload_is_ready_when_no_pods_remain(
    pods: Any, available: str, ready: str, message: str
) -> None:
    """As desired, though it can't serve; how many replicas it has is for the start."""
    status = status_of(make_observation(*pods), replicas=3, operatingMode="Stopped")

    assert verdicts(status)[1:] == [f"Available={available}", f"Ready={ready}"]
    assert status["conditions"][2]["message"] == message


@pytest.mark.parametrize(
    ("allowed", "available"),
    [(None, "False/Starting"), (2, "False/Starting"), (3, "True/ReplicasReady"), (9, "True/Repl")],
)
def test_available_honours_max_unavailable(allowed: int | None, available: str) -> None:
    """One of four is enough where three may be missing; none is never enough."""
    rolling = {} if allowed is None else {"maxUnavailable": allowed}
    spec = {"replicas": 4, "updateStrategy": {"rollingUpdate": rolling}}

    found = verdicts(status_of(make_observation(READY), **spec))
    without_pods = verdicts(status_of(make_observation(), **spec))

    assert found[1].startswith(f"Available={available}")
    assert without_pods[1] == "Available=False/Starting"


@pytest.mark.parametrize(
    ("strategy", "pods", "ready", "message"),
    [
        pytest.param(
            {"rollingUpdate": {"partition": 1}},
            (OLD, SECOND),
            "True/Ready",
            "2 of 2 replicas ready, 1 updated",
            id="up to the partition",
        ),
        pytest.param(
            {"rollingUpdate": {"partition": 1}},
            (OLD, OLD_SECOND),
            "False/Updating",
            "2 of 2 replicas ready, 0 updated",
            id="not yet up to the partition",
        ),
        pytest.param(
            {"rollingUpdate": {"partition": 9}},
            (OLD, OLD_SECOND),
            "True/Ready",
            "2 of 2 replicas ready, 0 updated",
            id="a partition beyond the replicas",
        ),
        pytest.param(
            {"type": "OnDelete"},
            (OLD, OLD_SECOND),
            "True/Ready",
            "2 of 2 replicas ready, 0 updated",
            id="the user deletes the pods",
        ),
        pytest.param(
            {"type": "OnDelete"},
            (OLD,),
            "False/Updating",
            "1 of 2 replicas ready, 0 updated",
            id="one is missing all the same",
        ),
    ],
)
def test_ready_asks_only_for_the_updates_that_were_asked_for(
    strategy: dict[str, Any], pods: Any, ready: str, message: str
) -> None:
    """As `kubectl rollout status` and kstatus see a StatefulSet."""
    status = status_of(make_observation(*pods), replicas=2, updateStrategy=strategy)

    assert verdicts(status)[2] == f"Ready={ready}"
    assert status["conditions"][2]["message"] == message


@pytest.mark.parametrize(
    ("counted", "available", "ready"),
    [(0, "False/Starting", "False/Starting"), (1, "True/ReplicasReady", "True/Ready")],
)
def test_a_pod_counts_after_min_ready_seconds(counted: int, available: str, ready: str) -> None:
    """The StatefulSet controller has the clock."""
    observation = make_observation(READY, statefulset=make_statefulset(available=counted))

    status = status_of(observation, minReadySeconds=30)

    assert verdicts(status)[1:] == [f"Available={available}", f"Ready={ready}"]
    assert status["conditions"][1]["message"] == f"{counted} of 1 replicas available"


def test_a_field_that_the_cluster_does_not_take_is_said() -> None:
    """Accepted it is, and the author learns what has no effect."""
    statefulset = make_statefulset()
    statefulset.refused = "spec.updateStrategy.rollingUpdate.maxUnavailable"

    condition = status_of(make_observation(READY, statefulset=statefulset))["conditions"][0]

    assert condition["status"] == "True"
    assert condition["message"].endswith(
        "no feature for the StatefulSet's spec.updateStrategy.rollingUpdate.maxUnavailable"
    )
