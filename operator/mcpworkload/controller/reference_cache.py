"""
The ConfigMaps and Secrets that workloads refer to, and no others.

An object is read when a workload refers to it and its content is not known, or has changed; a
watch of metadata reports changes. Objects that no workload refers to cost nothing but their events.
"""

import asyncio
import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import msgspec

from mcpworkload.api.rules import is_subdomain
from mcpworkload.controller.kinds import REFERRED_KINDS
from mcpworkload.controller.references import (
    Absence,
    Content,
    Found,
    ObjectId,
    ReferredKind,
    digest_content,
)
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import NotFound, Unavailable, read_answer
from mcpworkload.kube.keys import object_key, split_key
from mcpworkload.kube.metadata_watch import Signals
from mcpworkload.kube.objects import Metadata

# A reconcile must not keep its worker for long while a kind cannot be watched.
SYNC_SECONDS = 2.0


class _Source(msgspec.Struct, rename="camel"):
    """A ConfigMap or a Secret, as read; it lives until its values are digested."""

    metadata: Metadata
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    kind: str = ""

    @property
    def texts(self) -> dict[str, str]:
        """The values that are text; those of a Secret are sent in base64."""
        found = {}
        for key, value in (self.data or {}).items():
            with suppress(ValueError):
                found[key] = base64.b64decode(value).decode() if self.kind == "Secret" else value
        return found


