"""The health that Argo CD shows for every kind of status, by running its script."""

from typing import Any

import pytest

from mcpworkload.api.reasons import AcceptedReason, AvailableReason
from mcpworkload.api.status import STATUS_DEFAULT
from tests.support.argocd import health_of

GENERATION = 3


def body(*conditions: dict[str, Any], observed: int = GENERATION) -> dict[str, Any]:
    """A workload with these conditions, the operator having seen the generation *observed*."""
    status = {"observedGeneration": observed, "conditions": list(conditions)}
    return {"metadata": {"name": "weather", "generation": GENERATION}, "status": status}


def condition(kind: str, status: str, reason: str, generation: int = GENERATION) -> dict[str, Any]:
    """A condition with a message."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "in words",
        "observedGeneration": generation,
    }


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (AvailableReason.STARTING, "Progressing"),
        ("Updating", "Progressing"),
        # Its pods are still ending.
        (AvailableReason.STOPPED, "Progressing"),
        (AvailableReason.SCALED_TO_ZERO, "Progressing"),
        (AvailableReason.UNSCHEDULABLE, "Progressing"),
        (AvailableReason.CONFIG_ERROR, "Progressing"),
        (AcceptedReason.CHILD_CONFLICT, "Progressing"),
        (AcceptedReason.APPLY_FAILED, "Progressing"),
        ("ReferenceNotFound", "Progressing"),
        ("VolumePending", "Progressing"),
        ("SomethingNew", "Degraded"),
        (AvailableReason.IMAGE_PULL_FAILED, "Degraded"),
        (AvailableReason.START_FAILED, "Degraded"),
        (AvailableReason.CRASH_LOOPING, "Degraded"),
        (AvailableReason.OOM_KILLED, "Degraded"),
    ],
)
def test_a_workload_that_is_not_ready(reason: str, expected: str) -> None:
    """What may pass by itself is waited for; what a pod of Argo CD is Degraded for is so here."""
    found = health_of(body(condition("Ready", "False", reason)))

    assert found == (expected, f"{reason}: in words")


@pytest.mark.parametrize("reason", ["Ready", "Stopped"])
def test_a_workload_that_is_as_asked_for(reason: str) -> None:
    """Stopped too: a sync would wait for ever for what is Suspended."""
    assert health_of(body(condition("Ready", "True", reason)))[0] == "Healthy"


def test_a_stalled_workload() -> None:
    """No retry helps, and its reason goes before that of Ready."""
    stalled = condition("Stalled", "True", "PatchRejected")
    ready = condition("Ready", "False", "Starting")

    assert health_of(body(ready, stalled)) == ("Degraded", "PatchRejected: in words")


def test_a_workload_that_could_not_be_read() -> None:
    """Unknown is no failure."""
    found = health_of(body(condition("Ready", "Unknown", "Unreadable")))

    assert found == ("Progressing", "Unreadable: in words")


@pytest.mark.parametrize(
    "unseen",
    [
        pytest.param(body(condition("Ready", "True", "Ready", 2), observed=2), id="changed"),
        pytest.param(body(condition("Ready", "True", "Ready", 2)), id="old condition"),
        pytest.param(body(), id="no conditions"),
        pytest.param({"metadata": {"generation": 1}, "status": dict(STATUS_DEFAULT)}, id="new"),
        pytest.param({"metadata": {"generation": 1}}, id="no status"),
    ],
)
def test_a_workload_that_the_operator_has_not_seen(unseen: dict[str, Any]) -> None:
    """What was true of another generation says nothing."""
    assert health_of(unseen)[0] == "Progressing"
