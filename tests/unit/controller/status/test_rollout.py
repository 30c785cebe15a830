"""What the fields of rest and rollout make of the conditions."""

from typing import Any

import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.controller.plan.comparison import Drift
from tests.support.parsed import make_observation, make_statefulset
from tests.support.statuses import (
    LEAVING,
    OLD,
    OLD_SECOND,
    READY,
    SECOND,
    status_of,
    verdicts,
)


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


def test_a_field_that_the_cluster_does_not_take_is_reported() -> None:
    """Accepted it is, and the author learns what has no effect."""
    unsupported = "spec.updateStrategy.rollingUpdate.maxUnavailable"
    drifts = {ChildId("StatefulSet", "weather"): Drift(unsupported=unsupported)}

    condition = status_of(make_observation(READY), drifts=drifts)["conditions"][0]

    assert condition["status"] == "True"
    assert condition["message"] == (
        "this cluster has no feature for spec.updateStrategy.rollingUpdate.maxUnavailable"
        " of the StatefulSet weather"
    )
