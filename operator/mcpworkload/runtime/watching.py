"""Following objects by list and watch, until what is waited for is true or for ever."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import aiohttp

from mcpworkload.runtime.connection import Connection
from mcpworkload.runtime.errors import RightsMissing, RuntimeUnavailable

Objects = dict[str, dict[str, Any]]
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
    connection: Connection, path: str, query: dict[str, str]
) -> AsyncGenerator[Listed | Changed]:
    """
    The objects that *query* selects: all of them first, then each change.

    A watch that ends or breaks is taken up where it was, also after the API server has been
    away; where that is no longer possible, all are listed anew. Never ends by itself.

    Raises:
        WorkloadError: the first list fails, or a later one for another reason than an outage.
    """
    pause, has_begun, has_watched, place = _FIRST_PAUSE, False, False, _Place()
    refused_since: float | None = None
    while True:
        try:
            if not place.version:
                listed = await connection.request("GET", path, query=query)
                has_begun, place.version = True, listed["metadata"]["resourceVersion"]
                yield Listed(listed.get("items") or [])
            async with aclosing(_changes(connection, path, query, place)) as changes:
                async for change in changes:
                    pause = _FIRST_PAUSE
                    yield Changed(change["object"], change["type"] == "DELETED")
            pause, has_watched, refused_since = _FIRST_PAUSE, True, None
        except RightsMissing:
            refused_since = refused_since or time.monotonic()
            if not has_watched or time.monotonic() - refused_since >= _RIGHTS_SECONDS:
                raise
        except (RuntimeUnavailable, aiohttp.ClientError, TimeoutError, OSError) as error:
            if not has_begun:
                raise
            if not isinstance(error, RuntimeUnavailable):
                has_watched = True
            elif error.reason in _EXPIRED:
                place.version = ""
            refused_since = None
            pause = min(pause * 2, _LONGEST_PAUSE)
        # Many may have lost the same API server: they do not come back at once.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


async def follow(
    connection: Connection, path: str, query: dict[str, str]
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
    connection: Connection,
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


@dataclass
class _Place:
    """How far a watch has come; empty when a list is due."""

    version: str = ""


async def _changes(
    connection: Connection, path: str, query: dict[str, str], place: _Place
) -> AsyncGenerator[dict[str, Any]]:
    """The changes of one watch from *place* on, which moves along."""
    since = {**query, "resourceVersion": place.version, "allowWatchBookmarks": "true"}
    async with aclosing(connection.watch(path, since)) as events:
        async for event in events:
            if event["type"] == "ERROR":
                place.version = ""  # mostly 410: it has expired
                return
            place.version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                yield event
