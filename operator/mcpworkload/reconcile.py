"""
The spine: one level-based look at one workload, from what is cached to what is written.

::

    key ──> parse ──> observe ──> build ──> plan ──> execute ──> report
            pure      caches      pure      pure     writes      one write

It does not matter what brought us here: a changed spec, a changed child, a pod, a restart of
the operator and the slow resync all take this way, and where nothing is to do, nothing is
written.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mcpworkload import names
from mcpworkload.cluster.informers import Informers
from mcpworkload.cluster.writer import Writer
from mcpworkload.desired import DEFAULT_POLICY, Policy, build_children
from mcpworkload.errors import (
    ChildConflict,
    ChildForbidden,
    Conflict,
    Forbidden,
    NotFound,
    Refusal,
    Refused,
    Rejected,
)
from mcpworkload.live import Metadata
from mcpworkload.models import Workload
from mcpworkload.names import ChildKind
from mcpworkload.observation import Observation
from mcpworkload.plan import Applied, Apply, describe_conflict, is_ours_or_nobodys, plan
from mcpworkload.status import Hold, Subject, build_status, hold_for, summary
from mcpworkload.store import Body, WorkloadStore, key_of

log = logging.getLogger(__name__)


@dataclass
class _Memory:
    """What we did to one workload's children; lost with the process, and never needed."""

    applied: dict[ChildKind, Applied] = field(default_factory=dict)
    hold: Hold = field(default_factory=Hold)


class Reconciler:
    """Makes children and status of a workload what they should be."""

    def __init__(
        self,
        store: WorkloadStore,
        informers: Informers,
        forget: Callable[[str], None],
        writer: Writer,
        policy: Policy = DEFAULT_POLICY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._informers = informers
        self._forget = forget
        self._writer = writer
        self._policy = policy
        self._now = now
        self._memory: dict[str, _Memory] = {}

    async def __call__(self, key: str) -> float | None:
        """
        One look at the workload *key*; after how many seconds to look again, None for never.

        Raises:
            ApiError: the world's fault; worth a retry with backoff.
        """
        body = self._store.get(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            # Its children go by their owner references, without us.
            self._memory.pop(key, None)
            self._forget(key)
            return None
        memory = self._memory.setdefault(key, _Memory())
        observation = self._informers.observe(key)
        refusal: Refusal | None = None
        subject = Subject.of_invalid(body)
        try:
            workload = Workload.parse(body)
            subject = Subject.of(workload)
            children = build_children(workload, self._policy)
            steps = plan(workload.uid, children, observation, memory.applied)
            await self._execute(key, workload.uid, steps, memory)
        except Refusal as error:
            refusal = error
        again = await self._report(body, subject, observation, refusal, memory)
        return again or (refusal.retry_after if refusal else None)

    async def _execute(
        self, key: str, owner_uid: str, steps: tuple[Apply, ...], memory: _Memory
    ) -> None:
        """Carry out *steps* side by side; the first failure, if any, is raised when all ended."""
        results = await asyncio.gather(
            *(self._apply(key, owner_uid, step) for step in steps), return_exceptions=True
        )
        for step, result in zip(steps, results, strict=True):
            if isinstance(result, Applied):
                memory.applied[step.child.kind] = result
                memory.hold.applied_at = time.monotonic()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _apply(self, key: str, owner_uid: str, step: Apply) -> Applied:
        child, uid = step.child, step.uid
        if uid is None and (found := await self._writer.read_child(child)):
            if not _may_take(found, owner_uid, key):
                raise ChildConflict(describe_conflict(child, found))
            uid = found.uid
        try:
            stored = await self._writer.apply_child(child, uid=uid, force=step.force)
        except (Refused, Forbidden) as error:
            message = f"the API server refuses the {child.kind} {child.name}: {error}"
            raise (Rejected if isinstance(error, Refused) else ChildForbidden)(message) from error
        except Conflict as error:
            if step.force:
                raise
            message = f"the {child.kind} {child.name} is managed by somebody else: {error}"
            raise ChildConflict(message) from error
        log.info("applied %s: %s", child.kind, step.because, extra={"workload": key})
        before = self._informers.observe(key).child(child.kind)
        unchanged = before is not None and before.metadata.version == stored.version
        futile = step.difference if unchanged else ""
        return Applied(child.digest, stored.uid, stored.version, futile)

    async def _report(
        self,
        body: Body,
        subject: Subject,
        observation: Observation,
        refusal: Refusal | None,
        memory: _Memory,
    ) -> float | None:
        """Write the status if it changed and may be written now; else when to look again."""
        status = build_status(subject, observation, refusal, self._now())
        versions = {kind: applied.version for kind, applied in memory.applied.items()}
        wait = hold_for(subject.status, status, observation, versions, memory.hold)
        if wait is not None:
            return wait or None
        metadata = body["metadata"]
        try:
            stored = await self._writer.write_status(
                metadata["namespace"], metadata["name"], metadata["uid"], status
            )
        except (NotFound, Conflict) as error:
            # Deleted, or deleted and made anew: the watch tells, and the status was not ours.
            log.info("status not written: %s", error, extra={"workload": key_of(body)})
            return None
        log.info("status: %s", summary(status), extra={"workload": key_of(body)})
        self._store.put(stored)
        return None


def _may_take(found: Metadata, owner_uid: str, key: str) -> bool:
    """Whether an object that our cache does not show is ours, or an orphan of this workload."""
    if found.controller is not None:
        return is_ours_or_nobodys(found, owner_uid)
    return found.labels.get(names.WORKLOAD_LABEL) == names.split_key(key)[1]
