"""What the operator writes into status."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from mcpworkload.api.status import STATUS_DEFAULT, Condition, WorkloadStatus

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def make_condition(moment: datetime | str = NOON) -> Condition:
    """A condition that became true at *moment*."""
    return Condition.model_validate(
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": 2,
            "lastTransitionTime": moment,
            "reason": "AsDesired",
            "message": "All pods are ready.",
        }
    )


def test_status_as_the_api_gets_it() -> None:
    """Whole: the API's names, plain data, times as text."""
    status = WorkloadStatus(
        observed_generation=2,
        replicas=1,
        ready_replicas=1,
        updated_replicas=1,
        selector="mcpworkload.dev/workload=weather",
        url="http://weather.tools.svc:8080/mcp",
        conditions=[make_condition()],
    )

    assert status.to_api() == {
        "observedGeneration": 2,
        "replicas": 1,
        "readyReplicas": 1,
        "updatedReplicas": 1,
        "selector": "mcpworkload.dev/workload=weather",
        "url": "http://weather.tools.svc:8080/mcp",
        "restarts": 0,
        "pods": [],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "observedGeneration": 2,
                "lastTransitionTime": "2026-01-01T12:00:00Z",
                "reason": "AsDesired",
                "message": "All pods are ready.",
            }
        ],
    }
    assert status.to_api()["conditions"] is not status.to_api()["conditions"]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("2026-01-01T12:00:00Z", id="as the API server sends it"),
        pytest.param(NOON.replace(microsecond=7), id="with fractions"),
        pytest.param(NOON.astimezone(timezone(timedelta(hours=2))), id="in another zone"),
    ],
)
def test_a_moment_survives_the_round_trip(moment: datetime | str) -> None:
    """Stored and read again it is the same, so that comparing statuses means something."""
    stored = WorkloadStatus(conditions=[make_condition(moment)]).to_api()

    again = WorkloadStatus.model_validate(stored)

    assert again.conditions[0].last_transition_time == NOON
    assert again.to_api() == stored


def test_a_moment_without_zone_is_refused() -> None:
    """Local time has no place in an API."""
    with pytest.raises(ValidationError, match="timezone"):
        make_condition(datetime(2026, 1, 1, 12, 0))


def test_an_empty_status_is_the_default() -> None:
    """Before the first look the generation is the one that the CRD defaults to."""
    assert WorkloadStatus().observed_generation == STATUS_DEFAULT["observedGeneration"] == -1
