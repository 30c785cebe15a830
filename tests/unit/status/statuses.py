"""Statuses of a workload, made and read in one line."""

from typing import Any

from mcpworkload.observation import Observation
from mcpworkload.status.conditions import Subject, build_status
from tests.unit.builders import NOON, make_pod, make_workload

READY = make_pod(ready=True)
OLD = make_pod(ready=True, revision="old")
SECOND = make_pod("weather-1", ready=True)
OLD_SECOND = make_pod("weather-1", ready=True, revision="old")
LEAVING = make_pod(ready=True, terminating=True)


def status_of(
    observation: Observation, refusal: Any = None, before: Any = None, **spec: Any
) -> dict[str, Any]:
    """The status at noon."""
    subject = Subject.of(make_workload(status=before, **spec))
    return build_status(subject, observation, {}, refusal, NOON)


def verdicts(status: dict[str, Any]) -> list[str]:
    """Each condition as "Type=Status/Reason"."""
    return ["{type}={status}/{reason}".format(**condition) for condition in status["conditions"]]
