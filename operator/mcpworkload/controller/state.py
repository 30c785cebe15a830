"""What we did to one workload lately; lost with the process, and never needed for being right."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import Refusal
from mcpworkload.controller.plan.comparison import DriftCache
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.status import EventDraft, ExitReport, Hold
from mcpworkload.kube.objects import Event

# A refusal may depend on something else after all (an admission policy); ask again, rarely.
REFUSAL_SECONDS = 600.0
# Trouble shorter than this is not worth a condition.
TROUBLE_SECONDS = 5.0
# Manifests are applied in any order, and objects are replaced by deleting them first.
REFERENCE_SECONDS = 1.0
FREE_REPAIRS = 3
REPAIR_SECONDS = (0.5, 60.0)
# The kubelet's word that it ends a container is on its way while the container ends.
WORDS_SECONDS = 3.0


@dataclass
class DriftBackoff:
    """How often somebody's changes to a child were undone, one shortly after the other."""

    count: int = 0
    at: float = float("-inf")

    def wait(self, now: float) -> float:
        """Return the seconds until the next repair is due; who undoes it may go on for ever."""
        if self.count < FREE_REPAIRS:
            return 0.0
        first, longest = REPAIR_SECONDS
        pause: float = min(longest, first * 2 ** min(self.count - FREE_REPAIRS, 10))
        return max(0.0, self.at + pause - now)

    def note(self, now: float) -> None:
        """Count one more repair, or the first of a new series."""
        self.count = self.count + 1 if now - self.at < 2 * REPAIR_SECONDS[1] else 1
        self.at = now


@dataclass(frozen=True)
class PodEventsRead:
    """What the Events of a pod said when they were last read."""

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


@dataclass(frozen=True)
class UnconfirmedStatus:
    """A status that was sent and not answered: it may have been stored."""

    #: The version of the workload that it was to replace.
    over: str
    status: Mapping[str, Any]
    ends: ExitReport


@dataclass
class WorkloadState:
    """One workload, one UID."""

    uid: str
    #: Tells how long something lasts.
    monotonic: Callable[[], float] = time.monotonic
    applied: dict[ChildId, Applied] = field(default_factory=dict)
    drifts: DriftCache = field(default_factory=DriftCache)
    #: UIDs of children that we deleted, until the cache has noticed.
    pruned: set[str] = field(default_factory=set)
    hold: Hold = field(default_factory=Hold)
    repairs: dict[ChildId, DriftBackoff] = field(default_factory=dict)
    #: What is still to be said.
    news: list[EventDraft] = field(default_factory=list)
    #: By UID of a pod that is not ready, and does not say why.
    told: dict[str, PodEventsRead] = field(default_factory=dict)
    #: By container ID, when an end was seen first of which nothing says who caused it.
    _open_ends: dict[str, float] = field(default_factory=dict)
    #: Until a newer version of the workload says which of them was stored, if any.
    sent: list[UnconfirmedStatus] = field(default_factory=list)
    #: When no pod was missing; what was said before of pods that could not be made is over.
    complete_at: datetime | None = None
    _refused: dict[ChildId, tuple[str, type[Refusal], str, float]] = field(default_factory=dict)
    _failing_since: float | None = None
    _missing_since: float | None = None

    def refuse(
        self, child_id: ChildId, content: str, refusal: Refusal, *, lasting: bool = False
    ) -> None:
        """
        Note what came of that content of a child: its digest, or a UID to delete.

        One that is *lasting* holds for long, however soon it is reconciled for something else.
        """
        soon = None if lasting else refusal.retry_after
        until = self.monotonic() + (soon or REFUSAL_SECONDS)
        # Not the exception itself: it would keep alive all that was looked at.
        self._refused[child_id] = (content, type(refusal), str(refusal), until)

    def refusal_of(self, child_id: ChildId, content: str) -> Refusal | None:
        """Why that very content was refused, while it is too early to ask again; else None."""
        refused, kind, message, until = self._refused.get(child_id, ("", Refusal, "", 0.0))
        return kind(message) if refused == content and self.monotonic() < until else None

    def take_stored(self, body: Mapping[str, Any]) -> list[ExitReport]:
        """What the status of *body* has accounted for although nobody was told that it did."""
        version = body["metadata"]["resourceVersion"]
        settled = [each for each in self.sent if each.over != version]
        self.sent = [each for each in self.sent if each.over == version]
        return [each.ends for each in settled if each.status == body.get("status")]

    def take_news(self) -> list[EventDraft]:
        """What is to be said now; it is said once."""
        taken, self.news = self.news, []
        return taken

    def note_success(self) -> None:
        """All went well."""
        self._failing_since = self._missing_since = None

    def note_missing_references(self) -> None:
        """Note that references are missing; the first time counts."""
        if self._missing_since is None:
            self._missing_since = self.monotonic()

    @property
    def reference_wait(self) -> float:
        """For how many seconds missing references may still be on their way; 0 where none are."""
        if self._missing_since is None:
            return 0.0
        return max(0.0, self._missing_since + REFERENCE_SECONDS - self.monotonic())

    def note_unexplained(self, exits: Iterable[str]) -> None:
        """Note the exits, by container ID, that the kubelet may have caused; others are over."""
        now = self.monotonic()
        self._open_ends = {each: self._open_ends.get(each, now) for each in exits}

    @property
    def explanation_wait(self) -> float:
        """For how many seconds the kubelet's Events of those may still be on their way."""
        now = self.monotonic()
        return max((at + WORDS_SECONDS - now for at in self._open_ends.values()), default=0.0)

    def note_failure(self) -> None:
        """Note that the API server failed; the first time since a success counts."""
        if self._failing_since is None:
            self._failing_since = self.monotonic()

    @property
    def is_failing_for_long(self) -> bool:
        """Whether there has been nothing but failures for a while."""
        since = self._failing_since
        return since is not None and self.monotonic() - since >= TROUBLE_SECONDS
