"""Following objects by list and watch, until what is waited for is true or for ever."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec

from mcpworkload.kube.errors import ApiError
from mcpworkload.kube.watches import Watch
from mcpworkload.runtime.connection import Query, RuntimeConnection
from mcpworkload.runtime.errors import RightsMissing, RuntimeUnavailable

Body = dict[str, Any]
Objects = dict[str, Body]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
# An API server that has just started knows no Roles yet, and forbids what they allow.
_RIGHTS_SECONDS = 10.0
_EXPIRED = ("Expired", "Gone")


@dataclass(frozen=True)
class Listed:
    """All that there is now; what was known and is not among it went while nobody looked."""

    objects: list[dict[str, Any]]


@dataclass(frozen=True)
class Changed:
    """One object came, changed or, with `is_deleted`, went."""

    object: dict[str, Any]
    is_deleted: bool


async def observe(
    connection: RuntimeConnection, path: str, query: dict[str, str]
) -> AsyncGenerator[Listed | Changed]:
    """
    The objects that *query* selects: all of them first, then each change.

    A watch that ends or breaks is taken up where it was, also after the API server has been
    away; where that is no longer possible, all are listed anew. Never ends by itself.

    Raises:
        WorkloadError: the first list fails, or a later one for another reason than an outage.
    """
    patience, watch = _Patience(), _watch(connection, path, query)
    while True:
        try:
            if not watch.version:
                listed = await connection.request("GET", path, query=query)
                patience.has_listed = True
                watch.resume(int(listed["metadata"]["resourceVersion"]))
                yield Listed(listed.get("items") or [])
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
    """How long to wait before the next attempt, and which failures end them."""

    def __init__(self) -> None:
        self.pause = _FIRST_PAUSE
        self.has_listed = False
        self._is_watching = False
        self._has_watched = False
        self._refused_since: float | None = None

    def note_begin(self) -> None:
        """The API server has accepted a watch."""
        self._is_watching = True

    def note_end(self) -> None:
        """A watch ended as it should."""
        self.pause, self._refused_since = _FIRST_PAUSE, None
        self._is_watching, self._has_watched = False, True

    def outlasts(self, error: RightsMissing | RuntimeUnavailable) -> bool:
        """Whether to try again after *error*."""
        if isinstance(error, RightsMissing):
            now = time.monotonic()
            self._refused_since = self._refused_since or now
            return self._has_watched and now - self._refused_since < _RIGHTS_SECONDS
        # One that broke was a watch all the same.
        self._has_watched |= self._is_watching
        self._is_watching, self._refused_since = False, None
        self.pause = min(self.pause * 2, _LONGEST_PAUSE)
        return self.has_listed


def _watch(connection: RuntimeConnection, path: str, query: Query) -> Watch[Body]:
    return Watch(
        lambda parameters: connection.watch(path, parameters),
        msgspec.json.Decoder(Body).decode,
        query,
        plural=path.rpartition("/")[2],
        version_of=lambda item: int(item["metadata"]["resourceVersion"]),
    )


async def follow(
    connection: RuntimeConnection, path: str, query: dict[str, str]
) -> AsyncGenerator[Objects]:
    """
    The objects that *query* selects, by name: as they are now, and after each change.

    As `observe` otherwise; for a handful of objects.
    """
    objects: Objects = {}
    async with aclosing(observe(connection, path, query)) as states:
        async for state in states:
            if isinstance(state, Listed):
                objects = {item["metadata"]["name"]: item for item in state.objects}
            else:
                name = state.object["metadata"]["name"]
                objects.pop(name, None)
                if not state.is_deleted:
                    objects[name] = state.object
            yield dict(objects)


async def until(
    connection: RuntimeConnection,
    path: str,
    query: dict[str, str],
    holds: Callable[[Objects], bool],
) -> Objects:
    """The objects once *holds* says so; may raise whatever *holds* does."""
    async with aclosing(follow(connection, path, query)) as states:
        async for objects in states:
            if holds(objects):
                return objects
    raise AssertionError("follow never ends by itself")
