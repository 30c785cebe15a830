"""A namespace of its own for one test, and the waits in it."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.api import MERGE, Api
from tests.support.kinds import Manifest
from tests.support.predicates import Predicate, exists, is_gone, is_ready

POLL_SECONDS = 0.1
WAIT_SECONDS = 60.0


class TimedOut(AssertionError):
    """What was waited for did not happen; the message has what was seen instead."""


@dataclass(frozen=True)
class Namespace:
    """A namespace; everything that a test creates is in one, and goes with it."""

    api: Api
    name: str
    #: The operator's last log lines, for the message of a wait that failed.
    operator_log: Callable[[], str]

    @classmethod
    @asynccontextmanager
    async def open(
        cls, api: Api, word: str, operator_log: Callable[[], str]
    ) -> AsyncIterator["Namespace"]:
        """A fresh namespace whose name says *word*; its deletion is not waited for."""
        namespace = cls(api, f"mcpw-test-{word}-{secrets.token_hex(3)}", operator_log)
        # What the default pod may do is tested along: it passes the strictest level.
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": namespace.name, "labels": labels}
        await api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        try:
            # Without it pods are refused, and the StatefulSet controller backs off.
            await namespace.until("ServiceAccount", "default", exists())
            yield namespace
        finally:
            await api.delete("Namespace", "", namespace.name)

    async def apply(self, manifest: Manifest) -> Manifest:
        """Apply a manifest to this namespace, as its author."""
        return await self.api.apply(self._here(manifest))

    async def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object in this namespace, or have it judged only."""
        return await self.api.create(self._here(manifest), dry_run=dry_run)

    async def get(self, kind: str, name: str) -> Manifest:
        """An object that is known to exist."""
        found = await self.api.get(kind, self.name, name)
        assert found is not None, f"there is no {kind} {self.name}/{name}"
        return found

    async def read_all(self, kind: str) -> list[Manifest]:
        """The objects of a kind."""
        return await self.api.read_all(kind, self.name)

    async def patch(
        self, kind: str, name: str, body: dict[str, Any], content_type: str = MERGE
    ) -> Manifest:
        """Change some fields of an object, as somebody else than its owner."""
        return await self.api.patch(kind, self.name, name, body, content_type=content_type)

    async def delete(self, kind: str, name: str, propagation: str = "Background") -> None:
        """Ask for an object's deletion."""
        await self.api.delete(kind, self.name, name, propagation)

    async def settle(self, manifest: Manifest, seconds: float = WAIT_SECONDS) -> Manifest:
        """Apply an MCPWorkload and wait until it is Ready; the workload then."""
        await self.apply(manifest)
        return await self.until("MCPWorkload", manifest["metadata"]["name"], is_ready(), seconds)

    async def until(
        self, kind: str, name: str, predicate: Predicate, seconds: float = WAIT_SECONDS
    ) -> Manifest:
        """
        The object once *predicate* holds; an empty manifest if that means that it is gone.

        Raises:
            TimedOut: with the object as last seen, all conditions, the operator's last words.
        """
        what = f"{kind} {self.name}/{name}: {predicate.words}"
        return await self._poll(
            lambda: self.api.get(kind, self.name, name), predicate, what, seconds
        )

    async def until_ended(self, seconds: float = WAIT_SECONDS) -> None:
        """Return when the namespace is gone, whose deletion somebody has asked for."""
        await self._poll(
            lambda: self.api.get("Namespace", "", self.name), is_gone(), self.name, seconds
        )

    async def _poll(
        self,
        read: Callable[[], Awaitable[Manifest | None]],
        predicate: Predicate,
        what: str,
        seconds: float,
    ) -> Manifest:
        deadline = time.monotonic() + seconds
        while True:
            found = await read()
            if predicate.holds(found):
                return found or {}
            if time.monotonic() > deadline:
                raise TimedOut(await self._describe(what, seconds, found))
            await asyncio.sleep(POLL_SECONDS)

    async def until_all(
        self,
        kind: str,
        names: Iterable[str],
        predicate: Predicate,
        seconds: float = WAIT_SECONDS,
    ) -> list[Manifest]:
        """
        Those objects once *predicate* holds for each, asked for by one list at a time.

        Raises:
            TimedOut: with the first object that it does not hold for.
        """
        wanted, deadline = list(names), time.monotonic() + seconds
        while True:
            found = {item["metadata"]["name"]: item for item in await self.read_all(kind)}
            missing = [name for name in wanted if not predicate.holds(found.get(name))]
            if not missing:
                return [found[name] for name in wanted if name in found]
            if time.monotonic() > deadline:
                what = f"{kind} {self.name}/*: {predicate.words}, not so for {len(missing)}"
                raise TimedOut(await self._describe(what, seconds, found.get(missing[0])))
            # A list of many objects is real work for a small machine.
            await asyncio.sleep(POLL_SECONDS * 5)

    async def _describe(self, what: str, seconds: float, found: Manifest | None) -> str:
        workloads = await self.read_all("MCPWorkload")
        return "\n".join(
            (
                f"waited {seconds:.0f} s for {what}",
                "last seen:",
                _abridged(found),
                *_conditions(workloads),
                "the operator's last log lines:",
                self.operator_log(),
            )
        )

    def _here(self, manifest: Manifest) -> Manifest:
        return {**manifest, "metadata": {**manifest["metadata"], "namespace": self.name}}


def _abridged(found: Manifest | None) -> str:
    if found is None:
        return "  nothing"
    metadata = {key: found["metadata"][key] for key in found["metadata"] if key != "managedFields"}
    return json.dumps({**found, "metadata": metadata}, indent=1)[:4000]


def _conditions(workloads: Sequence[Manifest]) -> list[str]:
    return [
        "  ".join(
            (
                f"MCPWorkload {workload['metadata']['name']}:",
                f"{condition['type']}={condition['status']}",
                condition["reason"],
                condition["message"],
            )
        )
        for workload in workloads[:10]
        for condition in workload.get("status", {}).get("conditions", [])
    ]
