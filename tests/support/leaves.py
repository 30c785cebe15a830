"""
What a field manager holds of an object, and what somebody else could do to each part of it.

Read from managedFields, so that no part of what the operator writes is forgotten here.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.support.kinds import Manifest

Path = tuple[str, ...]

# Values that are taken where a text with another end is not, by the name of the field.
_OTHERS: dict[str, tuple[Any, ...]] = {
    "apiVersion": ("v1",),
    "clusterIP": ("10.96.200.200",),
    "dnsPolicy": ("Default",),
    "effect": ("NoSchedule",),
    "fsGroupChangePolicy": ("Always",),
    "imagePullPolicy": ("IfNotPresent", "Never"),
    "operator": ("Equal",),
    "pathType": ("Exact",),
    "protocol": ("UDP",),
    "restartPolicy": ("Never",),
    "sessionAffinity": ("None",),
    "terminationMessagePolicy": ("File",),
    "type": ("NodePort", "ClusterIP", "OnDelete", "Unconfined"),
    "whenDeleted": ("Delete", "Retain"),
    "whenScaled": ("Retain", "Delete"),
    "whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
}
# The fields by which the API server tells the entries of a list from each other.
_KEYS = ("name", "containerPort", "port", "mountPath", "ip", "topologyKey", "uid", "devicePath")


@dataclass(frozen=True)
class Change:
    """One thing that somebody could do: a JSON patch in some of its spellings, the first best."""

    words: str
    spellings: tuple[list[Manifest], ...]


def changes_of(live: Manifest, manager: str) -> list[Change]:
    """Every value that *manager* applied changed and taken out, every list with an entry more."""
    found: dict[str, Change] = {}
    for path in _owned(live, manager):
        value = _resolve(live, path)
        pointer = _join(path)
        # A mapping that is empty is as much a value as a text is.
        if not isinstance(value, (dict, list)) or not value:
            spellings = [
                [{"op": "replace", "path": pointer, "value": other}]
                for other in _others(path[-1], value)
            ]
            found[f"change {pointer}"] = Change(f"change {pointer}", tuple(spellings))
        else:
            longer = list(_longer(pointer, value))
            if longer:
                found[f"add to {pointer}"] = Change(f"add to {pointer}", tuple(longer))
        remove = [{"op": "remove", "path": pointer}]
        found[f"remove {pointer}"] = Change(f"remove {pointer}", (remove,))
    return list(found.values())


def _owned(live: Manifest, manager: str) -> Iterator[Path]:
    for entry in live["metadata"]["managedFields"]:
        if (entry["manager"], entry["operation"]) == (manager, "Apply"):
            yield from _below(entry["fieldsV1"], live, ())


def _below(fields: Mapping[str, Any], node: Any, path: Path) -> Iterator[Path]:
    """Each field and entry, and what is inside of values that are applied as a whole."""
    inside = [(key, value) for key, value in fields.items() if key != "."]
    if path and not inside:
        yield from _values(node, path)
        return
    if path:
        yield path
    for key, below in inside:
        kind, _, name = key.partition(":")
        if kind == "f" and name not in node:
            continue  # an empty map is held, and not there
        if kind == "f":
            yield from _below(below, node[name], (*path, name))
        else:
            index = _index(kind, json.loads(name), node)
            yield from _below(below, node[index], (*path, str(index)))


def _values(node: Any, path: Path) -> Iterator[Path]:
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _values(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _values(value, (*path, str(number)))


def _index(kind: str, key: Any, entries: list[Any]) -> int:
    if kind == "v":
        return entries.index(key)
    return next(
        number
        for number, entry in enumerate(entries)
        if all(entry.get(name) == value for name, value in key.items())
    )


def _others(field: str, value: Any) -> Iterator[Any]:
    """Other values of a field, likely ones first."""
    yield from (other for other in _OTHERS.get(field, ()) if other != value)
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, max(value - 1, 0))
    elif isinstance(value, str):
        # Quantities, names and paths take one or the other.
        yield from (f"{value}x", f"1{value}", f"{value}1", "")
    elif value == {}:
        yield {"medium": "Memory"}


def _longer(pointer: str, value: Any) -> Iterator[list[Manifest]]:
    """The list or map with one entry more: a copy of the first, under another key if it has one."""
    if isinstance(value, dict):
        texts = all(isinstance(item, str) for item in value.values())
        if texts:
            yield [{"op": "add", "path": f"{pointer}/foreign", "value": "1"}]
        return
    entry = deepcopy(value[0])
    if isinstance(entry, dict):
        for key in _KEYS:
            if key in entry:
                entry[key] = entry[key] + 1 if isinstance(entry[key], int) else f"{entry[key]}x"
        # Names of ports are single, too.
    elif isinstance(entry, str):
        entry = f"{entry}x"
    yield [{"op": "add", "path": f"{pointer}/-", "value": entry}]
    yield [{"op": "add", "path": f"{pointer}/0", "value": entry}]


def _resolve(node: Any, path: Path) -> Any:
    for step in path:
        node = node[int(step)] if isinstance(node, list) else node[step]
    return node


def _join(path: Path) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
