"""Which changes of a stored status are worth an Event."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcpworkload.reasons import AvailableReason, ConditionType, ReadyReason

_TOLD = (ConditionType.ACCEPTED, ConditionType.READY)
# What every start and every update goes through is no news.
_PASSING = (AvailableReason.STARTING, ReadyReason.UPDATING)


@dataclass(frozen=True)
class News:
    """What to say about a workload."""

    type: Literal["Normal", "Warning"]
    condition: str
    reason: str
    note: str
    generation: int


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[News]:
    """What changed in Accepted and Ready from one stored status to the next."""
    old, new = _by_type(before), _by_type(after)
    for kind in _TOLD:
        condition, was = new.get(kind), old.get(kind, {})
        if condition is None or _verdict(condition) == _verdict(was):
            continue
        # Ready gives the reason of Accepted where that is why; once is enough.
        is_said = kind == ConditionType.READY and _verdict(condition) == _verdict(
            new.get(ConditionType.ACCEPTED, {})
        )
        if is_said or condition["reason"] in _PASSING:
            continue
        yield News(
            "Normal" if condition["status"] == "True" else "Warning",
            kind,
            condition["reason"],
            condition["message"],
            after["observedGeneration"],
        )


def _by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in status.get("conditions") or ()}


def _verdict(condition: Mapping[str, Any]) -> tuple[Any, Any]:
    return condition.get("status"), condition.get("reason")
