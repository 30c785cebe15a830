"""A pod that no node takes because of a claim: what is said about the claim."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from mcpworkload.controller.status.problems import awaited_claims, first_problem, suspects
from mcpworkload.kube.objects import Event
from tests.support.parsed import NOON, make_pending_pod

LONG_AGO = NOON - timedelta(minutes=5)


def said_of_claim(reason: str, message: str, seconds_ago: float = 60) -> Event:
    """What the volume controller said."""
    content: dict[str, Any] = {
        "metadata": {"name": "event"},
        "involvedObject": {"kind": "PersistentVolumeClaim", "name": "data-weather-0"},
        "reason": reason,
        "message": message,
        "lastTimestamp": NOON - timedelta(seconds=seconds_ago),
    }
    return msgspec.convert(content, Event)


FAILED = said_of_claim("ProvisioningFailed", 'storageclass "fast" not found')


@pytest.mark.parametrize(
    ("events", "said"),
    [
        pytest.param(
            [FAILED],
            'pod weather-0: claim data-weather-0: storageclass "fast" not found',
            id="why it is not bound",
        ),
        pytest.param(
            [],
            "pod weather-0: no node fits: pod has unbound immediate PersistentVolumeClaims",
            id="nobody says",
        ),
        pytest.param(
            [FAILED, said_of_claim("ProvisioningSucceeded", "done", 1)],
            "pod weather-0: no node fits: pod has unbound immediate PersistentVolumeClaims",
            id="no longer true",
        ),
    ],
)
def test_a_claim_that_is_not_bound(events: list[Event], said: str) -> None:
    """The scheduler does not know why; whoever provides volumes does."""
    pod = make_pending_pod()

    problem = first_problem([pod], NOON, {pod.metadata.uid: events})

    assert problem is not None
    assert (problem.reason, problem.message()) == ("VolumePending", said)
    assert suspects([pod], NOON) == [pod]
    assert awaited_claims(pod) == ["data-weather-0"]


def test_a_claim_takes_its_time() -> None:
    """Each is pending at first."""
    pod = make_pending_pod(since=NOON - timedelta(seconds=5))

    assert first_problem([pod], NOON, {}) is None
    assert suspects([pod], NOON) == []


def test_claims_are_not_asked_about_for_other_reasons() -> None:
    """A pod with claims may wait for memory."""
    assert awaited_claims(make_pending_pod("0/1 nodes are available: 1 Insufficient memory.")) == []
