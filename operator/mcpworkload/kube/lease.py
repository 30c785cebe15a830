"""
Leader election by a Lease: one of several operators works, the others wait.

Only the local clock counts: a Lease that did not change for its duration since this process first
saw it has expired, whatever times it holds.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Conflict, ExplainedError, NotFound, read_answer

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
RENEW_DEADLINE_SECONDS = 10.0
RETRY_SECONDS = 2.0


class LeadershipLost(ExplainedError):
    """The Lease could not be renewed in time, or another process holds it."""


class LeaderLease:
    """One Lease, and whether this process holds it."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str) -> None:
        self._api = api
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._identity = identity
        self._lease: dict[str, Any] = {}
        self._seen_version = ""
        self._seen_at = 0.0
        #: When the request that last got or kept us the Lease was sent, on the loop's clock.
        self._held_at = 0.0

    async def acquire(self) -> None:
        """Return as soon as the Lease is ours."""
        waits_for = None
        while not await self._try_to_hold():
            holder = self._lease.get("spec", {}).get("holderIdentity")
            if holder and holder != waits_for:
                log.info("waiting: %s is the leader", holder)
                waits_for = holder
            await asyncio.sleep(RETRY_SECONDS)
        log.info("leading as %s", self._identity)

    async def keep(self) -> None:
        """
        Renew the Lease for ever.

        Raises:
            LeadershipLost: stop writing at once, another process may lead.
        """
        while True:
            try:
                async with asyncio.timeout_at(self._held_at + RENEW_DEADLINE_SECONDS):
                    await self._renew()
            except TimeoutError:
                raise LeadershipLost("the Lease could not be renewed in time") from None

    async def _renew(self) -> None:
        await asyncio.sleep(RETRY_SECONDS)
        while not await self._try_to_hold():
            if self._is_held_by_other():
                raise LeadershipLost(f"{self._lease['spec']['holderIdentity']} leads now")
            await asyncio.sleep(RETRY_SECONDS)

    async def release(self) -> None:
        """Release the Lease so that another process can lead at once; best effort."""
        if self._lease and not self._is_held_by_other():
            try:
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._write(holder="", seconds=1)
            except (ApiError, TimeoutError) as error:
                log.info("the Lease was not released: %s", error or "no answer in time")

    async def _try_to_hold(self) -> bool:
        """Create, take or renew the Lease; return False when that was not possible now."""
        asked_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(RENEW_DEADLINE_SECONDS / 2):
                if not self._lease:
                    await self._read()
                if self._lease and self._is_held_by_other() and not self._is_expired():
                    await self._read()
                    if self._is_held_by_other():
                        return False
                await self._write(holder=self._identity, seconds=LEASE_SECONDS)
        except Conflict:
            self._lease = {}
            return False
        except (ApiError, TimeoutError) as error:
            log.warning("the Lease cannot be held: %s", error or "no answer in time")
            return False
        self._held_at = asked_at
        return True

    def _is_held_by_other(self) -> bool:
        holder = self._lease.get("spec", {}).get("holderIdentity")
        return bool(holder) and holder != self._identity

    def _is_expired(self) -> bool:
        duration = self._lease["spec"].get("leaseDurationSeconds") or LEASE_SECONDS
        return time.monotonic() - self._seen_at > float(duration)

    async def _read(self) -> None:
        try:
            content = await self._api.request("GET", f"{self._collection}/{self._name}")
        except NotFound:
            self._lease = {}
            return
        self._see(content)

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
        self._see(content)

    def _see(self, content: bytes) -> None:
        self._lease = read_answer(content, dict)
        version = self._lease["metadata"]["resourceVersion"]
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, time.monotonic()
