"""
Named facts about one object, to wait for.

Each judges an object as the API server has it, None where it does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.kinds import Manifest


@dataclass(frozen=True)
class Predicate:
    """A fact and the words that a failed wait reports it with."""

    words: str
    holds: Callable[[Manifest | None], bool]

    def __and__(self, other: "Predicate") -> "Predicate":
        """Both facts at once."""
        words = f"{self.words} and {other.words}"
        return Predicate(words, lambda found: self.holds(found) and other.holds(found))

    def __or__(self, other: "Predicate") -> "Predicate":
        """One of two facts."""
        words = f"{self.words} or {other.words}"
        return Predicate(words, lambda found: self.holds(found) or other.holds(found))


def condition_of(workload: Manifest, kind: str) -> Manifest:
    """The condition of that type; empty where the status has none yet."""
    conditions: list[Manifest] = workload.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def has_condition(kind: str, status: str, reason: str = "") -> Predicate:
    """A condition with that status, and reason where one is named, for the present spec."""

    def holds(workload: Manifest | None) -> bool:
        if workload is None:
            return False
        condition = condition_of(workload, kind)
        return (
            condition.get("status") == status
            and condition.get("observedGeneration") == workload["metadata"]["generation"]
            and reason in ("", condition["reason"])
        )

    return Predicate(f"{kind}={status} {reason}".strip(), holds)


def is_ready() -> Predicate:
    """Ready for the present spec."""
    return has_condition("Ready", "True")


def is_gone() -> Predicate:
    """No such object."""
    return Predicate("is gone", lambda found: found is None)


def exists() -> Predicate:
    """There is such an object."""
    return Predicate("exists", lambda found: found is not None)


def is_ours() -> Predicate:
    """A child that the operator made."""
    path = ("metadata", "labels", "app.kubernetes.io/managed-by")
    return has("is ours", "mcpworkload", *path)


def is_replaced(uid: str) -> Predicate:
    """There is an object of that name with another UID."""
    return Predicate(
        f"is another object than {uid}",
        lambda found: found is not None and found["metadata"]["uid"] != uid,
    )


def has(words: str, value: Any, *path: str | int) -> Predicate:
    """The field at *path* has that value; None means that it is not there."""

    def holds(found: Manifest | None) -> bool:
        return found is not None and field(found, *path) == value

    return Predicate(words, holds)


def field(manifest: Manifest, *path: str | int) -> Any:
    """The field at *path*, None where it or anything above it is absent."""
    value: Any = manifest
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
