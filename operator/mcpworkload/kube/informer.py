"""
A cache of the live objects of one kind, kept by list and watch.

Objects are grouped by their owner, since they are read by owner. A list replaces what was known, so
that an object that vanished between two watches is reported as deleted.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Generic, Protocol, TypeVar

import msgspec

from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Forbidden, Gone, Unavailable
from mcpworkload.kube.keys import object_key, split_key
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.lists import read_pages
from mcpworkload.kube.objects import LiveT
from mcpworkload.kube.watches import Change, Watch, pause_after

OnlookT = TypeVar("OnlookT", contravariant=True)

log = logging.getLogger(__name__)

# The server sends a bookmark a minute and remembers events for 75 seconds.
SILENCE_SECONDS = 70.0
WATCH_SECONDS = (240, 300)
# A watch without bookmarks ends by its own time, or is dead.
LONG_SILENCE_SECONDS = WATCH_SECONDS[1] + SILENCE_SECONDS
RESTART_PAUSE_SECONDS = 0.1
# A longer failure is no hiccup, nor a fresh installation whose rights are not in force yet.
UNREADABLE_SECONDS = 10.0
# The Lease is renewed every two seconds; without a response to that, no kind can be read.
OUTAGE_SECONDS = 10.0
UNAUTHORIZED = 401


class Onlooker(Protocol[OnlookT]):
    """Receives every state of an object, not only the latest at the next reconcile."""

    def seen(self, owner: str, item: OnlookT, /) -> None:
        """Receive *item*, an object that exists in this state."""

    def gone(self, owner: str, item: OnlookT, /, *, watched: bool) -> None:
        """Receive the last state of an object; its deletion was *watched*, or a list lacks it."""


class Informer(Generic[LiveT]):
    """The live objects of one kind that its selector takes, in one namespace or in all."""

    def __init__(
        self,
        api: Api,
        kind: Kind[LiveT],
        namespace: str | None,
        on_change: Callable[[str], None],
        onlooker: Onlooker[LiveT] | None = None,
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        self._api = api
        self._kind: Kind[LiveT] = kind
        self._namespace = namespace
        self._on_change = on_change
        self._onlooker: Onlooker[LiveT] | None = onlooker
        #: Called when `trouble` comes or goes.
        self._on_reset = on_reset
        #: Why objects that others can do without have not been readable for long; else empty.
        self.trouble = ""
        self._failing_since: float | None = None
        self._by_owner: dict[str, dict[str, LiveT]] = {}
        self._owner_of: dict[str, str] = {}
        self._failures = 0
        self._watch: Watch[LiveT] = Watch(
            self._open_lines,
            msgspec.json.Decoder(kind.live).decode,
            kind.selector,
            plural=kind.plural,
            seconds=WATCH_SECONDS,
        )
        self.synced = asyncio.Event()
        #: When the watch last received anything, on the clock of `time.monotonic`.
        self.heard_at = time.monotonic()

    @property
    def version(self) -> int:
        """The resource version that the cache has reached; 0 when a list is due."""
        return self._watch.version

    def of(self, owner: str) -> Mapping[str, LiveT]:
        """Return the objects of one owner (a key of `object_key`), by name."""
        return self._by_owner.get(owner, {})

    def swap(self, owner: str, item: LiveT, instead: LiveT) -> None:
        """Hold *instead* in place of *item*, the same version of the same object."""
        known = self._by_owner.get(owner, {})
        if known.get(item.metadata.name) is item:
            known[item.metadata.name] = instead

    def within(self, namespace: str) -> Iterator[LiveT]:
        """Yield all objects of *namespace*."""
        for owner, items in self._by_owner.items():
            if split_key(owner)[0] == namespace:
                yield from items.values()

    def owners(self) -> Sequence[str]:
        """Return the keys of all owners of any object."""
        return tuple(self._by_owner)

    async def run(self) -> None:
        """List once, then watch for ever; only cancellation ends it."""
        while True:
            try:
                if not self.version:
                    await self._list()
                await self._follow()
                await asyncio.sleep(RESTART_PAUSE_SECONDS)
            except (ApiError, msgspec.DecodeError) as error:
                # An event that can't be decoded would come again and again.
                if isinstance(error, Gone | msgspec.DecodeError):
                    self._watch.expire()
                if not self._kind.is_vital:
                    self._note_failure(error)
                pause = self._next_pause()
                log.warning("%s; trying again in %.1f s", error, pause)
                await asyncio.sleep(pause)

    def _next_pause(self) -> float:
        self._failures += 1
        return pause_after(self._failures)

    def _note_failure(self, error: ApiError | msgspec.DecodeError) -> None:
        """Report the kind as unreadable once reading has failed for long."""
        now = time.monotonic()
        if not isinstance(error, Unavailable):
            # A response, and one that a restart of the operator would not change.
            self.heard_at = now
        if isinstance(error, Forbidden):
            # The right to list may be left, and lists alone are enough to see.
            self._watch.expire()
        is_unknown = isinstance(error, Unavailable) and error.status == UNAUTHORIZED
        if is_unknown or now - self._api.answered_at > OUTAGE_SECONDS:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = now
        elif not self.trouble and now - self._failing_since >= UNREADABLE_SECONDS:
            # What differs from attempt to attempt would be a new status each time: the first stays.
            self.trouble = str(error)
            self._watch.expire()
            self.synced.set()
            self._on_reset()

    def _note_success(self) -> None:
        self._failing_since = None
        if self.trouble:
            log.info("%s can be read again", self._kind.plural)
            self.trouble = ""
            self._on_reset()

    async def _list(self) -> None:
        found: dict[str, LiveT] = {}
        version = 0
        pages = read_pages(self._api, self._kind, self._namespace, selector=self._kind.selector)
        async for page in pages:
            found.update((_path(item), item) for item in page.items)
            version = int(page.metadata.resource_version)
        for path in self._owner_of.keys() - found.keys():
            self._remove(path, watched=False)
        for item in found.values():
            self._store(item)
        self._watch.resume(version)
        self.heard_at = time.monotonic()
        self.synced.set()
        self._note_success()

    async def _follow(self) -> None:
        async with aclosing(self._watch.changes()) as changes:
            async for change in changes:
                self.heard_at = time.monotonic()
                if change.type == "BEGUN":
                    self._note_success()
                    continue
                self._failures = 0
                if change.item is not None:
                    self._take(change, change.item)

    def _open_lines(
        self, parameters: Mapping[str, str]
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        silence = SILENCE_SECONDS if self._kind.has_pulse else LONG_SILENCE_SECONDS
        return self._api.lines(self._kind.path(self._namespace), parameters, silence)

    def _take(self, change: Change[LiveT], item: LiveT) -> None:
        if change.type == "DELETED":
            self._remove(_path(item), item)
        elif change.type in ("ADDED", "MODIFIED"):
            self._store(item)

    def _store(self, item: LiveT) -> None:
        path, metadata = _path(item), item.metadata
        owner = object_key(metadata.namespace, self._kind.owner_of(item))
        if self._owner_of.get(path, owner) != owner:
            self._remove(path)
        self._owner_of[path] = owner
        known = self._by_owner.setdefault(owner, {})
        before = known.get(metadata.name)
        if before is None or before.metadata.resource_version != metadata.resource_version:
            known[metadata.name] = item
            self._tell(owner, item, before)
            self._on_change(owner)

    def _tell(self, owner: str, item: LiveT, before: LiveT | None) -> None:
        if self._onlooker is None:
            return
        if before is not None and before.metadata.uid != item.metadata.uid:
            self._onlooker.gone(owner, before, watched=False)
        self._onlooker.seen(owner, item)

    def _remove(self, path: str, last: LiveT | None = None, *, watched: bool = True) -> None:
        owner = self._owner_of.pop(path, None)
        if owner is None:
            return
        known = self._by_owner[owner]
        found = known.pop(split_key(path)[1], None)
        if not known:
            del self._by_owner[owner]
        if self._onlooker is not None and found is not None:
            self._onlooker.gone(owner, last or found, watched=watched)
        self._on_change(owner)


def _path(item: LiveT) -> str:
    return object_key(item.metadata.namespace, item.metadata.name)
