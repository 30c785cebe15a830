"""
A cache of the live objects of one kind, kept by list and watch.

Objects are found by their owner, since they are read by owner. They are packed while nobody reads
them: there may be tens of thousands. A list replaces what was known, so that an object that
vanished between two watches is reported as deleted.
"""

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Generic, Protocol, TypeVar

import msgspec

from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Forbidden, Gone, Interrupted, Unavailable
from mcpworkload.kube.keys import object_key, split_key
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.lists import read_pages
from mcpworkload.kube.objects import LiveT
from mcpworkload.kube.packing import Packer
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
# Room for every resource version that etcd has.
_HEAD_BYTES = 8


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
        decode = msgspec.json.Decoder(kind.live).decode
        self._packer: Packer[LiveT] = Packer(decode)
        #: The objects by key, packed, and behind their version.
        self._packed: dict[str, bytes] = {}
        #: The keys of an owner's objects; mostly there is one, which takes no container.
        self._owned: dict[str, str | tuple[str, ...]] = {}
        #: How many objects a namespace has that the kind counts.
        self._counts: Counter[str] = Counter()
        self._failures = 0
        self._watch: Watch[LiveT] = Watch(
            self._open_lines,
            decode,
            kind.selector,
            plural=kind.plural,
            seconds=WATCH_SECONDS,
        )
        self.synced = asyncio.Event()
        #: When the watch last received anything, on the clock of `time.monotonic`.
        self.heard_at = time.monotonic()

    @property
    def resource(self) -> str:
        """The plural of the kind, as in the API's paths."""
        return self._kind.plural

    @property
    def version(self) -> int:
        """
        The resource version that the cache has reached; 0 before the first list.

        While a new list is due or being read, some objects are newer, and none is older.
        """
        return self._watch.version or self._watch.before

    def of(self, owner: str) -> Mapping[str, LiveT]:
        """Return the objects of one owner (a key of `object_key`), by name."""
        return {split_key(path)[1]: self._unpack(path) for path in self._paths_of(owner)}

    def get(self, owner: str, name: str) -> LiveT | None:
        """Return the object of *owner* with that name; None where there is none."""
        path = object_key(split_key(owner)[0], name)
        return self._unpack(path) if path in self._paths_of(owner) else None

    def swap(self, item: LiveT) -> None:
        """Hold *item* in place of the same version of the same object, with other content."""
        path = _path(item)
        if self._holds(path, item):
            self._packed[path] = self._pack(item)

    def has_counted(self, namespace: str) -> bool:
        """Return whether *namespace* has an object that the kind counts."""
        return self._counts[namespace] > 0

    def owners(self) -> Sequence[str]:
        """Return the keys of all owners of any object."""
        return tuple(self._owned)

    async def run(self) -> None:
        """List once, then watch for ever; only cancellation ends it."""
        while True:
            try:
                if not self._watch.version:
                    await self._list()
                await self._follow()
                await asyncio.sleep(RESTART_PAUSE_SECONDS)
            except (ApiError, msgspec.DecodeError) as error:
                # An event that can't be decoded would come again and again.
                if isinstance(error, Gone | msgspec.DecodeError):
                    self._watch.expire()
                if not self._kind.is_vital:
                    self._note_failure(error)
                pause = self._next_pause(error)
                # Connections end, and quiet ones are dropped: only what then fails is a trouble.
                level = logging.INFO if isinstance(error, Interrupted) else logging.WARNING
                log.log(level, "%s; trying again in %.1f s", error, pause)
                await asyncio.sleep(pause)

    def _next_pause(self, error: Exception) -> float:
        self._failures = 1 if self._watch.was_steady(error) else self._failures + 1
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
        gone = set(self._packed)
        version = 0
        pages = read_pages(self._api, self._kind, self._namespace, selector=self._kind.selector)
        async for page in pages:
            for item in page.items:
                gone.discard(_path(item))
                self._store(item)
            version = int(page.metadata.resource_version)
        for path in gone:
            self._remove(path, watched=False)
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
        path = _path(item)
        if self._holds(path, item):
            return
        owner = self._owner_of(item)
        before = self._unpack(path) if path in self._packed else None
        if before is not None and self._owner_of(before) != owner:
            self._remove(path)
            before = None
        if before is None:
            self._own(owner, path)
        self._count(before, item)
        self._packed[path] = self._pack(item)
        self._tell(owner, item, before)
        self._on_change(owner)

    def _tell(self, owner: str, item: LiveT, before: LiveT | None) -> None:
        if self._onlooker is None:
            return
        if before is not None and before.metadata.uid != item.metadata.uid:
            self._onlooker.gone(owner, before, watched=False)
        self._onlooker.seen(owner, item)

    def _remove(self, path: str, last: LiveT | None = None, *, watched: bool = True) -> None:
        if path not in self._packed:
            return
        found = self._unpack(path)
        owner = self._owner_of(found)
        del self._packed[path]
        self._disown(owner, path)
        self._count(found, None)
        if self._onlooker is not None:
            self._onlooker.gone(owner, last or found, watched=watched)
        self._on_change(owner)

    def _pack(self, item: LiveT) -> bytes:
        return _head(item) + self._packer.pack(item)

    def _unpack(self, path: str) -> LiveT:
        return self._packer.unpack(self._packed[path][_HEAD_BYTES:])

    def _holds(self, path: str, item: LiveT) -> bool:
        """Return whether the cache has that very version of *item*."""
        return self._packed.get(path, b"").startswith(_head(item))

    def _owner_of(self, item: LiveT) -> str:
        # Many caches have the same owners: they share the text.
        return sys.intern(object_key(item.metadata.namespace, self._kind.owner_of(item)))

    def _paths_of(self, owner: str) -> tuple[str, ...]:
        paths = self._owned.get(owner, ())
        return (paths,) if isinstance(paths, str) else paths

    def _own(self, owner: str, path: str) -> None:
        paths = (*self._paths_of(owner), path)
        self._owned[owner] = paths[0] if len(paths) == 1 else paths

    def _disown(self, owner: str, path: str) -> None:
        left = tuple(each for each in self._paths_of(owner) if each != path)
        if left:
            self._owned[owner] = left[0] if len(left) == 1 else left
        else:
            del self._owned[owner]

    def _count(self, before: LiveT | None, after: LiveT | None) -> None:
        for item, step in ((before, -1), (after, 1)):
            if item is not None and self._kind.is_counted(item):
                self._counts[item.metadata.namespace] += step


def _path(item: LiveT) -> str:
    return object_key(item.metadata.namespace, item.metadata.name)


def _head(item: LiveT) -> bytes:
    """Return the version of *item*, to stand before it where it is packed."""
    return item.metadata.version.to_bytes(_HEAD_BYTES)
