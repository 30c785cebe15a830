"""Statuses of a workload, made and read in one line."""

from datetime import datetime
from typing import Any

from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.status import StatusInput, build_status, report_exits
from tests.support.parsed import NOON, make_pod, make_workload

READY = make_pod(ready=True)
OLD = make_pod(ready=True, revision="old")
SECOND = make_pod("weather-1", ready=True)
OLD_SECOND = make_pod("weather-1", ready=True, revision="old")
LEAVING = make_pod(ready=True, terminating=True)


def status_of(
    observation: Observation,
    refusal: Any = None,
    before: Any = None,
    drifts: Any = None,
    **spec: Any,
) -> dict[str, Any]:
    """The status at noon."""
    inputs = StatusInput.of(make_workload(status=before, **spec))
    return status_for(inputs, observation, refusal=refusal, drifts=drifts)


def status_for(
    inputs: StatusInput,
    observation: Observation,
    applied: Any = None,
    refusal: Any = None,
    now: datetime = NOON,
    drifts: Any = None,
) -> dict[str, Any]:
    """The status of *inputs*."""
    ends = report_exits(inputs, observation)
    return build_status(inputs, observation, applied or {}, drifts or {}, refusal, ends, now)


def verdicts(status: dict[str, Any]) -> list[str]:
    """Each condition as "Type=Status/Reason"."""
    return ["{type}={status}/{reason}".format(**condition) for condition in status["conditions"]]
