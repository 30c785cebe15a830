"""Following a handful of objects by list and watch, until what is waited for is true."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import aiohttp

from mcpworkload.runtime.connection import Connection
from mcpworkload.runtime.errors import RuntimeUnavailable

Objects = dict[str, dict[str, Any]]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


async def follow(
    connection: Connection, path: str, query: dict[str, str]
) -> AsyncGenerator[Objects]:
    """
    The objects that *query* selects, by name: as they are now, and after each change.

    Goes on when a watch ends, breaks or expires, and when the API server is away; objects that
    came and went meanwhile are not seen. Never ends by itself.

    Raises:
        WorkloadError: the first list fails, or a later one for another reason than an outage.
    """
    pause, has_begun = _FIRST_PAUSE, False
    while True:
        try:
            listed = await connection.request("GET", path, query=query)
            objects = {item["metadata"]["name"]: item for item in listed.get("items") or ()}
            has_begun = True
            yield dict(objects)
            version = listed["metadata"]["resourceVersion"]
            async with aclosing(_changes(connection, path, query, version)) as changes:
                async for change in changes:
                    pause = _FIRST_PAUSE
                    _apply(change, objects)
                    yield dict(objects)
        except (RuntimeUnavailable, aiohttp.ClientError, TimeoutError, OSError):
            if not has_begun:
                raise
            pause = min(pause * 2, _LONGEST_PAUSE)
        # Many may have lost the same API server: they do not come back at once.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


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


async def _changes(
    connection: Connection, path: str, query: dict[str, str], version: str
) -> AsyncGenerator[dict[str, Any]]:
    """The changes since *version*, until the API server has to be asked for a list again."""
    while True:
        since = {
            **query,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
        }
        async with aclosing(connection.watch(path, since)) as events:
            async for event in events:
                if event["type"] == "ERROR":
                    return  # mostly 410: the version has expired
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield event
        await asyncio.sleep(_FIRST_PAUSE)


def _apply(change: dict[str, Any], objects: Objects) -> None:
    name = change["object"]["metadata"]["name"]
    if change["type"] == "DELETED":
        objects.pop(name, None)
    else:
        objects[name] = change["object"]
