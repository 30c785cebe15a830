"""
Compute what a live object should hold where server-side apply alone cannot restore it.

An apply never removes what other clients put beside the operator's fields, and some of that keeps
the operator's own out: a port of the same name under another number, another source of the same
volume, a limit above a request. So the content is written anew, and as little as possible of what
others added is removed. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from enum import Enum
from typing import Any

from mcpworkload.controller.plan.drift import ATOMIC_MAPS, first_difference, identity, keys_of
from mcpworkload.kube.objects import FIXED_FIELDS

# Where a second entry that is ours in all but its key does harm: another server in the same
# pod, a stricter rule than was asked for. What lies elsewhere may be an addition on purpose.
_RENAMED_IN = frozenset(
    {"containers", "hostAliases", "initContainers", "ports", "topologySpreadConstraints"}
)
# Metadata can be no obstacle, and it records which client did what and when.
_FREE_MAPS = frozenset({"annotations", "labels"})


class Extent(Enum):
    """The additions of other clients that are removed, besides changes to the operator's fields."""

    #: Entries of lists that the operator set, under another key.
    RENAMED = "renamed"
    #: What is beside a field or an entry of the operator's that is gone or was changed.
    BESIDE = "beside"
    #: All of it: what is left equals an object that the operator has just created.
    ALL = "all"


def mended(wanted: Mapping[str, Any], live: Mapping[str, Any], extent: Extent) -> dict[str, Any]:
    """
    Return the content that a live object should have: *wanted*, and what may stay of *live*.

    Both map fields (spec and the like) to what they hold. The fields of a StatefulSet that no
    update can change are as in *live*.
    """
    content = {key: _mend(value, live.get(key), extent, key) for key, value in wanted.items()}
    spec, found = content.get("spec"), live.get("spec")
    if isinstance(spec, dict) and isinstance(found, Mapping) and "volumeClaimTemplates" in found:
        content["spec"] = {**spec, **{key: found[key] for key in FIXED_FIELDS if key in found}}
    return content


def stripped(
    wanted: Mapping[str, Any], live: Mapping[str, Any], paths: Iterable[Sequence[str]]
) -> dict[str, Any]:
    """
    Return the content *live* without what other clients put at *paths* or around them.

    What is in *wanted*, too, stays: an apply restores that.
    """
    content: dict[str, Any] = {key: deepcopy(live[key]) for key in wanted if key in live}
    places = [place for path in paths if (place := _foreign_part(wanted, content, path))]
    for parent, step in places:
        if isinstance(parent, dict):
            parent.pop(step, None)
    for parent in {id(parent): parent for parent, _ in places}.values():
        if isinstance(parent, list):
            gone = {step for other, step in places if other is parent}
            parent[:] = [entry for index, entry in enumerate(parent) if index not in gone]
    return content


def _foreign_part(
    wanted: Any, live: Any, path: Sequence[str]
) -> tuple[dict[str, Any] | list[Any], Any] | None:
    """Return the first part along *path* that *wanted* lacks, as parent and step; else None."""
    field = ""
    for step in path:
        if isinstance(live, dict):
            if step not in live:
                return None
            if not isinstance(wanted, Mapping) or wanted.get(step) is None:
                return live, step
            wanted, live, field = wanted[step], live[step], step
        elif isinstance(live, list) and step.isdecimal() and int(step) < len(live):
            keys = keys_of(field, live)
            if keys is None:
                return None
            entry = live[int(step)]
            ours = {identity(each, keys): each for each in wanted}
            if identity(entry, keys) not in ours:
                return live, int(step)
            wanted, live, field = ours[identity(entry, keys)], entry, ""
        else:
            return None
    return None


