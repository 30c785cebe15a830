"""
Find where a live object differs from what the operator wants of it.

Other clients may add fields, list entries and defaults; only the fields that the operator sets are
compared, except in maps that have one owner. Lists of objects are matched by the keys that
Kubernetes merges them by, whatever the order.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from mcpworkload.controller.children import LIST_KEYS
from mcpworkload.kube.quantity import parse_quantity

_NESTED = (dict, list, tuple)
# Lists whose keys differ from kind to kind of the object that they are in.
_PORT_KEYS = (("containerPort", "protocol"), ("port", "protocol"))
_KEY_DEFAULTS = {"protocol": "TCP"}
_QUANTITY_MAPS = ("requests", "limits")
_QUANTITIES = ("divisor", "sizeLimit")
#: Maps that are replaced as a whole. One more key in a selector, and it selects nothing.
ATOMIC_MAPS = (
    "configMapKeyRef",
    "labelSelector",
    "matchLabels",
    "namespaceSelector",
    "nodeSelector",
    "secretKeyRef",
    "selector",
)
# Where absence means something else than the empty value: the API has three states there, or
# (emptyDir) the field's presence is what counts.
_MEANINGFUL_ABSENCE = frozenset(
    {
        "allowPrivilegeEscalation",
        "automountServiceAccountToken",
        "defaultMode",
        "emptyDir",
        "enableServiceLinks",
        "fsGroup",
        "hostUsers",
        "maxUnavailable",
        "minAvailable",
        "mode",
        "namespaceSelector",
        "optional",
        "readOnlyRootFilesystem",
        "replicas",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "storageClassName",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
    }
)
# Where the empty value is no value: the API server puts its default in its place.
_EMPTY_IS_UNSET = frozenset(
    {
        "dnsPolicy",
        "failureThreshold",
        "imagePullPolicy",
        "periodSeconds",
        "protocol",
        "restartPolicy",
        "scheme",
        "successThreshold",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "timeoutSeconds",
    }
)
# Fields behind a feature gate: a cluster without the feature drops them, and would do so again.
_GATED = re.compile(
    r"\.updateStrategy\.rollingUpdate\.maxUnavailable$"
    r"|\.containers\[[^]]+\]\.restartPolicy$"
    r"|\.restartPolicyRules$"
    r"|\.lifecycle\.stopSignal$"
)


def first_difference(desired: Any, live: Any, path: str = "") -> str | None:
    """
    Return the path of the first field of *desired* that *live* lacks or has otherwise, or None.

    A field that this cluster does not know (see `find_changes`) is no difference.
    """
    change, _ = find_changes(desired, live, path)
    return change.path if change else None


class Change(NamedTuple):
    """A field of the live object that is not as desired."""

    path: str
    #: Whether the live object has nothing there.
    lacks: bool
    wanted: Any = None
    found: Any = None


def find_changes(desired: Any, live: Any, path: str = "") -> tuple[Change | None, str]:
    """
    Return what `first_difference` finds, with both values, and what the cluster has no feature for.

    The second is the path of the first field of *desired* that the cluster dropped; empty for none.
    """
    change, unsupported = None, ""
    for each in _differences(desired, live, path):
        if each.lacks and _GATED.search(each.path):
            unsupported = unsupported or each.path
        elif change is None:
            change = each
    return change, unsupported


def _differences(desired: Any, live: Any, path: str) -> Iterator[Change]:
    if desired is None:
        # Like an absent field; a default that the API server writes there is no difference.
        return
    field = path.rpartition(".")[2]
    if isinstance(desired, dict):
        if isinstance(live, dict):
            yield from _mapping_differences(desired, live, path, field)
        elif desired and live is None:
            inside = list(_mapping_differences(desired, {}, path, field))
            # Where the cluster drops all that is inside, it drops the mapping, too.
            dropped = inside and all(_GATED.search(each.path) for each in inside)
            yield from inside if dropped else [Change(path, True, desired)]
        elif live is not None or field in _MEANINGFUL_ABSENCE:
            yield Change(path, live is None, desired, live)
    elif isinstance(desired, list | tuple):
        yield from _list_differences(desired, live or [], path, field)
    elif not _is_same(desired, live, field):
        yield Change(path, live is None, desired, live)


def _mapping_differences(
    desired: Mapping[str, Any], live: Mapping[str, Any], path: str, field: str
) -> Iterator[Change]:
    if field in _QUANTITY_MAPS:
        for key, value in desired.items():
            if not _is_same_quantity(value, live.get(key)):
                yield Change(f"{path}.{key}", key not in live, value, live.get(key))
        return
    if field in ATOMIC_MAPS:
        foreign = next((key for key in live if key not in desired), None)
        if foreign is not None:
            yield Change(f"{path}.{foreign}", False, None, live[foreign])
    for key, value in desired.items():
        found = live.get(key)
        # Most values are the same, and need no generator of their own.
        if type(value) is not type(found) or type(value) in _NESTED or value != found:
            yield from _differences(value, found, f"{path}.{key}" if path else key)


def _list_differences(desired: Sequence[Any], live: Any, path: str, field: str) -> Iterator[Change]:
    if not isinstance(live, list | tuple):
        yield Change(path, False, desired, live)
        return
    keys = keys_of(field, desired)
    if keys is None:
        if len(desired) != len(live):
            yield Change(path, False, desired, live)
            return
        for index, (wanted, found) in enumerate(zip(desired, live, strict=True)):
            yield from _differences(wanted, found, f"{path}[{index}]")
        return
    by_key = {identity(item, keys): item for item in live}
    for item in desired:
        own = identity(item, keys)
        # An absent entry compares like an empty one, whose key field then differs.
        yield from _differences(item, by_key.get(own, {}), f"{path}[{own[0]}]")


def keys_of(field: str, desired: Sequence[Any]) -> tuple[str, ...] | None:
    """Return the fields by which entries of that list are merged; None where it is one value."""
    if field == "ports" and desired:
        return next((keys for keys in _PORT_KEYS if keys[0] in desired[0]), None)
    return LIST_KEYS.get(field)


def identity(item: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    """Return the values of *keys* in *item*, which identify the entry in its list."""
    return tuple(item.get(key) or _KEY_DEFAULTS.get(key) for key in keys)


def _is_same(desired: Any, live: Any, field: str) -> bool:
    if not desired and field in _EMPTY_IS_UNSET:
        return True
    if live is None and not desired:
        # The API server leaves out what is empty, except where absence has its own meaning.
        return field not in _MEANINGFUL_ABSENCE
    if field in _QUANTITIES:
        return _is_same_quantity(desired, live)
    return bool(desired == live) and isinstance(desired, bool) == isinstance(live, bool)


def _is_same_quantity(desired: Any, live: Any) -> bool:
    return desired == live or (live is not None and _quantity(desired) == _quantity(live))


def _quantity(value: Any) -> Decimal | None:
    try:
        return parse_quantity(value)
    except ValueError:
        return None
