"""
One level-based reconcile of one workload, from what is cached to what is written.

::

    key ──> look around ──> parse ──> observe ──> build ──> plan ──> execute ──> report
            reads           pure      reads       pure      pure     writes      one write

A changed spec, a changed child, a pod, a restart of the operator and the slow resync all take this
way, and where nothing is to do, nothing is written. The observer does all reading; `execute` reads
no more than the objects that it is about to write to, which the caches need not hold.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import (
    ApplyFailed,
    ChildForbidden,
    ReferenceNotFound,
    Refusal,
    Rejected,
)
from mcpworkload.controller.caches import Informers
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.deny_policies import DenyPolicies
from mcpworkload.controller.desired import (
    Policy,
    build_children,
    find_forbidden,
    name_fields,
)
from mcpworkload.controller.execute import Executor
from mcpworkload.controller.namespaces import NamespaceLevels
from mcpworkload.controller.observe import Observer
from mcpworkload.controller.parse import Parsed, Wish
from mcpworkload.controller.plan.comparison import DriftCache
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.plan.plan import Step, is_done, plan, plan_prunes
from mcpworkload.controller.recent import Recent
from mcpworkload.controller.recorder import Events
from mcpworkload.controller.references import describe_missing, digest_references
from mcpworkload.controller.report import Outcome, Reporter, soonest
from mcpworkload.controller.state import Learned, WorkloadState
from mcpworkload.controller.status import StatusInput
from mcpworkload.controller.store import Body, WorkloadStore, key_of
from mcpworkload.controller.verifier import Verifier
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.errors import ApiError, Conflict, NamespaceEnding
from mcpworkload.kube.keys import split_key

CONFLICT_SECONDS = 0.25


class Reconciler:
    """Brings the children and the status of one workload to what its spec asks for."""

    def __init__(
        self,
        store: WorkloadStore,
        informers: Informers,
        forget: Callable[[str], None],
        writer: Writer,
        events: Events,
        policy: Policy,
        clock: Clock,
        levels: NamespaceLevels,
        verifier: Verifier,
        on_exit: Callable[[str, int], None],
    ) -> None:
        """*on_exit* receives the reason of exits that a status reports, and how many these are."""
        self._store = store
        self._informers = informers
        self._forget = forget
        self._writer = writer
        self._policy = policy
        self._clock = clock
        self._denies = DenyPolicies(writer, informers, store)
        self._observer = Observer(informers, levels, verifier, events, clock)
        self._reporter = Reporter(
            store,
            informers.observed,
            writer,
            events,
            verifier.count_tools_change,
            on_exit,
            clock,
        )
        self._judge = partial(find_forbidden, policy=policy)
        self._recent = Recent(policy)
        self._states: dict[str, WorkloadState] = {}

    async def __call__(self, key: str) -> float | None:
        """
        Reconcile the workload *key*; return after how many seconds to requeue it, None for not.

        Raises:
            ApiError: the API server fails to do what is asked; worth a retry with backoff.
        """
        body = self._store.get(key)
        if body is None and self._store.is_expected(key):
            # The ends of its containers must not be forgotten before they can be reported.
            return None
        if body is None or body["metadata"].get("deletionTimestamp"):
            # The garbage collector deletes its children, by their owner references.
            self._drop(key)
            # Its last pod may have been the namespace's last isolated one; and a change of the
            # policy that denies is reported by a key that no workload has.
            return await self._denies.settle(split_key(key)[0])
        return await self._reconcile(key, body)

    async def _reconcile(self, key: str, body: Body) -> float | None:
        now = self._clock.now()
        surroundings = await self._observer.look_around(key, body)
        parsed = self._recent.parse(key, body, surroundings)
        observation, state = await self._observer.observe(key, parsed, self._recall(key, body), now)
        if not self._store.is_current(body):
            # Reading took a while: what was parsed may be deleted by now, and its children gone.
            self._states[key] = state
            return 0.0
        outcome = await self._carry_out(key, parsed, observation, state)
        outcome = await self._report(body, parsed.inputs, observation, outcome, now)
        self._keep(key, observation, outcome)
        if outcome.failure is not None:
            raise outcome.failure
        namespace = split_key(key)[0]
        if parsed.is_isolated or not self._denies.is_kept(namespace):
            return outcome.again
        # This may have been the last workload of the namespace with an isolated pod.
        return soonest(outcome.again, await self._denies.settle(namespace))

    def _recall(self, key: str, body: Body) -> WorkloadState:
        """Return the state of the workload in *body*, with what its status confirms settled."""
        uid = body["metadata"]["uid"]
        state = self._states.get(key)
        if state is None or state.uid != uid:
            return WorkloadState(uid)
        for ends in state.confirmed_by(body):
            self._informers.observed.settle(key, ends.cursor, ends.gone)
        return state.after_body(body)

    async def _carry_out(
        self, key: str, parsed: Parsed, observation: Observation, state: WorkloadState
    ) -> Outcome:
        """Build, plan and execute: make the children what the spec asks for."""
        wish = parsed.wish
        if isinstance(wish, Refusal):
            return Outcome(state, failure=wish)
        if observation.unanswered is not None:
            return Outcome(state, failure=observation.unanswered)
        known = DriftCache(state.drifts)
        known.keep(_uids(observation, state))
        try:
            if wish.grants.isolation is not None:
                await self._denies.ensure(split_key(key)[0])
            content = _read_content(wish, parsed.inputs.replicas, observation)
            children, steps = self._plan(key, wish, content, observation, state, known)
        except Refusal as refusal:
            state = state.after_comparing(known.comparisons, observation.children.values())
            return Outcome(state, failure=refusal)
        except ApiError as failure:
            return Outcome(state, failure=failure)
        done = await Executor(self._writer, key, state, self._clock.monotonic).execute(steps)
        self._compare(steps, done.learned, known)
        state = state.after_comparing(known.comparisons, observation.children.values())
        state = state.after_steps(done.learned)
        if done.failure is not None:
            if isinstance(done.failure, ChildForbidden | Rejected):
                workload, draft = wish.draft()
                message = name_fields(str(done.failure), draft.template, workload.spec)
                done.failure.args = (message,)
            return Outcome(state, failure=done.failure)
        # Last, so that a child that is refused does not cost the one it replaces.
        prunes = plan_prunes(state.uid, children, observation, state.pruned, state.applied)
        last = await Executor(self._writer, key, state, self._clock.monotonic).prune(prunes)
        again = soonest(done.rest, last.rest)
        return Outcome(state.after_steps(last.learned), again, last.failure)

    def _plan(
        self,
        key: str,
        wish: Wish,
        content: str | None,
        observation: Observation,
        state: WorkloadState,
        known: DriftCache,
    ) -> tuple[Collection[ChildId], Sequence[Step]]:
        """
        Return the children that there should be, and what has to be done for that.

        *content* stands for what the pods read; the comparisons that are made go into *known*.
        """
        uid, applied = state.uid, state.applied
        digests = self._recent.digests(key, content)
        if digests is not None and is_done(uid, digests, observation, applied, known.recall):
            return digests.keys(), ()
        workload, draft = wish.draft()
        template = draft.with_digest(content)
        children = build_children(workload, self._policy, template, draft.grants)
        self._recent.keep(key, content, children)
        steps = plan(uid, children, observation, applied, self._judge, known.compare)
        return {child.id for child in children}, steps

    def _compare(
        self, steps: Sequence[Step], learned: Sequence[Learned], known: DriftCache
    ) -> None:
        """Note how the objects that were applied differ, while what was wanted is at hand."""
        wanted = {step.child.id: step.child for step in steps}
        for each in learned:
            if each.stored is not None:
                known.compare(wanted[each.child_id], each.stored, self._judge)

    async def _report(
        self,
        body: Body,
        inputs: StatusInput,
        observation: Observation,
        outcome: Outcome,
        now: datetime,
    ) -> Outcome:
        """Report what became of the children, unless it may be over in a moment."""
        state, failure, moment = outcome.state, outcome.failure, self._clock.monotonic()
        self._reporter.forget(key_of(body))
        refusal = failure if isinstance(failure, Refusal) else None
        if failure is None:
            state = state.after_success()
        elif isinstance(failure, NamespaceEnding):
            # The children were deleted first, the workload is next: no status to write for that.
            return Outcome(state)
        elif isinstance(failure, ReferenceNotFound):
            state = state.after_missing_references(moment)
            if wait := state.reference_wait(moment):
                return Outcome(state, wait)
        elif refusal is None:
            # The queue logs it, and a webhook may quote anything.
            failure.args = (inputs.secrets.hide(str(failure)),)
            state = state.after_failure(moment)
            if not state.is_failing_for_long(moment):
                if isinstance(failure, Conflict):
                    # Somebody else has written as well, and the caches show it in a moment.
                    return Outcome(state, CONFLICT_SECONDS)
                return Outcome(state, failure=failure)
            refusal = ApplyFailed(str(failure))
        await self._reporter.post(body, state.news)
        state = state.after_news()
        last = await self._reporter.report(body, inputs, observation, refusal, state, now)
        again = soonest(outcome.again, last.again, refusal.retry_after if refusal else None)
        trouble = None if isinstance(failure, Refusal) else failure
        return replace(last, again=again, failure=last.failure or trouble)

    def _keep(self, key: str, observation: Observation, outcome: Outcome) -> None:
        """Store the state, and keep how live children differ in place of their content."""
        if outcome.is_gone:
            self._drop(key)
            return
        self._states[key] = outcome.state
        for child_id, live in observation.children.items():
            if outcome.state.drift_of(live) is not None:
                self._informers.release_content(key, child_id, live)

    def _drop(self, key: str) -> None:
        self._informers.references.forget(key)
        self._informers.observed.drop(key)
        self._observer.forget(key)
        self._reporter.forget(key)
        self._states.pop(key, None)
        self._recent.forget(key)
        self._forget(key)


def _uids(observation: Observation, state: WorkloadState) -> set[str]:
    """Return the UIDs of the children that there are, also of those that no cache shows yet."""
    return {
        *(live.metadata.uid for live in observation.children.values()),
        *(last.uid for last in state.applied.values()),
    }


def _read_content(wish: Wish, replicas: int, observation: Observation) -> str | None:
    """
    Return what stands for the content that the pods read; None if they read none.

    Raises:
        ReferenceNotFound: a ConfigMap, a Secret or a key is missing; names each.
    """
    found = observation.references
    missing = describe_missing(wish.references, found)
    # To stop, or to be scaled to nothing, a workload needs no Secret.
    if missing and replicas:
        raise ReferenceNotFound(missing)
    return digest_references(wish.references, found)
