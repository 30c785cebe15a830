"""
The spine: one level-based look at one workload, from what is cached to what is written.

::

    key ──> parse ──> observe ──> build ──> plan ──> execute ──> report
            pure      caches      pure      pure     writes      one write

It does not matter what brought us here: a changed spec, a changed child, a pod, a restart of
the operator and the slow resync all take this way, and where nothing is to do, nothing is
written.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mcpworkload.api.refusals import (
    ApplyFailed,
    ChildForbidden,
    ReferenceNotFound,
    Refusal,
    Rejected,
)
from mcpworkload.api.workload import Workload
from mcpworkload.controller.caches import Informers
from mcpworkload.controller.desired import (
    DEFAULT_POLICY,
    Policy,
    build_children,
    build_draft,
    find_forbidden,
    name_fields,
)
from mcpworkload.controller.execute import execute, prune
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.plan.plan import plan, plan_prunes
from mcpworkload.controller.pod_events import inquire
from mcpworkload.controller.recorder import Events
from mcpworkload.controller.references import describe_missing, describe_unknown, digest_references
from mcpworkload.controller.state import Memory, Sent
from mcpworkload.controller.status import (
    Amounts,
    Ends,
    News,
    Subject,
    account_ends,
    build_status,
    hold_for,
    news,
    next_look,
    summary,
)
from mcpworkload.controller.store import Body, WorkloadStore, key_of
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.errors import ApiError, Conflict, NamespaceEnding, NotFound, Unavailable
from mcpworkload.kube.manifest import Manifest

log = logging.getLogger(__name__)


class Reconciler:
    """Makes children and status of a workload what they should be."""

    def __init__(
        self,
        store: WorkloadStore,
        informers: Informers,
        forget: Callable[[str], None],
        writer: Writer,
        events: Events,
        policy: Policy = DEFAULT_POLICY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._informers = informers
        self._forget = forget
        self._writer = writer
        self._events = events
        self._policy = policy
        self._now = now
        self._memory: dict[str, Memory] = {}

    async def __call__(self, key: str) -> float | None:
        """
        One look at the workload *key*; after how many seconds to look again, None for never.

        Raises:
            ApiError: the world's fault; worth a retry with backoff.
        """
        body = self._store.get(key)
        if body is None and self._store.is_expected(key):
            # What was seen of its pods must not be forgotten before it can be told.
            return None
        if body is None or body["metadata"].get("deletionTimestamp"):
            # Its children go by their owner references, without us.
            self._drop(key)
            return None
        memory = self._memory.get(key)
        if memory is None or memory.uid != body["metadata"]["uid"]:
            memory = self._memory[key] = Memory(body["metadata"]["uid"])
        return await self._look(key, body, memory)

    async def _look(self, key: str, body: Body, memory: Memory) -> float | None:
        for ends in memory.take_stored(body):
            self._informers.sightings.settle(key, ends.cursor, ends.gone)
        observation = self._informers.observe(key)
        subject = Subject.of_invalid(body)
        refusal: Refusal | None = None
        trouble: ApiError | None = None
        rest: float | None = None
        try:
            workload = Workload.parse(body)
            subject = Subject.of(workload)
            template, unknown = await self._settle_template(key, workload)
            subject = replace(subject, amounts=Amounts(template, workload.spec.resources))
            observation = replace(self._informers.observe(key), unknown=unknown)
            rest = await self._carry_out(key, workload, template, observation, memory)
            memory.note_success()
        except NamespaceEnding:
            # The children were deleted first, the workload is next: no status to write for that.
            return None
        except Refusal as error:
            if isinstance(error, ReferenceNotFound) and (wait := memory.wait_for_references()):
                return wait
            refusal = error
        except ApiError as error:
            # The queue logs it, and a webhook may quote anything.
            error.args = (subject.secrets.hide(str(error)),)
            if not memory.is_failing_for_long():
                raise
            refusal, trouble = ApplyFailed(str(error)), error
        await self._say(body, memory.take_news())
        again = await self._report(body, subject, observation, refusal, memory)
        if trouble is not None:
            raise trouble
        return _soonest(rest, again, refusal.retry_after if refusal else None)

    async def _settle_template(
        self, key: str, workload: Workload
    ) -> tuple[Manifest, tuple[str, ...]]:
        """The pod template to apply, and what could not be known about it."""
        draft = build_draft(workload, self._policy)
        objects = {reference.object for reference in draft.references}
        found = await self._informers.references.look_up(key, objects)
        missing = describe_missing(draft.references, found)
        # To stop, or to be scaled to nothing, a workload needs no Secret.
        if missing and workload.spec.wanted_replicas:
            raise ReferenceNotFound(missing)
        digest = digest_references(draft.references, found)
        return draft.with_digest(digest), describe_unknown(found)

    async def _carry_out(
        self,
        key: str,
        workload: Workload,
        template: Manifest,
        observation: Observation,
        memory: Memory,
    ) -> float | None:
        """Make the children what they should be; in how many seconds the rest is due, if any."""
        children = build_children(workload, self._policy, template)
        judge = partial(find_forbidden, policy=self._policy)
        steps = plan(workload.uid, children, observation, memory.applied, judge)
        try:
            rest = await execute(self._writer, key, steps, memory)
        except (ChildForbidden, Rejected) as refusal:
            refusal.args = (name_fields(str(refusal), template, workload.spec),)
            raise
        memory.pruned &= {child.metadata.uid for child in observation.children.values()}
        # Last, so that a child that is refused does not cost the one it replaces.
        prunes = plan_prunes(workload.uid, children, observation, memory.pruned, memory.applied)
        return _soonest(rest, await prune(self._writer, key, prunes, memory))

    async def _report(
        self,
        body: Body,
        subject: Subject,
        observation: Observation,
        refusal: Refusal | None,
        memory: Memory,
    ) -> float | None:
        """Write the status if it changed and may be written now; else when to look again."""
        now = self._now()
        observation, asking = await inquire(
            self._events, body["metadata"]["namespace"], observation, subject.replicas, memory, now
        )
        again = _soonest(asking, next_look(observation.pods.values(), now))
        ends = account_ends(subject, observation)
        if (early := memory.wait_for_words(ends.unexplained)) > 0:
            # Said once, it could not be taken back.
            return _soonest(early, again)
        status = build_status(subject, observation, memory.applied, refusal, ends, now)
        if status == subject.status:
            self._informers.sightings.settle(key_of(body), ends.cursor, ends.gone)
        # A refusal is told at once, whatever the rest is about to become.
        applied = memory.applied if refusal is None else {}
        wait = hold_for(
            subject.status,
            status,
            observation,
            applied,
            memory.hold,
            is_pressing=ends.is_pressing,
        )
        if wait is not None:
            return _soonest(wait, again)
        stored = await self._store_status(body, subject, status, ends, memory)
        return again if stored else None

    async def _store_status(
        self, body: Body, subject: Subject, status: dict[str, Any], ends: Ends, memory: Memory
    ) -> bool:
        """Write *status*, with what is said before and after it; whether it was stored."""
        key = key_of(body)
        for each in ends.news:
            # Before it is counted: what is said again has the same name, and is said once.
            await self._events.post_exit(body, each, self._now())
        try:
            stored = await self._writer.write_status(body, status)
        except Conflict:
            return False  # a newer version is on its way to us, and brings us back
        except Unavailable:
            memory.sent.append(Sent(body["metadata"]["resourceVersion"], status, ends))
            raise
        except NotFound:
            self._store.drop(body)
            self._drop(key)
            return False
        self._informers.sightings.settle(key, ends.cursor, ends.gone)
        log.info("status: %s", summary(status), extra={"workload": key})
        if self._store.get(key) is body:
            # Only then: a deletion that was seen meanwhile must not be undone.
            self._store.put(stored)
        await self._say(body, news(subject.status, status))
        return True

    async def _say(self, body: Body, said: Iterable[News]) -> None:
        for each in said:
            await self._events.post(body, each, self._now())

    def _drop(self, key: str) -> None:
        self._informers.references.forget(key)
        self._informers.sightings.drop(key)
        self._memory.pop(key, None)
        self._forget(key)


def _soonest(*dates: float | None) -> float | None:
    return min((date for date in dates if date), default=None)
