"""
The status that is true of a workload: conditions, counts, URL.

Pure: the clock is an argument. Nothing is kept from the old status but the times at which
conditions changed, so that a status never lies for longer than one reconcile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mcpworkload import names
from mcpworkload.desired import server_url
from mcpworkload.errors import Refusal
from mcpworkload.models import Condition, ConditionStatus, Workload, WorkloadStatus
from mcpworkload.names import ChildKind
from mcpworkload.observation import Applied, Observation
from mcpworkload.reasons import AcceptedReason, AvailableReason, ConditionType, ReadyReason
from mcpworkload.status.problems import first_problem

# A rollout takes one replica at a time, so one may be missing without anything being wrong.
MAX_UNAVAILABLE = 1


@dataclass(frozen=True)
class Subject:
    """What the status is about; without a valid spec, as much of it as can be known."""

    generation: int
    #: How many pods there should be.
    replicas: int
    selector: str
    url: str
    #: The status as it is stored now.
    status: Mapping[str, Any]

    @classmethod
    def of(cls, workload: Workload) -> "Subject":
        """The subject for a workload with a valid spec."""
        return cls(
            generation=workload.generation,
            replicas=workload.spec.replicas,
            selector=f"{names.WORKLOAD_LABEL}={workload.name}",
            url=server_url(workload),
            status=workload.status,
        )

    @classmethod
    def of_invalid(cls, body: Mapping[str, Any]) -> "Subject":
        """The subject for a body that does not parse: what was true stays."""
        status = body.get("status") or {}
        return cls(
            generation=body["metadata"].get("generation", 0),
            replicas=status.get("replicas", 0),
            selector=status.get("selector", ""),
            url=status.get("url", ""),
            status=status,
        )


@dataclass(frozen=True)
class Verdict:
    """A condition without its bookkeeping."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str


def build_status(
    subject: Subject,
    observation: Observation,
    applied: Mapping[ChildKind, Applied],
    refusal: Refusal | None,
    now: datetime,
) -> dict[str, Any]:
    """
    The status to write, in the form in which it is stored.

    *applied* is what we did last, *refusal* why the spec could not be turned into children,
    None when it was.
    """
    pods = observation.pods.values()
    accepted = _accepted(observation, applied, refusal)
    available = _available(subject, observation, refusal)
    is_settled = not observation.is_settling(applied)
    verdicts = [accepted, available, _ready(subject, observation, is_settled, accepted, available)]
    if refusal is not None and refusal.is_final:
        message = "nothing is retried before the spec changes: see Accepted"
        verdicts.append(Verdict(ConditionType.STALLED, "True", refusal.reason, message))
    status = WorkloadStatus(
        observed_generation=subject.generation,
        replicas=len(pods),
        ready_replicas=sum(pod.is_ready for pod in pods),
        updated_replicas=len(observation.pods_of_update()),
        selector=subject.selector,
        url=subject.url,
        conditions=_dated(verdicts, subject, now),
    )
    return status.to_api()


def summary(status: Mapping[str, Any]) -> str:
    """The conditions of a stored status in one line, for the log."""
    return "; ".join(
        "{type}={status} {reason}: {message}".format(**condition)
        for condition in status["conditions"]
    )


def _accepted(
    observation: Observation, applied: Mapping[ChildKind, Applied], refusal: Refusal | None
) -> Verdict:
    if refusal is not None:
        return Verdict(ConditionType.ACCEPTED, "False", refusal.reason, str(refusal))
    message = "the workload's objects are as the spec asks"
    for kind, last in applied.items():
        live = observation.child(kind)
        if live is not None and last.was_futile(last.digest, live):
            message = f"the API server does not keep {live.difference} of the {kind}"
    return Verdict(ConditionType.ACCEPTED, "True", AcceptedReason.ACCEPTED, message)


def _available(subject: Subject, observation: Observation, refusal: Refusal | None) -> Verdict:
    replicas = subject.replicas
    ready = sum(pod.is_ready for pod in observation.pods.values())
    count = _count(ready, replicas)
    if replicas and ready >= max(1, replicas - MAX_UNAVAILABLE):
        return Verdict(ConditionType.AVAILABLE, "True", AvailableReason.REPLICAS_READY, count)
    if refusal is not None and observation.statefulset is None:
        reason, message = AvailableReason.NOT_ACCEPTED, "there are no pods: see Accepted"
    elif replicas == 0:
        reason, message = AvailableReason.SCALED_TO_ZERO, "replicas is 0: nothing runs"
    elif problem := first_problem(observation.pods.values()):
        reason, message = problem.reason, problem.message(_stored_message(subject))
    else:
        reason, message = AvailableReason.STARTING, count
    return Verdict(ConditionType.AVAILABLE, "False", reason, message)


def _ready(
    subject: Subject,
    observation: Observation,
    is_settled: bool,
    accepted: Verdict,
    available: Verdict,
) -> Verdict:
    replicas = subject.replicas
    updated = sum(pod.is_ready for pod in observation.pods_of_update())
    message = _count(updated, replicas)
    is_complete = updated == len(observation.pods) == replicas
    if accepted.status == "True" and is_settled and observation.statefulset and is_complete:
        return Verdict(ConditionType.READY, "True", ReadyReason.READY, message)
    for cause in (accepted, available):
        if cause.status != "True" and cause.reason != AvailableReason.SCALED_TO_ZERO:
            return Verdict(ConditionType.READY, "False", cause.reason, cause.message)
    return Verdict(ConditionType.READY, "False", ReadyReason.UPDATING, message)


def _stored_message(subject: Subject) -> str:
    conditions = subject.status.get("conditions", ())
    stored = (each["message"] for each in conditions if each["type"] == ConditionType.AVAILABLE)
    return str(next(stored, ""))


def _count(ready: int, replicas: int) -> str:
    return f"{ready} of {replicas} replicas ready"


def _dated(verdicts: Iterable[Verdict], subject: Subject, now: datetime) -> list[Condition]:
    before: Mapping[str, Mapping[str, Any]] = {
        condition["type"]: condition for condition in subject.status.get("conditions", ())
    }
    dated = []
    for verdict in verdicts:
        old = before.get(verdict.type)
        since = old["lastTransitionTime"] if old and old["status"] == verdict.status else now
        dated.append(
            Condition(
                type=verdict.type,
                status=verdict.status,
                observed_generation=subject.generation,
                last_transition_time=since,
                reason=verdict.reason,
                message=verdict.message,
            )
        )
    return dated
