"""The workloads in their newest versions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mcpworkload.kube.keys import object_key

Body = Mapping[str, Any]


class WorkloadStore:
    """
    The raw bodies of all MCPWorkloads, by key.

    Two sources feed it: kopf's watch, and the answers to the operator's status writes, which often
    come earlier. The higher resource version stays, so that no reconcile reads an older one.
    """

    def __init__(self) -> None:
        self._bodies: dict[str, Body] = {}
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
        return self._bodies.get(key)

    def put(self, body: Body) -> str | None:
        """Keep *body* if it is newer than what is known; return its key then, else None."""
        key, old = key_of(body), self._bodies.get(key_of(body))
        self._expected.discard(key)
        if old is not None and _version(old) >= _version(body):
            return None
        self._bodies[key] = _slim(body)
        return key

    def drop(self, body: Body) -> str | None:
        """Forget a deleted workload; return its key, None when its name has a new one already."""
        key, known = key_of(body), self._bodies.get(key_of(body))
        if known is not None and known["metadata"]["uid"] != body["metadata"]["uid"]:
            return None
        self._expected.discard(key)
        self._bodies.pop(key, None)
        return key

    def __iter__(self) -> Iterator[Body]:
        """Return every body, as a snapshot."""
        return iter(tuple(self._bodies.values()))


def key_of(body: Body) -> str:
    """Return the key of the workload in *body*."""
    return object_key(body["metadata"]["namespace"], body["metadata"]["name"])


def _version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])


def _slim(body: Body) -> Body:
    """Return *body* with what is read of it; managedFields alone are half of an object."""
    kept = ("name", "namespace", "uid", "generation", "resourceVersion", "deletionTimestamp")
    metadata = {key: value for key, value in body["metadata"].items() if key in kept}
    return {"metadata": metadata, "spec": body.get("spec"), "status": body.get("status")}
