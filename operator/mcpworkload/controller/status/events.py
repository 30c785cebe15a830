"""Choose what becomes an Event: changes of a stored status, and undone changes of a child."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.api.reasons import (
    AvailableReason,
    ConditionType,
    EventReason,
    IsolatedReason,
    ReadyReason,
)

_REPORTED = (ConditionType.ACCEPTED, ConditionType.READY, ConditionType.ISOLATED)
# Every start and every update passes through these: no Event.
_PASSING = (
    AvailableReason.STARTING,
    ReadyReason.UPDATING,
    IsolatedReason.STARTING,
    IsolatedReason.ROLLING_OUT,
    IsolatedReason.NOT_REQUESTED,
)
# Fields with the same name in the spec and in the container.
_OF_CONTAINER = re.compile(
    rf"^spec\.template\.spec\.containers\[{names.CONTAINER}\]\."
    r"(image|command|args|env|envFrom|resources|workingDir|volumeMounts)\b"
)


@dataclass(frozen=True)
class EventDraft:
    """An Event about a workload, before the recorder adds object, name and time."""

    type: Literal["Normal", "Warning"]
    #: Drafts with the same reason and topic become one Event.
    topic: str
    reason: str
    note: str


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[EventDraft]:
    """Yield an Event for each change of a reported condition from one stored status to the next."""
    old, new = _by_type(before), _by_type(after)
    for kind in _REPORTED:
        condition, was = new.get(kind), old.get(kind, {})
        if condition is None or _verdict(condition) == _verdict(was):
            continue
        # Ready repeats the reason of Accepted where that is the cause: one Event is enough.
        is_said = kind == ConditionType.READY and _verdict(condition) == _verdict(
            new.get(ConditionType.ACCEPTED, {})
        )
        if is_said or condition["reason"] in _PASSING:
            continue
        yield EventDraft(
            "Normal" if condition["status"] == "True" else "Warning",
            f"{kind} of generation {after['observedGeneration']}",
            condition["reason"],
            condition["message"],
        )


def of_reversion(workload: str, child: ChildId, path: str) -> EventDraft:
    """
    Return the Event on a child's field that another client changed and the operator set back.

    The topic has no generation, so a repeated fight over one field is one Event.
    """
    note = f"{child}: another client changed {path}"
    if child.kind == "StatefulSet" and path.startswith("spec.template."):
        note += ", as `kubectl rollout undo` does"
    note += f", and the operator set it back; {_instead(workload, child, path)} instead"
    return EventDraft("Warning", f"{child} {path}", EventReason.DRIFT_REVERTED, note)


def of_denial(child: ChildId, forbidden: str) -> EventDraft:
    """Return the Event on what another client added to a child and the policy forbids."""
    note = (
        f"{child}: another client added what the installation's policy forbids, and the operator "
        f"removed it: {forbidden}"
    )
    return EventDraft("Warning", f"{child} {forbidden}", EventReason.DRIFT_REVERTED, note)


def _instead(workload: str, child: ChildId, path: str) -> str:
    """Return what to do so that the change would last."""
    if (child.kind, path) == ("StatefulSet", "spec.replicas"):
        return f"scale the MCPWorkload (`kubectl scale mcpw {workload} --replicas=N`)"
    field = _OF_CONTAINER.match(path) if child.kind == "StatefulSet" else None
    what = f"spec.{field[1]} of the MCPWorkload" if field else "the MCPWorkload"
    return f"change {what} (`kubectl edit mcpw {workload}`)"


def _by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in status.get("conditions") or ()}


def _verdict(condition: Mapping[str, Any]) -> tuple[Any, Any]:
    return condition.get("status"), condition.get("reason")
