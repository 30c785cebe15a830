"""
Build the status of a workload: conditions, counts, URL.

Pure: the clock is an argument. Of the old status, only the times at which conditions changed are
kept, and the message of a problem that still holds; so a status is wrong for one reconcile at most.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from mcpworkload.api.names import ChildId
from mcpworkload.api.permissions import Permissions
from mcpworkload.api.reasons import (
    AcceptedReason,
    AvailableReason,
    ConditionType,
    IsolatedReason,
    ReadyReason,
)
from mcpworkload.api.refusals import Refusal
from mcpworkload.api.status import Condition, ConditionStatus, WorkloadStatus
from mcpworkload.controller.desired import NO_GRANTS
from mcpworkload.controller.plan.comparison import Drift
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.status import diagnosis
from mcpworkload.controller.status.effects import state_of
from mcpworkload.controller.status.exits import ExitReport
from mcpworkload.controller.status.hints import hint_of
from mcpworkload.controller.status.inputs import StatusInput
from mcpworkload.controller.status.isolation import report_isolation
from mcpworkload.controller.status.pods import is_steady
from mcpworkload.controller.status.problems import Problem, first_problem
from mcpworkload.controller.status.verification import Verified, report_verification
from mcpworkload.kube.objects import Pod

# The API server takes 32,768 characters; quoted names and keys may be longer.
MAX_MESSAGE = 4000
# Nothing runs because nothing is to run: no reason not to be Ready.
_AT_REST = (AvailableReason.STOPPED, AvailableReason.SCALED_TO_ZERO)
# Their messages end with what the server printed.
_PRINTED = (AvailableReason.CRASH_LOOPING, AvailableReason.OOM_KILLED)


@dataclass(frozen=True)
class Verdict:
    """A condition without generation and times."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str


def build_status(
    inputs: StatusInput,
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    drifts: Mapping[ChildId, Drift],
    refusal: Refusal | None,
    ends: ExitReport,
    now: datetime,
) -> dict[str, Any]:
    """
    Return the status to write, in the form in which it is stored.

    *applied* is what the operator applied last, *drifts* how live children differ from the desired
    ones, *refusal* why the spec could not be turned into children, None when it was, *ends* the
    exits.
    """
    accepted = _accepted(inputs, observation, applied, drifts, refusal)
    available = _available(inputs, observation, refusal, now)
    is_settled = not observation.is_settling(applied)
    verified = report_verification(inputs.check, observation, inputs.status, inputs.replicas)
    ready = _ready(inputs, observation, is_settled, accepted, available, verified, now)
    isolated = _isolated(inputs, observation, refusal, now)
    if any(verdict.reason == IsolatedReason.ENGINE_NOT_SEEN for verdict in isolated):
        available, ready = _pointing(available), _pointing(ready)
    verdicts = [accepted, available, ready, *_verified(inputs, verified), *isolated]
    if refusal is not None and refusal.is_final:
        message = "the operator does not try again before the spec changes: see Accepted"
        verdicts.append(Verdict(ConditionType.STALLED, "True", refusal.reason, message))
    status = WorkloadStatus(
        observed_generation=inputs.generation,
        **_counts(inputs, observation, now),
        selector=inputs.selector,
        url=inputs.url if _is_reached(inputs, observation, applied) else "",
        restarts=ends.restarts,
        last_termination=ends.last,
        pods=ends.pods,
        permissions=_permissions(inputs),
        server=verified.server,
        conditions=_dated(verdicts, inputs, now),
    )
    return status.to_api()


def _pointing(verdict: Verdict) -> Verdict:
    """Return *verdict*, which names Isolated where it says no more than that pods start."""
    if verdict.reason not in (AvailableReason.STARTING, ReadyReason.UPDATING):
        return verdict
    return replace(verdict, message=f"{verdict.message}: see Isolated")


def _verified(inputs: StatusInput, verified: Verified) -> list[Verdict]:
    if verified.reason is None:
        return []
    # Who a server is stands in status.server as well; what it says of a request may quote the spec.
    said = inputs.secrets.hide(verified.message) if verified.is_blocking else verified.message
    return [Verdict(ConditionType.VERIFIED, verified.status, verified.reason, said)]


def _isolated(
    inputs: StatusInput, observation: Observation, refusal: Refusal | None, now: datetime
) -> list[Verdict]:
    """Return the condition Isolated where a profile or isolation is asked for; as it was if not."""
    if inputs.grants is None:
        return [
            Verdict(ConditionType.ISOLATED, each["status"], each["reason"], each["message"])
            for each in inputs.status.get("conditions", ())
            if each["type"] == ConditionType.ISOLATED
        ]
    if inputs.grants == NO_GRANTS:
        return []
    found = report_isolation(
        inputs.grants,
        is_gated=inputs.is_gated,
        name=inputs.name,
        observation=observation,
        refusal=refusal,
        now=now,
    )
    return [Verdict(ConditionType.ISOLATED, found.status, found.reason, found.message)]