def is_renamed(wanted: Any, live: Any, field: str = "") -> bool:
    """Return whether an entry of *wanted* is in *live* under another key, where that does harm."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        return any(is_renamed(value, live.get(key), key) for key, value in wanted.items())
    keys = _keys(wanted, live, field)
    if keys is None:
        return False
    by_key = {identity(entry, keys): entry for entry in live}
    return bool(_renamed(wanted, live, field, keys)) or any(
        is_renamed(entry, by_key.get(identity(entry, keys))) for entry in wanted
    )


def _mend(wanted: Any, live: Any, extent: Extent, field: str, around: str = "") -> Any:
    """
    Return *wanted* completed by what may stay of *live*.

    *around* names the mapping that has the *field*: in limits, 0 is more than nothing.
    """
    if wanted is None:
        return live
    is_same = first_difference({around: {field: wanted}}, {around: {field: live}}) is None
    if is_same and extent is not Extent.ALL:
        return live
    if isinstance(wanted, Mapping) and isinstance(live, Mapping) and field not in ATOMIC_MAPS:
        return _mend_mapping(wanted, live, extent, field)
    keys = _keys(wanted, live, field)
    if keys is not None:
        return _mend_entries(wanted, live, extent, field, keys)
    return live if is_same else wanted


def _mend_mapping(
    wanted: Mapping[str, Any], live: Mapping[str, Any], extent: Extent, field: str
) -> dict[str, Any]:
    drops = extent is Extent.ALL or (extent is Extent.BESIDE and _differs_here(wanted, live, field))
    is_kept = not drops or field in _FREE_MAPS
    kept = {key: value for key, value in live.items() if is_kept or key in wanted}
    ours = {
        key: _mend(value, live.get(key), extent, key, field)
        for key, value in wanted.items()
        if value is not None
    }
    return {**kept, **ours}


def _differs_here(wanted: Mapping[str, Any], live: Mapping[str, Any], around: str) -> bool:
    """Return whether a field of *wanted* itself differs, not something inside of one."""
    return any(
        first_difference({around: {key: value}}, {around: {key: live.get(key)}}) is not None
        for key, value in wanted.items()
        if not (isinstance(value, Mapping) and isinstance(live.get(key), Mapping))
        and _keys(value, live.get(key), key) is None
    )


def _mend_entries(
    wanted: Sequence[Any],
    live: Sequence[Any],
    extent: Extent,
    field: str,
    keys: tuple[str, ...],
) -> list[Any]:
    by_key = {identity(entry, keys): entry for entry in live}
    ours = {
        identity(entry, keys): _mend(entry, by_key.get(identity(entry, keys)), extent, "")
        for entry in wanted
    }
    is_complete = ours.keys() <= by_key.keys()
    if extent is Extent.ALL or (extent is Extent.BESIDE and not is_complete):
        return list(ours.values())
    renamed = _renamed(wanted, live, field, keys)
    left = [entry for entry in live if entry not in renamed]
    if is_complete:
        return [ours.get(identity(entry, keys), entry) for entry in left]
    return [*ours.values(), *(entry for entry in left if identity(entry, keys) not in ours)]


def _renamed(
    wanted: Sequence[Any], live: Sequence[Any], field: str, keys: tuple[str, ...]
) -> list[Any]:
    """Return the entries of *live* that equal one of *wanted* in all but its key."""
    if field not in _RENAMED_IN:
        return []
    there = {identity(entry, keys) for entry in live}
    ours = {identity(entry, keys) for entry in wanted}
    missing = [
        {name: value for name, value in entry.items() if name not in keys}
        for entry in wanted
        if identity(entry, keys) not in there
    ]
    return [
        entry
        for entry in live
        if identity(entry, keys) not in ours
        and any(rest and first_difference(rest, entry) is None for rest in missing)
    ]


def _keys(wanted: Any, live: Any, field: str) -> tuple[str, ...] | None:
    """Return the fields by which both lists are merged; None where they are not merged."""
    is_list = isinstance(wanted, list) and isinstance(live, list)
    return keys_of(field, wanted) if is_list else None
