"""
One level-based reconcile of one workload, from what is cached to what is written.

::

    key ──> parse ──> observe ──> build ──> plan ──> execute ──> report
            pure      caches      pure      pure     writes      one write

A changed spec, a changed child, a pod, a restart of the operator and the slow resync all take this
way, and where nothing is to do, nothing is written. Two readings are outside the caches: the
references are looked up before the observation, and `report` reads Events of pods that are not
ready and do not show why.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
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
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.desired import (
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
from mcpworkload.controller.state import UnconfirmedStatus, WorkloadState
from mcpworkload.controller.status import (
    Amounts,
    EventDraft,
    ExitReport,
    StatusInput,
    Unchanged,
    Wait,
    build_status,
    decide_write,
    news,
    report_exits,
    seconds_to_change,
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
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._store = store
        self._informers = informers
        self._forget = forget
        self._writer = writer
        self._events = events
        self._policy = policy
        self._clock = clock
        self._states: dict[str, WorkloadState] = {}

    async def __call__(self, key: str) -> float | None:
        """
        Reconcile the workload *key*; return after how many seconds to requeue it, None for not.

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
        state = self._states.get(key)
        if state is None or state.uid != body["metadata"]["uid"]:
            state = self._states[key] = WorkloadState(
                body["metadata"]["uid"], self._clock.monotonic
            )
        return await self._reconcile(key, body, state)

    async def _reconcile(self, key: str, body: Body, state: WorkloadState) -> float | None:
        for ends in state.take_stored(body):
            self._informers.observed.settle(key, ends.cursor, ends.gone)
        observation = self._informers.observe(key)
        subject = StatusInput.of_invalid(body)
        refusal: Refusal | None = None
        trouble: ApiError | None = None
        rest: float | None = None
        try:
            workload = Workload.parse(body)
            subject = StatusInput.of(workload)
            template, unknown = await self._settle_template(key, workload)
            subject = replace(subject, amounts=Amounts(template, workload.spec.resources))
            observation = replace(self._informers.observe(key), unknown=unknown)
            rest = await self._carry_out(key, workload, template, observation, state)
            state.note_success()
        except NamespaceEnding:
            # The children were deleted first, the workload is next: no status to write for that.
            return None
        except Refusal as error:
            if isinstance(error, ReferenceNotFound):
                state.note_missing_references()
                if wait := state.reference_wait:
                    return wait
            refusal = error
        except ApiError as error:
            # The queue logs it, and a webhook may quote anything.
            error.args = (subject.secrets.hide(str(error)),)
            state.note_failure()
            if not state.is_failing_for_long:
                raise
            refusal, trouble = ApplyFailed(str(error)), error
        await self._say(body, state.take_news())
        again = await self._report(body, subject, observation, refusal, state)
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
        state: WorkloadState,
    ) -> float | None:
        """Make the children what they should be; in how many seconds the rest is due, if any."""
        children = build_children(workload, self._policy, template)
        judge = partial(find_forbidden, policy=self._policy)
        try:
            steps = plan(
                workload.uid, children, observation, state.applied, judge, state.drifts.compare
            )
        finally:
            self._release_content(key, observation, state)
        try:
            rest = await execute(self._writer, key, steps, state)
        except (ChildForbidden, Rejected) as refusal:
            refusal.args = (name_fields(str(refusal), template, workload.spec),)
            raise
        state.pruned &= {child.metadata.uid for child in observation.children.values()}
        # Last, so that a child that is refused does not cost the one it replaces.
        prunes = plan_prunes(workload.uid, children, observation, state.pruned, state.applied)
        return _soonest(rest, await prune(self._writer, key, prunes, state))

    def _release_content(self, key: str, observation: Observation, state: WorkloadState) -> None:
        """Keep how the live children differ in place of their content."""
        state.drifts.keep(observation.children.values())
        for child_id, live in observation.children.items():
            if state.drifts.of(live) is not None:
                self._informers.release_content(key, child_id, live)

    async def _report(
        self,
        body: Body,
        subject: StatusInput,
        observation: Observation,
        refusal: Refusal | None,
        state: WorkloadState,
    ) -> float | None:
        """Write the status if it changed and may be written now; else return when to requeue."""
        now = self._clock.now()
        observation, asking = await inquire(
            self._events, body["metadata"]["namespace"], observation, subject.replicas, state, now
        )
        again = _soonest(asking, seconds_to_change(observation.pods.values(), now))
        ends = report_exits(subject, observation)
        state.note_unexplained(ends.unexplained)
        if (early := state.explanation_wait) > 0:
            # Said once, it could not be taken back.
            return _soonest(early, again)
        drifts = {
            child_id: drift
            for child_id, live in observation.children.items()
            if (drift := state.drifts.of(live)) is not None
        }
        status = build_status(subject, observation, state.applied, drifts, refusal, ends, now)
        if status == subject.status:
            self._informers.observed.settle(key_of(body), ends.cursor, ends.gone)
        # A refusal is told at once, whatever the rest is about to become.
        applied = state.applied if refusal is None else {}
        decision = decide_write(
            subject.status,
            status,
            observation,
            applied,
            state.hold,
            self._clock.monotonic(),
            is_pressing=ends.is_pressing,
        )
        state.hold = decision.hold
        if isinstance(decision, Wait):
            return _soonest(decision.seconds, again)
        if isinstance(decision, Unchanged):
            return again
        stored = await self._store_status(body, subject, status, ends, state)
        return again if stored else None

    async def _store_status(
        self,
        body: Body,
        subject: StatusInput,
        status: dict[str, Any],
        ends: ExitReport,
        state: WorkloadState,
    ) -> bool:
        """Write *status*, with what is said before and after it; whether it was stored."""
        key = key_of(body)
        for each in ends.news:
            # Before it is counted: what is said again has the same name, and is said once.
            await self._events.post_exit(body, each, self._clock.now())
        try:
            stored = await self._writer.write_status(body, status)
        except Conflict:
            return False  # a newer version is on its way to us, and brings us back
        except Unavailable:
            state.sent.append(UnconfirmedStatus(body["metadata"]["resourceVersion"], status, ends))
            raise
        except NotFound:
            self._store.drop(body)
            self._drop(key)
            return False
        self._informers.observed.settle(key, ends.cursor, ends.gone)
        log.info("status: %s", summary(status), extra={"workload": key})
        if self._store.get(key) is body:
            # Only then: a deletion that was seen meanwhile must not be undone.
            self._store.put(stored)
        await self._say(body, news(subject.status, status))
        return True

    async def _say(self, body: Body, said: Iterable[EventDraft]) -> None:
        for each in said:
            await self._events.post(body, each, self._clock.now())

    def _drop(self, key: str) -> None:
        self._informers.references.forget(key)
        self._informers.observed.drop(key)
        self._states.pop(key, None)
        self._forget(key)


def _soonest(*dates: float | None) -> float | None:
    return min((date for date in dates if date is not None), default=None)
