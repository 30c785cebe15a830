"""The workloads in their newest versions."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from mcpworkload.kube.keys import object_key, split_key
from mcpworkload.kube.packing import Packer

Body = Mapping[str, Any]

_METADATA = ("name", "namespace", "uid", "generation", "resourceVersion", "deletionTimestamp")


@dataclass(frozen=True, slots=True)
class _Known:
    """A workload as it is kept: what each event is compared with, and the body, packed."""

    version: int
    uid: str
    packed: bytes
    #: Whether it wants its pods isolated.
    is_isolated: bool


class WorkloadStore:
    """
    The bodies of all MCPWorkloads, by key, packed: each look at one makes a new copy.

    Two sources feed it: kopf's watch, and the answers to the operator's status writes, which often
    come earlier. The higher resource version stays, so that no reconcile reads an older one.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._packer: Packer[Body] = Packer(msgspec.json.decode)
        #: By namespace, how many workloads want their pods isolated.
        self._isolated: Counter[str] = Counter()
        self._expected: set[str] = set()

    def expect(self, keys: Iterable[str]) -> None:
        """Note workloads that exist; kopf will show each of them in a moment."""
        self._expected.update(keys)

    def is_expected(self, key: str) -> bool:
        """Return whether a list had the workload, though kopf has not shown it yet."""
        return key in self._expected

    @property
    def is_complete(self) -> bool:
        """True if every workload that a list had has been shown."""
        return not self._expected

    def expect_no_more(self) -> set[str]:
        """Return the workloads that were expected and not shown; they are deleted by now."""
        missed, self._expected = self._expected, set()
        return missed

    def get(self, key: str) -> Body | None:
        """Return the body of a workload, None when it does not exist."""
        known = self._known.get(key)
        return None if known is None else self._packer.unpack(known.packed)

    def is_current(self, body: Body) -> bool:
        """Return whether *body* is the newest version of a workload that exists."""
        known = self._known.get(key_of(body))
        return known is not None and (known.version, known.uid) == (_version(body), _uid(body))

    def put(self, body: Body) -> str | None:
        """Keep *body* if it is newer than what is known; return its key then, else None."""
        key = key_of(body)
        self._expected.discard(key)
        known, version = self._known.get(key), _version(body)
        if known is not None and known.version >= version:
            return None
        packed = self._packer.pack(_slim(body))
        self._replace(key, _Known(version, _uid(body), packed, _wants_isolation(body)))
        return key

    def drop(self, body: Body) -> str | None:
        """Forget a deleted workload; return its key, None when its name has a new one already."""
        return self.drop_uid(key_of(body), _uid(body))

    def drop_uid(self, key: str, uid: str) -> str | None:
        """Forget the workload *key* if it has that *uid*; the result is that of `drop`."""
        known = self._known.get(key)
        if known is not None and known.uid != uid:
            return None
        self._expected.discard(key)
        self._replace(key, None)
        return key

    def wants_isolation(self, namespace: str) -> bool:
        """Return whether a workload of *namespace* wants its pods isolated and is not deleted."""
        return self._isolated[namespace] > 0

    def uids(self) -> Mapping[str, str]:
        """Return the UIDs of all workloads as of now, by key."""
        return {key: known.uid for key, known in self._known.items()}

    def _replace(self, key: str, known: _Known | None) -> None:
        before = self._known.pop(key, None)
        if known is not None:
            self._known[key] = known
        namespace, _ = split_key(key)
        for each, step in ((before, -1), (known, 1)):
            if each is not None and each.is_isolated:
                self._isolated[namespace] += step

    def __len__(self) -> int:
        """Return how many workloads there are."""
        return len(self._known)

    def __iter__(self) -> Iterator[Body]:
        """Return every body of this moment; each is unpacked when its turn comes."""
        return (self._packer.unpack(known.packed) for known in tuple(self._known.values()))


def key_of(body: Body) -> str:
    """Return the key of the workload in *body*; the same text wherever it is kept."""
    return sys.intern(object_key(body["metadata"]["namespace"], body["metadata"]["name"]))


def _version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])


def _uid(body: Body) -> str:
    uid: str = body["metadata"]["uid"]
    return uid


def _wants_isolation(body: Body) -> bool:
    is_wanted = (body.get("spec") or {}).get("isolateNetwork") is True
    return is_wanted and not body["metadata"].get("deletionTimestamp")


def _slim(body: Body) -> Body:
    """Return *body* with what is read of it; managedFields alone are half of an object."""
    metadata = {key: value for key, value in body["metadata"].items() if key in _METADATA}
    return {"metadata": metadata, "spec": body.get("spec"), "status": body.get("status")}
