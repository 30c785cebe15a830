"""
What the operator remembers of one workload from one reconcile to the next.

A `WorkloadState` is frozen. Each stage of a reconcile returns what it learned, a method here makes
the next state of it, and `reconcile` stores the last one. The state ends with the process, and no
decision needs it for being right.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import Refusal
from mcpworkload.controller.plan.comparison import Comparisons, Drift, find_drift
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.status import EventDraft, ExitReport, Hold
from mcpworkload.kube.objects import Event, LiveChild

# A refusal may depend on something else after all (an admission policy); ask again, rarely.
REFUSAL_SECONDS = 600.0
# Trouble shorter than this is not worth a condition.
TROUBLE_SECONDS = 5.0
# Manifests are applied in any order, and objects are replaced by deleting them first.
REFERENCE_SECONDS = 1.0
FREE_REPAIRS = 3
REPAIR_SECONDS = (0.5, 60.0)
# The kubelet writes the Event about the end of a container while the container ends.
WORDS_SECONDS = 3.0

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


def _nothing() -> Mapping[Any, Any]:
    """Return the one empty mapping, so that an empty field costs no object."""
    return _NOTHING


@dataclass(frozen=True, slots=True)
class DriftBackoff:
    """How often others' changes to a child were undone, one shortly after the other."""

    count: int = 0
    at: float = float("-inf")

    def wait(self, now: float) -> float:
        """Return the seconds until the next repair is due; others may undo it for ever."""
        if self.count < FREE_REPAIRS:
            return 0.0
        first, longest = REPAIR_SECONDS
        pause: float = min(longest, first * 2 ** min(self.count - FREE_REPAIRS, 10))
        return max(0.0, self.at + pause - now)

    def after_repair(self, now: float) -> "DriftBackoff":
        """Return the backoff with one more repair, or with the first of a new series."""
        is_series = now - self.at < 2 * REPAIR_SECONDS[1]
        return DriftBackoff(self.count + 1 if is_series else 1, now)


_NO_REPAIRS = DriftBackoff()
_NO_HOLD = Hold()


@dataclass(frozen=True, slots=True)
class PodEventsRead:
    """The Events of a pod as they were last read."""

    #: The state that the pod was in, in words that change with it.
    pod_state: str
    events: Sequence[Event]
    #: How long to wait before they are read again without a change; None when they explain it.
    pause: float | None
    at: float
    #: When they were read first in that state.
    since: float

    def due_in(self, now: float) -> float:
        """Return in how many seconds to read them again."""
        return float("inf") if self.pause is None else self.at + self.pause - now


@dataclass(frozen=True, slots=True)
class UnconfirmedStatus:
    """A status that was sent and not answered: it may have been stored."""

    #: The version of the workload that it was to replace.
    over: str
    status: Mapping[str, Any]
    ends: ExitReport


@dataclass(frozen=True, slots=True)
class KnownRefusal:
    """A refusal of a child, kept so that the same request is not sent again too early."""

    #: What was refused: a digest, or a UID to delete.
    content: str
    kind: type[Refusal]
    message: str
    until: float

    @classmethod
    def of(
        cls, content: str, refusal: Refusal, now: float, *, lasting: bool = False
    ) -> "KnownRefusal":
        """
        Return what to keep of *refusal*, which is what came of *content* at *now*.

        One that is *lasting* holds for long, however soon the workload is reconciled again.
        """
        soon = None if lasting else refusal.retry_after
        # Not the exception itself: it would keep alive all that its frames refer to.
        return cls(content, type(refusal), str(refusal), now + (soon or REFUSAL_SECONDS))


