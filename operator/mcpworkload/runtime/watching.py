"""Following objects by list and watch: until a condition holds, or without end."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from mcpworkload.kube.errors import ApiError
from mcpworkload.kube.watches import Watch
from mcpworkload.runtime.connection import Query, RuntimeConnection
from mcpworkload.runtime.errors import RightsMissing, RuntimeUnavailable

ItemT = TypeVar("ItemT")

#: An MCPWorkload as it comes: its spec is the schema's to know.
Body = dict[str, Any]
Objects = dict[str, ItemT]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
# An API server that has just started knows no Roles yet, and forbids what they allow.
_RIGHTS_SECONDS = 10.0
_EXPIRED = ("Expired", "Gone")


@dataclass(frozen=True)
class Listed(Generic[ItemT]):
    """All objects that exist now; one that was known and is missing was deleted meanwhile."""

    objects: list[ItemT]


@dataclass(frozen=True)
class Changed(Generic[ItemT]):
    """One object came, changed or, with `is_deleted`, went."""

    object: ItemT
    is_deleted: bool


async def observe(
    connection: RuntimeConnection, path: str, query: Query, kind: type[ItemT]
) -> AsyncGenerator[Listed[ItemT] | Changed[ItemT]]:
    """
    Yield the objects that *query* selects, each as a *kind*: all first, then each change.

    A watch that ends or breaks is taken up where it was, also after the API server has been
    away; where that is no longer possible, all are listed anew. Never ends by itself.

    Raises:
        WorkloadError: the first list fails, or a later one for another reason than an outage.
    """
    patience, watch = _Patience(), _watch(connection, path, query, kind)
    while True:
        try:
            if not watch.version:
                listed = await connection.request("GET", path, query=query)
                patience.has_listed = True
                watch.resume(int(listed["metadata"]["resourceVersion"]))
                yield Listed([msgspec.convert(item, kind) for item in listed.get("items") or ()])
            async with aclosing(watch.changes()) as changes:
                async for change in changes:
                    if change.type == "BEGUN":
                        patience.note_begin()
                    elif change.item is not None:
                        patience.pause = _FIRST_PAUSE
                        yield Changed(change.item, change.type == "DELETED")
            patience.note_end()
        except ApiError:
            # The watch itself reports it, mostly that its place has expired.
            watch.expire()
            patience.note_end()
        except (RightsMissing, RuntimeUnavailable) as error:
            if not patience.outlasts(error):
                raise
            if error.reason in _EXPIRED:
                watch.expire()
        # Many may have lost the same API server: they do not come back at once.
        await asyncio.sleep(patience.pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


class _Patience:
    """The pause before the next attempt, in seconds, and the failures after which there is none."""

    def __init__(self) -> None:
        self.pause = _FIRST_PAUSE
        self.has_listed = False
        self._is_watching = False
        self._has_watched = False
        self._refused_since: float | None = None

    def note_begin(self) -> None:
        """Note that the API server has accepted a watch."""
        self._is_watching = True

    def note_end(self) -> None:
        """Note that a watch ended as it should."""
        self.pause, self._refused_since = _FIRST_PAUSE, None
        self._is_watching, self._has_watched = False, True

    def outlasts(self, error: RightsMissing | RuntimeUnavailable) -> bool:
        """Return whether to try again after *error*."""
        if isinstance(error, RightsMissing):
            now = time.monotonic()
            self._refused_since = self._refused_since or now
            return self._has_watched and now - self._refused_since < _RIGHTS_SECONDS
        # One that broke was a watch all the same.
        self._has_watched |= self._is_watching
        self._is_watching, self._refused_since = False, None
        self.pause = min(self.pause * 2, _LONGEST_PAUSE)
        return self.has_listed


def _watch(
    connection: RuntimeConnection, path: str, query: Query, kind: type[ItemT]
) -> Watch[ItemT]:
    return Watch(
        lambda parameters: connection.watch(path, parameters),
        msgspec.json.Decoder(kind).decode,
        query,
        plural=path.rpartition("/")[2],
        version_of=_version_of,
    )


async def follow(
    connection: RuntimeConnection, path: str, query: Query, kind: type[ItemT]
) -> AsyncGenerator[Objects[ItemT]]:
    """
    Yield the objects that *query* selects, by name: as they are now, and after each change.

    As `observe` otherwise; for a handful of objects.
    """
    objects: Objects[ItemT] = {}
    async with aclosing(observe(connection, path, query, kind)) as states:
        async for state in states:
            if isinstance(state, Listed):
                objects = {_name_of(item): item for item in state.objects}
            else:
                name = _name_of(state.object)
                objects.pop(name, None)
                if not state.is_deleted:
                    objects[name] = state.object
            yield dict(objects)


async def until(
    connection: RuntimeConnection,
    path: str,
    query: Query,
    holds: Callable[[Objects[ItemT]], bool],
    kind: type[ItemT],
) -> Objects[ItemT]:
    """Return the objects once *holds* returns True; raises what *holds* raises."""
    async with aclosing(follow(connection, path, query, kind)) as states:
        async for objects in states:
            if holds(objects):
                return objects
    raise AssertionError("follow never ends by itself")


def _name_of(item: Any) -> str:
    name: str = item["metadata"]["name"] if isinstance(item, dict) else item.metadata.name
    return name


def _version_of(item: Any) -> int:
    if isinstance(item, dict):
        return int(item["metadata"]["resourceVersion"])
    version: int = item.metadata.version
    return version
