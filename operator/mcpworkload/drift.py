"""
Does a live object still hold all that we want of it?

Others may add fields, list entries and defaults; only what we set is compared, except in maps
that have one owner. Lists of objects are matched by the keys that Kubernetes merges them by,
whatever the order.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from mcpworkload.quantity import parse_quantity

# Lists that the API server merges by key, by field name.
_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
}
_PORT_KEYS = (("containerPort", "protocol"), ("port", "protocol"))
_QUANTITY_MAPS = ("requests", "limits")
# Maps that are replaced as a whole. One more key in a selector, and it selects nothing.
_ATOMIC_MAPS = ("selector", "matchLabels", "nodeSelector")
# Where absence means something else than the empty value: the API has three states there, or
# (emptyDir) the field's presence is what counts.
_MEANINGFUL_ABSENCE = frozenset(
    {
        "allowPrivilegeEscalation",
        "automountServiceAccountToken",
        "emptyDir",
        "enableServiceLinks",
        "optional",
        "readOnlyRootFilesystem",
        "replicas",
        "terminationGracePeriodSeconds",
    }
)


def first_difference(desired: Any, live: Any, path: str = "") -> str | None:
    """The path of the first field of *desired* that *live* lacks or has otherwise, or None."""
    if desired is None:
        # Only a template patch writes null: "as if it were not there", which may be a default.
        return None
    field = path.rpartition(".")[2]
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            is_missed = desired or live is not None or field in _MEANINGFUL_ABSENCE
            return path if is_missed else None
        return _mapping_difference(desired, live, path)
    if isinstance(desired, Sequence) and not isinstance(desired, str):
        return _list_difference(desired, live or [], path, field)
    return None if _is_same(desired, live, field) else path


def _mapping_difference(
    desired: Mapping[str, Any], live: Mapping[str, Any], path: str
) -> str | None:
    if path.rpartition(".")[2] in _QUANTITY_MAPS:
        return next(
            (
                f"{path}.{key}"
                for key in desired
                if not _is_same_quantity(desired[key], live.get(key))
            ),
            None,
        )
    if path.rpartition(".")[2] in _ATOMIC_MAPS:
        foreign = next((key for key in live if key not in desired), None)
        if foreign is not None:
            return f"{path}.{foreign}"
    for key, value in desired.items():
        difference = first_difference(value, live.get(key), f"{path}.{key}" if path else key)
        if difference:
            return difference
    return None


def _list_difference(desired: Sequence[Any], live: Any, path: str, field: str) -> str | None:
    if not isinstance(live, Sequence) or isinstance(live, str):
        return path
    keys = _keys_of(field, desired)
    if keys is None:
        if len(desired) != len(live):
            return path
        pairs = zip(desired, live, strict=True)
        found = (first_difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(pairs))
        return next((difference for difference in found if difference), None)
    by_key = {tuple(item.get(key) for key in keys): item for item in live}
    for item in desired:
        identity = tuple(item.get(key) for key in keys)
        # An absent entry compares like an empty one, whose key field then differs.
        difference = first_difference(item, by_key.get(identity, {}), f"{path}[{identity[0]}]")
        if difference:
            return difference
    return None


def _keys_of(field: str, desired: Sequence[Any]) -> tuple[str, ...] | None:
    if field == "ports" and desired:
        return next((keys for keys in _PORT_KEYS if keys[0] in desired[0]), None)
    return _LIST_KEYS.get(field)


def _is_same(desired: Any, live: Any, field: str) -> bool:
    if live is None and not desired:
        # The API server leaves out what is empty, except where absence has its own meaning.
        return field not in _MEANINGFUL_ABSENCE
    return bool(desired == live) and isinstance(desired, bool) == isinstance(live, bool)


def _is_same_quantity(desired: Any, live: Any) -> bool:
    return live is not None and _quantity(desired) == _quantity(live)


def _quantity(value: Any) -> Decimal | None:
    try:
        return parse_quantity(value)
    except ValueError:
        return None
