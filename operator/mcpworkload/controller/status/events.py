"""Choose what becomes an Event: changes of a stored status, and undone changes of a child."""

import re
from collections.abc import Iterator, Mapping, Sequence
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
    VerifiedReason,
)
from mcpworkload.verification.finding import ToolList
from mcpworkload.verification.tools import compare

_REPORTED = (
    *(ConditionType.ACCEPTED, ConditionType.READY, ConditionType.VERIFIED),
    ConditionType.ISOLATED,
)
#: An Event names so many tools of a kind of change, each cut to so many characters.
_MOST_NAMED, _NAME_CHARACTERS = 5, 40
# Every start and every update passes through these: no Event.
_PASSING = (
    AvailableReason.STARTING,
    ReadyReason.UPDATING,
    IsolatedReason.STARTING,
    IsolatedReason.ROLLING_OUT,
    IsolatedReason.NOT_REQUESTED,
    VerifiedReason.PENDING,
    VerifiedReason.NO_PODS,
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
    """
    Yield the Events of a change from one stored status to the next.

    Conditions have no past, so an Event tells of trouble, which may be over when somebody looks,
    and of its end. What goes well at once is in the conditions.
    """
    old, new = _by_type(before), _by_type(after)
    for kind in _REPORTED:
        condition, was = new.get(kind), old.get(kind, {})
        if condition is None or _verdict(condition) == _verdict(was):
            continue
        if _is_said(kind, condition, was, new) or condition["reason"] in _PASSING:
            continue
        if condition["status"] == "True" and not _is_trouble(was):
            continue
        yield EventDraft(
            "Normal" if condition["status"] == "True" else "Warning",
            f"{kind} of generation {after['observedGeneration']}",
            condition["reason"],
            condition["message"],
        )


def _is_trouble(condition: Mapping[str, Any]) -> bool:
    """Return whether an Event told of that condition as of something wrong."""
    reason = condition.get("reason")
    return condition.get("status", "True") != "True" and reason not in _PASSING


def _is_said(
    kind: ConditionType,
    condition: Mapping[str, Any],
    was: Mapping[str, Any],
    new: Mapping[str, Mapping[str, Any]],
) -> bool:
    """Return whether another Event says it, or nothing but what Ready promises."""
    # Ready repeats the reason of Accepted where that is the cause: one Event is enough.
    if kind == ConditionType.READY:
        return _verdict(condition) == _verdict(new.get(ConditionType.ACCEPTED, {}))
    if kind != ConditionType.VERIFIED:
        return False
    is_first = condition["status"] == "True" and was.get("status") != "False"
    return is_first or _verdict(condition) == _verdict(new.get(ConditionType.READY, {}))


def news_of_tools(
    before: Mapping[str, Any], after: Mapping[str, Any], known: Mapping[str, ToolList]
) -> Iterator[EventDraft]:
    """
    Yield an Event where the list of tools is another one in *after* than in *before*.

    *known* are the lists that this process has seen, by digest; without both it names no tools.
    """
    old, new = (_tools_of(status) for status in (before, after))
    if old is None or new is None or old["digest"] == new["digest"]:
        return
    if not (old["digest"] and new["digest"]):
        # It could not be read to its end: that is no change.
        return
    note = f"the list of tools has changed: {old['count']} before, {new['count']} now"
    lists = known.get(old["digest"]), known.get(new["digest"])
    if lists[0] is not None and lists[1] is not None:
        change = compare(lists[0], lists[1])
        parts = (("added", change.added), ("removed", change.removed), ("changed", change.changed))
        note += "".join(f"; {word}: {_named(tools)}" for word, tools in parts if tools)
    yield EventDraft(
        "Normal", f"tools {new['digest']}", EventReason.TOOLS_CHANGED, f"{note}; {new['digest']}"
    )


def _tools_of(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    tools: Mapping[str, Any] | None = (status.get("server") or {}).get("tools")
    return tools


def _named(tools: Sequence[str]) -> str:
    shown = ", ".join(name[:_NAME_CHARACTERS] for name in tools[:_MOST_NAMED])
    more = len(tools) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


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