@dataclass
class _Entry:
    """An object that workloads refer to."""

    #: Those workloads.
    users: set[str] = field(default_factory=set)
    #: None when it has to be read.
    found: Found | None = None
    version: int = 0
    #: How often the watch reported a change: what was read across a change is not kept.
    changes: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class References:
    """The objects that workloads refer to; *on_change* receives the key of a workload."""

    def __init__(
        self,
        api: Api,
        scopes: Sequence[str | None],
        on_change: Callable[[str], None],
        monotonic: Callable[[], float],
        *,
        sync_seconds: float = SYNC_SECONDS,
    ) -> None:
        """*sync_seconds* is for how long a look-up waits for the watch of a kind to begin."""
        self._api = api
        self._monotonic = monotonic
        self._sync_seconds = sync_seconds
        self._on_change = on_change
        self._entries: dict[ReferredKind, dict[str, _Entry]] = {kind: {} for kind in REFERRED_KINDS}
        self._wanted: dict[str, frozenset[ObjectId]] = {}
        self._referred_by_pods: dict[str, frozenset[ObjectId]] = {}
        #: By workload, the object of which it reads a text, and that text with its digest.
        self._sources: dict[str, ObjectId] = {}
        self._texts: dict[str, tuple[ObjectId, bytes, str]] = {}
        self._signals = {
            (name, scope): Signals(
                api,
                kind,
                scope,
                partial(self._changed, name),
                partial(self._reset, name, scope),
            )
            for name, kind in REFERRED_KINDS.items()
            for scope in scopes
        }

    async def run(self) -> None:
        """Watch for changes, for ever."""
        async with asyncio.TaskGroup() as group:
            for signals in self._signals.values():
                group.create_task(signals.run())

    def watch_ages(self) -> Mapping[str, float]:
        """Return for how many seconds the quietest watch of each resource was silent."""
        now, ages = self._monotonic(), dict[str, float]()
        for (kind, _), each in self._signals.items():
            resource = REFERRED_KINDS[kind].plural
            ages[resource] = max(now - each.heard_at, ages.get(resource, 0.0))
        return ages

    def silent_seconds(self) -> float:
        """Return for how many seconds the quietest watch was silent."""
        return self._monotonic() - min(each.heard_at for each in self._signals.values())

    async def look_up(self, workload: str, objects: Iterable[ObjectId]) -> Mapping[ObjectId, Found]:
        """
        Return the content of *objects*, the only ones that the workload with that key refers to.

        From now on *on_change* receives the workload's key when one of them changes.

        Raises:
            ApiError: the API server does not answer what exists; worth a retry.
        """
        wanted = self._referred_by_pods[workload] = frozenset(objects)
        self._register(workload, self._referred(workload))
        return {each: await self._find(workload, each) for each in sorted(wanted)}

    async def text_of(self, workload: str, source: ObjectId, key: str) -> str | Absence:
        """
        Return the text in *key* of *source*, which a workload reads beside what its pods do.

        As with `look_up`, *on_change* receives the workload's key when it changes.

        Raises:
            ApiError: the API server does not answer; worth a retry.
        """
        self._sources[workload] = source
        self._register(workload, self._referred(workload))
        found = await self._find(workload, source)
        if not isinstance(found, Content):
            return found
        if key not in found.digests:
            return Absence.MISSING
        known = self._texts.get(workload)
        if known is None or known[:2] != (source, found.digests[key]):
            # Where it has changed since it was digested, that is an event, and it is read again.
            text = (await self.values_of(workload, source)).get(key, "")
            self._texts[workload] = known = (source, found.digests[key], text)
        return known[2]

    async def values_of(self, workload: str, source: ObjectId) -> Mapping[str, str]:
        """
        Return the values of *source*, which a `look_up` of *workload* has found; they are not kept.

        Values that are no text are left out.

        Raises:
            ApiError: the API server does not answer; worth a retry.
        """
        found = await self._get(split_key(workload)[0], source)
        return {} if found is None else found.texts

    def release_text(self, workload: str) -> None:
        """Drop the text of a workload that reads none any more."""
        if self._sources.pop(workload, None) is not None:
            self._texts.pop(workload, None)
            self._register(workload, self._referred(workload))

    def forget(self, workload: str) -> None:
        """Drop the objects to which only this workload referred, which is deleted."""
        for kept in (self._referred_by_pods, self._sources, self._texts):
            kept.pop(workload, None)
        self._register(workload, frozenset())

    def _referred(self, workload: str) -> frozenset[ObjectId]:
        source = self._sources.get(workload)
        by_pods = self._referred_by_pods.get(workload, frozenset())
        return by_pods | {source} if source is not None else by_pods

    def _register(self, workload: str, wanted: frozenset[ObjectId]) -> None:
        before = self._wanted.get(workload, frozenset())
        for each in before - wanted:
            entries, path = self._entries[each.kind], _path(workload, each)
            entries[path].users.discard(workload)
            if not entries[path].users:
                del entries[path]
        for each in wanted - before:
            entry = self._entries[each.kind].setdefault(_path(workload, each), _Entry())
            entry.users.add(workload)
        if wanted:
            self._wanted[workload] = wanted
        else:
            self._wanted.pop(workload, None)

    async def _find(self, workload: str, wanted: ObjectId) -> Found:
        namespace, _ = split_key(workload)
        signals = self._signals.get((wanted.kind, namespace)) or self._signals[wanted.kind, None]
        if not signals.synced.is_set():
            # Without a watch that runs already, a change after the read would go unnoticed.
            try:
                await asyncio.wait_for(signals.synced.wait(), self._sync_seconds)
            except TimeoutError:
                raise Unavailable(f"{wanted.kind}s cannot be watched yet") from None
        if not signals.is_readable:
            return Absence.UNREADABLE
        entry = self._entries[wanted.kind][_path(workload, wanted)]
        if entry.found is not None:
            return entry.found
        # One reconcile reads the object, and all others that wait for it take the same content.
        async with entry.lock:
            while entry.found is None:
                changes = entry.changes
                version, found = await self._read(namespace, wanted)
                if entry.changes == changes:
                    entry.found, entry.version = found, version
            return entry.found

    async def _read(self, namespace: str, wanted: ObjectId) -> tuple[int, Found]:
        source = await self._get(namespace, wanted)
        if source is None:
            return 0, Absence.MISSING
        values = {**(source.data or {}), **(source.binary_data or {})}
        return source.metadata.version, digest_content(source.metadata.uid, values)

    async def _get(self, namespace: str, wanted: ObjectId) -> _Source | None:
        if not is_subdomain(wanted.name):
            # No object has such a name, and "../" or "?" would lead to another in the path.
            return None
        path = REFERRED_KINDS[wanted.kind].path(namespace, wanted.name)
        try:
            content = await self._api.request("GET", path)
        except NotFound:
            return None
        return read_answer(content, _Source)

    def _changed(self, kind: ReferredKind, path: str, version: int) -> None:
        entry = self._entries[kind].get(path)
        # What was read may be newer than the watch.
        if entry is not None and (entry.found is None or version > entry.version):
            self._renew(entry)

    def _reset(self, kind: ReferredKind, scope: str | None) -> None:
        for path, entry in self._entries[kind].items():
            if scope in (None, split_key(path)[0]):
                self._renew(entry)

    def _renew(self, entry: _Entry) -> None:
        entry.found, entry.version = None, 0
        entry.changes += 1
        for workload in entry.users:
            self._on_change(workload)


def _path(workload: str, wanted: ObjectId) -> str:
    """The key of an object in the namespace of *workload*."""
    return object_key(split_key(workload)[0], wanted.name)
