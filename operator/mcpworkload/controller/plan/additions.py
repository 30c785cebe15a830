"""
Find what other clients have added to a live object beside what the operator applies.

managedFields tell these from what the API server fills in by itself. Pure.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcpworkload.api import names

# `kubectl rollout restart` leaves this behind; the restart is done, and the pods do not differ.
_PASSING = "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt"


def find_additions(
    managed: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]
) -> tuple[str, ...]:
    """
    Return the places in an object's content where another manager holds what *wanted* has not.

    *managed* are its managedFields, *wanted* maps the fields of its content (spec and the like).
    Each place is a path as in `drift`, with the manager that holds it: "spec.x (kubectl-edit)".
    """
    found: dict[str, str] = {}
    for entry in managed:
        manager = entry.get("manager") or "an unknown client"
        if manager == names.FIELD_MANAGER or entry.get("subresource"):
            continue
        fields = entry.get("fieldsV1") or {}
        for field, value in wanted.items():
            for path in _foreign(fields.get(f"f:{field}") or {}, value, field):
                found.setdefault(path, manager)
    return tuple(f"{path} ({manager})" for path, manager in found.items() if path != _PASSING)


def _foreign(fields: Mapping[str, Any], wanted: Any, path: str) -> Iterator[str]:
    for key, below in fields.items():
        kind, _, rest = key.partition(":")
        if kind == "f":
            yield from _below(below, _field(wanted, rest), f"{path}.{rest}")
        elif kind == "k":
            keys = json.loads(rest)
            place = f"{path}[{next(iter(keys.values()), '')}]"
            yield from _below(below, _entry(wanted, keys), place)


def _below(fields: Mapping[str, Any], wanted: Any, path: str) -> Iterator[str]:
    if wanted is None:
        yield path
    else:
        yield from _foreign(fields, wanted, path)


def _field(wanted: Any, field: str) -> Any:
    return wanted.get(field) if isinstance(wanted, Mapping) else None


def _entry(wanted: Any, keys: Mapping[str, Any]) -> Any:
    entries = wanted if isinstance(wanted, list) else []
    return next(
        (
            entry
            for entry in entries
            if all((entry.get(key) or _DEFAULTS.get(key)) == value for key, value in keys.items())
        ),
        None,
    )


# Keys that an entry may leave to the API server.
_DEFAULTS = {"protocol": "TCP"}
