"""
Watch the objects of one kind for changes, without keeping any of them.

For kinds of which a cluster may hold thousands that do not matter here. Only metadata comes over
the wire: no value of a foreign Secret ever enters this process.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing

import msgspec

from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Forbidden, Gone, Interrupted
from mcpworkload.kube.keys import object_key
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.lists import PARTIAL_LIST, PARTIAL_OBJECT
from mcpworkload.kube.objects import Page, Partial
from mcpworkload.kube.watches import Watch, pause_after

log = logging.getLogger(__name__)

# The server sends a bookmark a minute.
SILENCE_SECONDS = 70.0
WATCH_SECONDS = (240, 300)
RESTART_PAUSE_SECONDS = 0.1
# For how long a 403 is taken for a hiccup: the rights of a fresh installation, and of one that
# could read a moment ago. Acting on it rolls the pods that refer to such objects.
FORBIDDEN_SECONDS = (0.5, 30.0)
FORBIDDEN_PAUSE_SECONDS = 0.25
# How long rights that are given to a running operator take to show.
UNREADABLE_PAUSE_SECONDS = 60.0


class Signals:
    """
    A watch of one kind, in one namespace or in all, that reports which objects changed.

    *on_change* gets the key (namespace/name) and the resource version of an object that was
    created, changed or deleted; *on_reset* is called when any object may have changed meanwhile.
    """

    def __init__(
        self,
        api: Api,
        kind: Kind[Partial],
        namespace: str | None,
        on_change: Callable[[str, int], None],
        on_reset: Callable[[], None],
    ) -> None:
        self._api = api
        self._kind = kind
        self._namespace = namespace
        self._on_change = on_change
        self._on_reset = on_reset
        self._watch = Watch(
            self._open_lines,
            msgspec.json.Decoder(Partial).decode,
            {},
            plural=kind.plural,
            seconds=WATCH_SECONDS,
        )
        self._failures = 0
        self._forbidden_since: float | None = None
        #: Whether the API server allows the watch; known once `synced` is set.
        self.is_readable = True
        self.synced = asyncio.Event()
        #: When the API server last sent anything, on the clock of `time.monotonic`.
        self.heard_at = time.monotonic()

    async def run(self) -> None:
        """Watch for ever; only cancellation ends it."""
        while True:
            try:
                if not self._watch.version:
                    await self._begin()
                await self._follow()
                pause = RESTART_PAUSE_SECONDS
            except Forbidden as error:
                pause = self._forbidden(error)
            except (ApiError, msgspec.DecodeError) as error:
                if isinstance(error, Gone):
                    self._watch.expire()
                pause = self._next_pause(error)
                # Connections end, and quiet ones are dropped: only what then fails is a trouble.
                level = logging.INFO if isinstance(error, Interrupted) else logging.WARNING
                log.log(level, "%s; trying again in %.1f s", error, pause)
            await asyncio.sleep(pause)

    async def _begin(self) -> None:
        """Read the version to watch from; existing objects are read one by one, where needed."""
        content = await self._api.request(
            "GET",
            self._kind.path(self._namespace),
            params={"limit": "1"},
            accept=PARTIAL_LIST,
        )
        page = msgspec.json.decode(content, type=Page[Partial])
        if not self.is_readable:
            log.info("%s can be read now", self._kind.plural)
        self._watch.resume(int(page.metadata.resource_version))
        self._forbidden_since = None
        self.is_readable = True
        self.heard_at = time.monotonic()
        self.synced.set()
        self._on_reset()

    async def _follow(self) -> None:
        async with aclosing(self._watch.changes()) as changes:
            async for change in changes:
                self.heard_at = time.monotonic()
                if change.type == "BEGUN":
                    continue
                self._failures = 0
                if change.item is not None:
                    metadata = change.item.metadata
                    key = object_key(metadata.namespace, metadata.name)
                    self._on_change(key, metadata.version)

    def _open_lines(
        self, parameters: Mapping[str, str]
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        path = self._kind.path(self._namespace)
        return self._api.lines(path, parameters, SILENCE_SECONDS, accept=PARTIAL_OBJECT)

    def _forbidden(self, error: Forbidden) -> float:
        """Note a 403; return the seconds until the next attempt."""
        now = self.heard_at = time.monotonic()
        # Changes may be missed from now on, so the next watch begins anew.
        self._watch.expire()
        if self._forbidden_since is None:
            self._forbidden_since = now
        patience = FORBIDDEN_SECONDS[self.synced.is_set()]
        if self.is_readable and now - self._forbidden_since < patience:
            return FORBIDDEN_PAUSE_SECONDS
        if self.is_readable:
            if self.synced.is_set():
                log.warning("%s can no longer be read: %s", self._kind.plural, error)
            else:
                # The installation grants no such right: that is no warning.
                log.info("no right to read %s: references are not followed", self._kind.plural)
            self.is_readable = False
            self.synced.set()
            self._on_reset()
        return UNREADABLE_PAUSE_SECONDS

    def _next_pause(self, error: Exception) -> float:
        self._failures = 1 if self._watch.was_steady(error) else self._failures + 1
        return pause_after(self._failures)
