"""Changes of children behind a contender's back, and how long it takes to undo them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.perf.scale.arena import NAMESPACE, Arena
from tests.perf.scale.contender import ChildOf
from tests.perf.scale.requests import percentile
from tests.perf.scale.result import Result

_EACH = 20
_POLL_SECONDS = 0.005
_PATIENCE_SECONDS = 30.0
_STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
Object = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One kind of drift: what is done, and how its repair is seen in the live object."""

    name: str
    runs_pods: bool
    #: Takes the object as it was; None deletes it.
    patch: Callable[[Object], Object] | None
    is_repaired: Callable[[Object, Object], bool]


def _is_anew(was: Object, live: Object) -> bool:
    return bool(was["metadata"]["uid"] != live["metadata"]["uid"])


def _has_spec_of(*path: str) -> Callable[[Object, Object], bool]:
    def compare(was: Object, live: Object) -> bool:
        return bool(_at(was["spec"], path) == _at(live["spec"], path))

    return compare


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _other_image(was: Object) -> Object:
    name = was["spec"]["template"]["spec"]["containers"][0]["name"]
    containers = [{"name": name, "image": "other:1"}]
    return {"spec": {"template": {"spec": {"containers": containers}}}}


def _image_is_back(was: Object, live: Object) -> bool:
    path = ("template", "spec", "containers")
    return bool(_at(was["spec"], path)[0]["image"] == _at(live["spec"], path)[0]["image"])


CHANGES = (
    Change("pod controller deleted", True, None, _is_anew),
    Change("Service deleted", False, None, _is_anew),
    Change("image", True, _other_image, _image_is_back),
    Change("replicas", True, lambda _: {"spec": {"replicas": 3}}, _has_spec_of("replicas")),
    Change(
        "selector",
        False,
        lambda was: {"spec": {"selector": dict.fromkeys(was["spec"]["selector"], "nobody")}},
        _has_spec_of("selector"),
    ),
)


async def repair_drift(arena: Arena, result: Result) -> None:
    """Make every change to some workloads each, one after the other; note p50 and the slowest."""
    names = iter(arena.names)
    each = min(_EACH, arena.size // len(CHANGES))
    for change in CHANGES:
        child = next((c for c in arena.contender.children if c.runs_pods == change.runs_pods), None)
        if child is None:
            continue
        chosen = [next(names) for _ in range(each)]
        took = sorted([await _repair(arena, child, name, change) for name in chosen])
        result.operations += len(took)
        result.figures |= {
            f"{change.name} p50": percentile(took, 0.5),
            f"{change.name} slowest": took[-1],
        }
        result.figures["not repaired"] = (result.figures.get("not repaired") or 0) + sum(
            seconds >= _PATIENCE_SECONDS for seconds in took
        )


async def _repair(arena: Arena, child: ChildOf, workload: str, change: Change) -> float:
    """Make the change and return the seconds until it is undone, or the patience for that."""
    path = child.resource.path_in(NAMESPACE, child.name_for(workload))
    was = await arena.client.get(path)
    action: Awaitable[object] = (
        arena.client.merge(path, change.patch(was), _STRATEGIC)
        if change.patch
        else arena.client.delete(path)
    )
    await action
    begin = time.monotonic()
    while (took := time.monotonic() - begin) < _PATIENCE_SECONDS:
        live = await arena.client.get(path)
        if live is not None and change.is_repaired(was, live):
            return took
        await asyncio.sleep(_POLL_SECONDS)
    return _PATIENCE_SECONDS
