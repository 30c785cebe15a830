"""Reports what became of a workload: its status, and the Events that go with it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mcpworkload.api.refusals import Refusal
from mcpworkload.controller.answers import Answers
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.pod_events import seconds_to_read
from mcpworkload.controller.recorder import Events
from mcpworkload.controller.state import UnconfirmedStatus, WorkloadState
from mcpworkload.controller.status import (
    EventDraft,
    ExitReport,
    StatusInput,
    Unchanged,
    Wait,
    build_status,
    decide_write,
    news,
    news_of_tools,
    report_exits,
    seconds_to_change,
    seconds_to_doubt,
    summary,
)
from mcpworkload.controller.store import Body, WorkloadStore, key_of
from mcpworkload.controller.writer import Writer
from mcpworkload.exits import ObservedExits
from mcpworkload.kube.errors import ApiError, Conflict, ExplainedError, NotFound, Unavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """The result of a stage that writes."""

    #: What is remembered from now on.
    state: WorkloadState
    #: In how many seconds the workload is due again; None for not before an event.
    again: float | None = None
    failure: ExplainedError | None = None
    #: Whether the workload was found to be deleted.
    is_gone: bool = False
    #: Whether a status was written.
    is_stored: bool = False


class Reporter:
    """Writes the status of a workload where it changed, and Events."""

    def __init__(
        self,
        store: WorkloadStore,
        observed: ObservedExits,
        writer: Writer,
        events: Events,
        on_tools_change: Callable[[str], None],
        on_exit: Callable[[str, int], None],
        clock: Clock,
    ) -> None:
        """
        *on_tools_change* receives the key when a status with other tools was written.

        *on_exit* receives the reason of exits that a status reports, and how many these are.
        """
        self._store = store
        self._observed = observed
        self._writer = writer
        self._events = events
        self._on_tools_change = on_tools_change
        self._on_exit = on_exit
        self._clock = clock
        #: The workloads whose status is held back.
        self._held_back: set[str] = set()

    def forget(self, key: str) -> None:
        """Drop what is kept of a workload; the next report decides anew."""
        self._held_back.discard(key)

    async def report(
        self,
        body: Body,
        inputs: StatusInput,
        observation: Observation,
        refusal: Refusal | None,
        state: WorkloadState,
        now: datetime,
    ) -> Outcome:
        """Write the status that is true at *now* if it changed and may be written already."""
        moment = self._clock.monotonic()
        elapsed = (self._clock.now() - now).total_seconds()
        again = _seconds_to_refresh(observation, state, now, moment, elapsed)
        ends = report_exits(inputs, observation)
        state = state.after_ends(ends.unexplained, moment)
        if (early := state.explanation_wait(moment)) > 0:
            # The Event of an exit cannot be taken back, nor can its reason be changed.
            return Outcome(state, soonest(early, again))
        status = _build(inputs, observation, refusal, state, ends, now)
        if status == inputs.status:
            self._observed.settle(key_of(body), ends.cursor, ends.gone)
        # A refusal is reported at once, whatever the rest is about to become.
        applied = state.applied if refusal is None else {}
        decision = decide_write(
            inputs.status,
            status,
            observation,
            applied,
            state.hold,
            moment,
            # A restart of the operator would lose an exit.
            is_pressing=ends.is_pressing or _is_awaited(inputs),
            held_back=len(self._held_back),
        )
        state = state.after_decision(decision.hold)
        if isinstance(decision, Wait):
            self._held_back.add(key_of(body))
            return Outcome(state, soonest(decision.seconds, again))
        if isinstance(decision, Unchanged):
            return Outcome(state, again)
        outcome = await self._store_status(body, status, ends, state, again)
        if outcome.is_stored:
            await self._post_changes(body, inputs.status, status, observation.answers)
        return outcome

    async def _post_changes(
        self, body: Body, before: Mapping[str, Any], after: Mapping[str, Any], answers: Answers
    ) -> None:
        """Write the Events on what differs between two stored statuses."""
        await self.post(body, news(before, after))
        for each in news_of_tools(before, after, answers.tools):
            self._on_tools_change(key_of(body))
            await self.post(body, (each,))

    async def post(self, body: Body, drafts: Iterable[EventDraft]) -> None:
        """Write *drafts* as Events of the workload in *body*."""
        for each in drafts:
            await self._events.post(body, each, self._clock.now())

    async def _store_status(
        self,
        body: Body,
        status: dict[str, Any],
        ends: ExitReport,
        state: WorkloadState,
        again: float | None,
    ) -> Outcome:
        """Write *status*, and the Events of exits before it."""
        try:
            for each in ends.news:
                # Before it is counted: the same exit has an Event of the same name, so of two
                # attempts one is stored.
                await self._events.post_exit(body, each, self._clock.now())
        except Unavailable as error:
            return Outcome(state, failure=error)
        try:
            stored = await self._writer.write_status(body, status)
        except Conflict:
            return Outcome(state)  # the watch brings the newer version, and the next reconcile
        except NotFound:
            self._store.drop(body)
            return Outcome(state, is_gone=True)
        except Unavailable as error:
            sent = UnconfirmedStatus(body["metadata"]["resourceVersion"], status, ends)
            return Outcome(state.after_sending(sent), failure=error)
        except ApiError as error:
            return Outcome(state, failure=error)
        key = key_of(body)
        self._observed.settle(key, ends.cursor, ends.gone)
        for each in ends.news:
            self._on_exit(each.reason, each.count)
        log.info("status: %s", summary(status), extra={"workload": key})
        if self._store.is_current(body):
            # Only then: a deletion that the watch showed meanwhile must not be undone.
            self._store.put(stored)
        return Outcome(state, again, is_stored=True)


def _is_awaited(inputs: StatusInput) -> bool:
    """
    Return whether it is the first status of a workload with pods: it says that they start.

    Without pods there is nothing to start, and one status can say that the workload is ready.
    """
    return "conditions" not in inputs.status and inputs.replicas > 0


def soonest(*waits: float | None) -> float | None:
    """Return the shortest of *waits*; None where all are."""
    return min((wait for wait in waits if wait is not None), default=None)


def _seconds_to_refresh(
    observation: Observation,
    state: WorkloadState,
    now: datetime,
    moment: float,
    elapsed: float,
) -> float | None:
    """
    Return in how many seconds time alone changes what is to be read or reported.

    *elapsed* is how many seconds ago the reconcile began, at *now*.
    """
    pods = observation.pods.values()
    reading = seconds_to_read(pods, state.pod_events, now, moment)
    change = soonest(seconds_to_change(pods, now), seconds_to_doubt(pods, now))
    return soonest(reading, None if change is None else max(0.0, change - elapsed))


def _build(
    inputs: StatusInput,
    observation: Observation,
    refusal: Refusal | None,
    state: WorkloadState,
    ends: ExitReport,
    now: datetime,
) -> dict[str, Any]:
    drifts = {
        child_id: drift
        for child_id, live in observation.children.items()
        if (drift := state.drift_of(live)) is not None
    }
    return build_status(inputs, observation, state.applied, drifts, refusal, ends, now)
