"""
Leader election by a Lease: one of several operators works, the others wait.

Only local clocks count: a Lease that did not change for its duration since this process first saw
it has expired, whatever times it holds. Who waits watches the Lease, so that one that is released
is taken at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from typing import Any

import msgspec

from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Conflict, NotFound, read_answer
from mcpworkload.kube.fence import Fence, LeadershipLost
from mcpworkload.kube.watches import Watch

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
RENEW_DEADLINE_SECONDS = 10.0
RETRY_SECONDS = 2.0
# Two renewals that did not come: the leader is gone, or the watch is.
SILENCE_SECONDS = 5.0
_WATCH_SECONDS = (240, 300)


class LeaderLease:
    """One Lease, and whether this process holds it; *fence* is open while it does."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str, fence: Fence) -> None:
        self._api = api
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._identity = identity
        self._fence = fence
        self._lease: dict[str, Any] = {}
        self._seen_version = ""
        #: When that version was seen first, and when it was last tried to hold it, on the fence's
        #: clock.
        self._seen_at = 0.0
        self._asked_at = 0.0

    async def acquire(self) -> None:
        """Return as soon as the Lease is ours."""
        waits_for = None
        while not await self._try_to_hold():
            if not self._is_taken():
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if waits_for != (holder := self._lease["spec"]["holderIdentity"]):
                log.info("waiting: %s is the leader", holder)
                waits_for = holder
            await self._wait_for_change()
        log.info("leading as %s", self._identity)

    async def keep(self) -> None:
        """
        Renew the Lease for ever.

        Raises:
            LeadershipLost: no write may begin any more, another process may lead.
        """
        while self._fence.is_open:
            try:
                async with asyncio.timeout(self._fence.seconds_left):
                    await self._renew()
            except TimeoutError:
                break
        raise LeadershipLost("the Lease could not be renewed in time")

    async def _renew(self) -> None:
        """Return after a renewal, or when it is too late for one."""
        await self._pause()
        # This process may have been paused; another one may lead since then.
        while self._fence.is_open and not await self._try_to_hold():
            if self._is_held_by_other():
                raise LeadershipLost(f"{self._lease['spec']['holderIdentity']} leads now")
            await self._pause()

    async def _pause(self) -> None:
        """Wait until the next try is due: an answer that took long does not delay it further."""
        await asyncio.sleep(max(0.0, self._asked_at + RETRY_SECONDS - self._fence.now()))

    async def release(self) -> None:
        """Write no more, and let another process lead at once; best effort."""
        self._fence.close()
        if self._lease and not self._is_held_by_other():
            try:
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._write(holder="", seconds=1)
            except (ApiError, TimeoutError) as error:
                log.info("the Lease was not released: %s", str(error) or "no answer in time")

    async def _try_to_hold(self) -> bool:
        """Create, take or renew the Lease; return False when that was not possible now."""
        self._asked_at = asked_at = self._fence.now()
        try:
            async with asyncio.timeout(RENEW_DEADLINE_SECONDS / 2):
                if not self._lease or self._is_taken():
                    await self._read()
                if self._is_taken():
                    return False
                try:
                    await self._write(holder=self._identity, seconds=LEASE_SECONDS)
                except (Conflict, NotFound):
                    await self._read()
                    return False
        except (ApiError, TimeoutError) as error:
            log.warning("the Lease cannot be held: %s", str(error) or "no answer in time")
            return False
        # From when it was sent: others may have seen the renewal long before its answer came.
        self._fence.open_until(asked_at + RENEW_DEADLINE_SECONDS)
        return True

    async def _wait_for_change(self) -> None:
        """Return when the Lease may be free, and when there is no news of it."""
        watch: Watch[dict[str, Any]] = Watch(
            self._open_lines,
            lambda raw: read_answer(bytes(raw), dict),
            {"fieldSelector": f"metadata.name={self._name}"},
            plural="leases",
            version_of=_version_of,
            seconds=_WATCH_SECONDS,
        )
        watch.resume(_version_of(self._lease))
        try:
            async with asyncio.timeout(self._patience()) as limit:
                async with aclosing(watch.changes()) as changes:
                    async for change in changes:
                        if change.item is not None:
                            self._see(change.item if change.type != "DELETED" else {})
                        if not self._is_taken():
                            return
                        limit.reschedule(asyncio.get_running_loop().time() + self._patience())
        except TimeoutError:
            return
        except ApiError as error:
            log.warning("%s; looking at the Lease in %.0f s", error, RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)

    def _open_lines(
        self, parameters: Mapping[str, str]
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._api.lines(self._collection, parameters, LEASE_SECONDS)

    def _is_held_by_other(self) -> bool:
        holder = self._lease.get("spec", {}).get("holderIdentity")
        return bool(holder) and holder != self._identity

    def _is_taken(self) -> bool:
        """Return whether another process holds the Lease, and has renewed it in time."""
        return self._is_held_by_other() and self._seconds_to_expiry() > 0

    def _seconds_to_expiry(self) -> float:
        duration = self._lease["spec"].get("leaseDurationSeconds") or LEASE_SECONDS
        return self._seen_at + float(duration) - self._fence.now()

    def _patience(self) -> float:
        """Return how many seconds to wait for news of the Lease."""
        return min(SILENCE_SECONDS, self._seconds_to_expiry())

    async def _read(self) -> None:
        try:
            content = await self._api.request("GET", f"{self._collection}/{self._name}")
        except NotFound:
            self._see({})
            return
        self._see(read_answer(content, dict))

    async def _write(self, *, holder: str, seconds: int) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        old = self._lease.get("spec", {})
        is_same = old.get("holderIdentity") == holder
        is_transition = bool(old) and bool(holder) and not is_same
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "acquireTime": old.get("acquireTime", now) if is_same else now,
            "renewTime": now,
            "leaseTransitions": old.get("leaseTransitions", 0) + is_transition,
        }
        # An update carries the version that it was read with, so two takers cannot both win.
        metadata = self._lease.get("metadata") or {"name": self._name}
        body = msgspec.json.encode(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": metadata,
                "spec": spec,
            }
        )
        if self._lease:
            content = await self._api.request("PUT", f"{self._collection}/{self._name}", body=body)
        else:
            content = await self._api.request("POST", self._collection, body=body)
        self._see(read_answer(content, dict))

    def _see(self, lease: dict[str, Any]) -> None:
        """Know the Lease as it is now; empty where it is deleted."""
        self._lease = lease
        version = lease["metadata"]["resourceVersion"] if lease else ""
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, self._fence.now()


def _version_of(lease: Mapping[str, Any]) -> int:
    return int(lease["metadata"]["resourceVersion"])