@dataclass(frozen=True, slots=True)
class Learned:
    """What one step of a plan has shown about its child."""

    child_id: ChildId
    #: The apply that was made, and the object as it was then.
    applied: Applied | None = None
    stored: LiveChild | None = None
    #: The UID of the child that was deleted.
    pruned: str = ""
    #: When others' change was undone, on the monotonic clock.
    repaired_at: float | None = None
    refusal: KnownRefusal | None = None
    #: The Events to write about it.
    news: tuple[EventDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """The memory of one workload with one UID; moments are those of the monotonic clock."""

    uid: str
    applied: Mapping[ChildId, Applied] = field(default_factory=_nothing)
    drifts: Comparisons = field(default_factory=_nothing)
    #: UIDs of children that were deleted, until the cache has noticed.
    pruned: frozenset[str] = frozenset()
    hold: Hold = _NO_HOLD
    repairs: Mapping[ChildId, DriftBackoff] = field(default_factory=_nothing)
    refusals: Mapping[ChildId, KnownRefusal] = field(default_factory=_nothing)
    #: The Events that are still to be written.
    news: tuple[EventDraft, ...] = ()
    #: By UID of a pod that is not ready, and whose status does not show why.
    pod_events: Mapping[str, PodEventsRead] = field(default_factory=_nothing)
    #: By container ID, when an end was seen first of which no Event names the cause.
    open_ends: Mapping[str, float] = field(default_factory=_nothing)
    #: Until a newer version of the workload shows which of them was stored, if any.
    sent: tuple[UnconfirmedStatus, ...] = ()
    #: The wall clock when no pod was missing last: earlier Events on missing pods are over.
    complete_at: datetime | None = None
    failing_since: float | None = None
    missing_since: float | None = None

    def refusal_of(self, child_id: ChildId, content: str, now: float) -> Refusal | None:
        """Return why that very content was refused, while it is too early to ask again."""
        known = self.refusals.get(child_id)
        if known is None or known.content != content or now >= known.until:
            return None
        return known.kind(known.message)

    def repair_wait(self, child_id: ChildId, now: float) -> float:
        """Return in how many seconds the next repair of the child is due."""
        return self.repairs.get(child_id, _NO_REPAIRS).wait(now)

    def drift_of(self, live: LiveChild) -> Drift | None:
        """Return the drift of that version of *live*; None where it was not compared."""
        return find_drift(self.drifts, live)

    def reference_wait(self, now: float) -> float:
        """Return for how many seconds missing references may be on their way; 0 for none."""
        if self.missing_since is None:
            return 0.0
        return max(0.0, self.missing_since + REFERENCE_SECONDS - now)

    def explanation_wait(self, now: float) -> float:
        """Return for how many seconds the kubelet's Events of open ends may be on their way."""
        return max((at + WORDS_SECONDS - now for at in self.open_ends.values()), default=0.0)

    def is_failing_for_long(self, now: float) -> bool:
        """Return whether there has been nothing but failures for a while."""
        return self.failing_since is not None and now - self.failing_since >= TROUBLE_SECONDS

    def confirmed_by(self, body: Mapping[str, Any]) -> list[ExitReport]:
        """Return the reports of those sent statuses that *body* shows to be stored."""
        version = body["metadata"]["resourceVersion"]
        return [
            each.ends
            for each in self.sent
            if each.over != version and each.status == body.get("status")
        ]

    def after_body(self, body: Mapping[str, Any]) -> "WorkloadState":
        """Return the state without the sent statuses of which *body* shows what became."""
        if not self.sent:
            return self
        version = body["metadata"]["resourceVersion"]
        return replace(self, sent=tuple(each for each in self.sent if each.over == version))

    def after_reading(
        self, pod_events: Mapping[str, PodEventsRead], complete_at: datetime | None
    ) -> "WorkloadState":
        """Return the state with the Events of the pods that there are."""
        return replace(self, pod_events=pod_events or _NOTHING, complete_at=complete_at)

    def after_comparing(
        self, drifts: Comparisons, children: Iterable[LiveChild]
    ) -> "WorkloadState":
        """Return the state with *drifts*, once the cache shows *children*."""
        pruned = self.pruned and self.pruned & {live.metadata.uid for live in children}
        return replace(self, drifts=drifts, pruned=pruned)

    def after_steps(self, learned: Sequence[Learned]) -> "WorkloadState":
        """Return the state with what the steps of a plan have shown."""
        if not learned:
            return self
        gone = {each.child_id for each in learned if each.pruned}
        kept = {child_id: last for child_id, last in self.applied.items() if child_id not in gone}
        return replace(
            self,
            applied={**kept, **{each.child_id: each.applied for each in learned if each.applied}},
            pruned=self.pruned | {each.pruned for each in learned if each.pruned},
            repairs={
                **self.repairs,
                **{
                    each.child_id: self.repairs.get(each.child_id, _NO_REPAIRS).after_repair(at)
                    for each in learned
                    if (at := each.repaired_at) is not None
                },
            },
            refusals={
                **self.refusals,
                **{each.child_id: each.refusal for each in learned if each.refusal},
            },
            news=(*self.news, *(draft for each in learned for draft in each.news)),
        )

    def after_success(self) -> "WorkloadState":
        """Return the state after a reconcile in which all went well."""
        if self.failing_since is None and self.missing_since is None:
            return self
        return replace(self, failing_since=None, missing_since=None)

    def after_missing_references(self, now: float) -> "WorkloadState":
        """Return the state with references missing; the first time counts."""
        return self if self.missing_since is not None else replace(self, missing_since=now)

    def after_failure(self, now: float) -> "WorkloadState":
        """Return the state with the API server failing; the first time since a success counts."""
        return self if self.failing_since is not None else replace(self, failing_since=now)

    def after_news(self) -> "WorkloadState":
        """Return the state with all Events written: each is written once."""
        return replace(self, news=()) if self.news else self

    def after_ends(self, unexplained: Iterable[str], now: float) -> "WorkloadState":
        """Return the state with those open ends, by container ID; others are over."""
        found = {each: self.open_ends.get(each, now) for each in unexplained}
        return replace(self, open_ends=found or _NOTHING) if found or self.open_ends else self

    def after_decision(self, hold: Hold) -> "WorkloadState":
        """Return the state with what holds a status back from now on."""
        return self if hold == self.hold else replace(self, hold=hold)

    def after_sending(self, unconfirmed: UnconfirmedStatus) -> "WorkloadState":
        """Return the state with a status that was sent and not answered."""
        return replace(self, sent=(*self.sent, unconfirmed))