def _is_reached(
    inputs: StatusInput, observation: Observation, applied: Mapping[ChildId, Applied]
) -> bool:
    """Return whether the Service in the URL is the workload's: another one leads to other pods."""
    host = urlsplit(inputs.url).hostname or ""
    child_id = ChildId("Service", host.partition(".")[0])
    last, live = applied.get(child_id), observation.children.get(child_id)
    if last is not None and observation.is_behind(child_id, last):
        return True
    if live is None or live.metadata.deletion_timestamp is not None:
        return False
    owner = live.metadata.controller
    return owner is not None and owner.uid == inputs.uid


def summary(status: Mapping[str, Any]) -> str:
    """
    Return the conditions of a stored status in one line, for the operator's log.

    The exit code takes the place of a message that ends with what the server printed: the log has
    other readers than the namespace.
    """
    code = (status.get("lastTermination") or {}).get("exitCode")
    return "; ".join(
        "{type}={status} {reason}: ".format(**condition)
        + (f"exit code {code}" if condition["reason"] in _PRINTED else condition["message"])
        for condition in status["conditions"]
    )


def _permissions(inputs: StatusInput) -> Permissions | None:
    """Return what the profile stands for; what was true stays while it is not known."""
    if inputs.grants is not None:
        return inputs.grants.permissions
    stored = inputs.status.get("permissions")
    return Permissions.model_validate(stored) if stored else None


def _accepted(
    inputs: StatusInput,
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    drifts: Mapping[ChildId, Drift],
    refusal: Refusal | None,
) -> Verdict:
    if refusal is not None:
        said = inputs.secrets.hide(str(refusal)) if refusal.is_quoting else str(refusal)
        return Verdict(ConditionType.ACCEPTED, "False", refusal.reason, said)
    message = "; ".join([*state_of(observation, applied, drifts), *inputs.notes])
    return Verdict(ConditionType.ACCEPTED, "True", AcceptedReason.ACCEPTED, message)


def _counts(inputs: StatusInput, observation: Observation, now: datetime) -> dict[str, int]:
    """Return the counts of all, ready and updated pods; the stored ones if pods are unreadable."""
    if observation.unreadable:
        names_of = ("replicas", "readyReplicas", "updatedReplicas")
        replicas, ready, updated = (inputs.status.get(name, 0) for name in names_of)
    else:
        pods = observation.pods.values()
        replicas, ready = len(pods), sum(_serves(pod, inputs, observation, now) for pod in pods)
        updated = len(observation.pods_of_update())
    return {"replicas": replicas, "ready_replicas": ready, "updated_replicas": updated}


def _available(
    inputs: StatusInput, observation: Observation, refusal: Refusal | None, now: datetime
) -> Verdict:
    replicas = inputs.replicas
    ready = _serving(observation.pods.values(), inputs, observation, now)
    count = _count(ready, inputs)
    if replicas and ready >= max(1, replicas - inputs.may_miss):
        return Verdict(ConditionType.AVAILABLE, "True", AvailableReason.REPLICAS_READY, count)
    if refusal is not None and observation.statefulset is None:
        reason, message = AvailableReason.NOT_ACCEPTED, "there are no pods: see Accepted"
    elif inputs.is_stopped:
        reason, message = AvailableReason.STOPPED, "operatingMode is Stopped: nothing runs"
    elif replicas == 0:
        reason, message = AvailableReason.SCALED_TO_ZERO, "replicas is 0: nothing runs"
    elif observation.unreadable:
        return Verdict(ConditionType.AVAILABLE, *_unreadable(observation))
    elif problem := _problem(inputs, observation, now):
        reason, message = problem.reason, problem.message(_stored(inputs, problem.reason))
    else:
        reason, message = AvailableReason.STARTING, count
    return Verdict(ConditionType.AVAILABLE, "False", reason, message)


def _ready(
    inputs: StatusInput,
    observation: Observation,
    is_settled: bool,
    accepted: Verdict,
    available: Verdict,
    verified: Verified,
    now: datetime,
) -> Verdict:
    replicas, pods = inputs.replicas, observation.pods
    to_update = replicas if inputs.to_update is None else inputs.to_update
    serving = _serving(pods.values(), inputs, observation, now)
    updated = _serving(observation.pods_of_update(), inputs, observation, now)
    if to_update < replicas:
        message = f"{_count(serving, inputs)}, {updated} updated"
    else:
        message = _count(updated, inputs) if replicas else _left(observation)
    is_complete = serving == len(pods) == replicas and updated >= to_update
    is_seen = observation.statefulset is not None and not observation.unreadable
    is_verified = not verified.is_blocking
    if accepted.status == "True" and is_settled and is_seen and is_complete and is_verified:
        reason = ReadyReason.STOPPED if inputs.is_stopped else ReadyReason.READY
        return Verdict(ConditionType.READY, "True", reason, message)
    for cause in (accepted, available):
        if cause.status != "True" and cause.reason not in _AT_REST:
            return Verdict(ConditionType.READY, cause.status, cause.reason, cause.message)
    if observation.unreadable:
        return Verdict(ConditionType.READY, *_unreadable(observation))
    # One replica of several: the others serve, and its problem still has to be reported.
    if problem := _problem(inputs, observation, now):
        stored = _stored(inputs, problem.reason, ConditionType.READY)
        return Verdict(ConditionType.READY, "False", problem.reason, problem.message(stored))
    if is_complete and verified.is_blocking and verified.reason is not None:
        said = inputs.secrets.hide(verified.message)
        return Verdict(ConditionType.READY, "False", verified.reason, said)
    return Verdict(ConditionType.READY, "False", ReadyReason.UPDATING, message)


def _unreadable(observation: Observation) -> tuple[ConditionStatus, str, str]:
    message = f"the operator cannot read pods: {observation.unreadable}"
    return "Unknown", AvailableReason.PODS_UNREADABLE, message


def _problem(inputs: StatusInput, observation: Observation, now: datetime) -> Problem | None:
    """Return what is wrong with the existing pods, else why some of the pods do not exist."""
    last = inputs.status.get("lastTermination")
    if problem := first_problem(observation.pods.values(), now, observation.pod_events, last):
        said = inputs.secrets.hide(problem.head)
        problem = replace(problem, head=said + hint_of(problem, inputs))
        return problem if inputs.may_quote else replace(problem, tail="")
    said = diagnosis.of_failed_create(observation, inputs.replicas, now)
    said = inputs.secrets.hide(said + inputs.amounts.explain(said))
    return Problem(AvailableReason.POD_REFUSED, said) if said else None


def _stored(inputs: StatusInput, reason: str, kind: ConditionType = ConditionType.AVAILABLE) -> str:
    """Return the message that stands beside *reason* now; empty beside another reason."""
    for condition in inputs.status.get("conditions", ()):
        if (condition["type"], condition["reason"]) == (kind, reason):
            return str(condition["message"])
    return ""


def _serving(
    pods: Iterable[Pod], inputs: StatusInput, observation: Observation, now: datetime
) -> int:
    """
    Return how many of *pods* have been ready for minReadySeconds, answer and are in no crash loop.

    The StatefulSet controller keeps the clock of minReadySeconds; its count covers all pods and may
    be late, so it can only lower the number.
    """
    ready = sum(_serves(pod, inputs, observation, now) for pod in pods)
    if not inputs.has_min_ready_seconds or observation.statefulset is None:
        return ready
    return min(ready, observation.statefulset.status.available_replicas)


def _serves(pod: Pod, inputs: StatusInput, observation: Observation, now: datetime) -> bool:
    """Return whether *pod* is ready, and not only because its server, yet to answer, listens."""
    answer = observation.answers.pods.get(pod.metadata.uid)
    is_awaited = inputs.check is not None and answer is not None and answer.is_pending
    return is_steady(pod, now) and not is_awaited


def _count(serving: int, inputs: StatusInput) -> str:
    word = "available" if inputs.has_min_ready_seconds else "ready"
    return f"{serving} of {inputs.replicas} replicas {word}"


def _left(observation: Observation) -> str:
    count = len(observation.pods)
    return f"{count} pod{'' if count == 1 else 's'} still to end" if count else "nothing runs"


def _dated(verdicts: Iterable[Verdict], inputs: StatusInput, now: datetime) -> list[Condition]:
    before: Mapping[str, Mapping[str, Any]] = {
        condition["type"]: condition for condition in inputs.status.get("conditions", ())
    }
    dated = []
    for verdict in verdicts:
        old = before.get(verdict.type)
        since = old["lastTransitionTime"] if old and old["status"] == verdict.status else now
        dated.append(
            Condition(
                type=verdict.type,
                status=verdict.status,
                observed_generation=inputs.generation,
                last_transition_time=since,
                reason=verdict.reason,
                message=_cut(verdict.message),
            )
        )
    return dated


def _cut(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 3]}..."
