"""What we did to one workload lately; lost with the process, and never needed for being right."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import Refusal
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.status import Ends, Hold, News
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
class Repairs:
    """How often somebody's changes to a child were undone, one shortly after the other."""

    count: int = 0
    at: float = float("-inf")

    def wait(self) -> float:
        """Seconds until the next repair is due: somebody may be as stubborn as we are."""
        if self.count < FREE_REPAIRS:
            return 0.0
        first, longest = REPAIR_SECONDS
        pause: float = min(longest, first * 2 ** min(self.count - FREE_REPAIRS, 10))
        return max(0.0, self.at + pause - time.monotonic())

    def note(self) -> None:
        """One more repair, or the first of a new series."""
        now = time.monotonic()
        self.count = self.count + 1 if now - self.at < 2 * REPAIR_SECONDS[1] else 1
        self.at = now


@dataclass(frozen=True)
class Told:
    """What the Events of a pod said when they were last read."""

    #: The state that the pod was in, in words that change with it.
    state: str
    events: Sequence[Event]
    #: How long to wait before they are read again without a change; None when they explain it.
    pause: float | None
    at: float = field(default_factory=time.monotonic)
    #: When they were read first in that state.
    since: float = field(default_factory=time.monotonic)

    def due_in(self) -> float:
        """In how many seconds to read them again."""
        return float("inf") if self.pause is None else self.at + self.pause - time.monotonic()


@dataclass(frozen=True)
class Sent:
    """A status that was sent and not answered: it may have been stored."""

    #: The version of the workload that it was to replace.
    over: str
    status: Mapping[str, Any]
    ends: Ends


@dataclass
class Memory:
    """One workload, one UID."""

    uid: str
    applied: dict[ChildId, Applied] = field(default_factory=dict)
    #: UIDs of children that we deleted, until the cache has noticed.
    pruned: set[str] = field(default_factory=set)
    hold: Hold = field(default_factory=Hold)
    repairs: dict[ChildId, Repairs] = field(default_factory=dict)
    #: What is still to be said.
    news: list[News] = field(default_factory=list)
    #: By UID of a pod that is not ready, and does not say why.
    told: dict[str, Told] = field(default_factory=dict)
    #: By container ID, when an end was seen first of which nothing says who caused it.
    _open_ends: dict[str, float] = field(default_factory=dict)
    #: Until a newer version of the workload says which of them was stored, if any.
    sent: list[Sent] = field(default_factory=list)
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

        One that is *lasting* holds for long, however soon it is looked again for something else.
        """
        soon = None if lasting else refusal.retry_after
        until = time.monotonic() + (soon or REFUSAL_SECONDS)
        # Not the exception itself: it would keep alive all that was looked at.
        self._refused[child_id] = (content, type(refusal), str(refusal), until)

    def refusal_of(self, child_id: ChildId, content: str) -> Refusal | None:
        """Why that very content was refused, while it is too early to ask again; else None."""
        refused, kind, message, until = self._refused.get(child_id, ("", Refusal, "", 0.0))
        return kind(message) if refused == content and time.monotonic() < until else None

    def take_stored(self, body: Mapping[str, Any]) -> list[Ends]:
        """What the status of *body* has accounted for although nobody was told that it did."""
        version = body["metadata"]["resourceVersion"]
        settled = [each for each in self.sent if each.over != version]
        self.sent = [each for each in self.sent if each.over == version]
        return [each.ends for each in settled if each.status == body.get("status")]

    def take_news(self) -> list[News]:
        """What is to be said now; it is said once."""
        taken, self.news = self.news, []
        return taken

    def note_success(self) -> None:
        """All went well."""
        self._failing_since = self._missing_since = None

    def wait_for_references(self) -> float:
        """Note that some are missing; for how many seconds they may still be on their way."""
        now = time.monotonic()
        if self._missing_since is None:
            self._missing_since = now
        return max(0.0, self._missing_since + REFERENCE_SECONDS - now)

    def wait_for_words(self, ends: Iterable[str]) -> float:
        """Note *ends* that the kubelet may have caused; how long its words may be on their way."""
        now = time.monotonic()
        self._open_ends = {each: self._open_ends.get(each, now) for each in ends}
        return max((at + WORDS_SECONDS - now for at in self._open_ends.values()), default=0.0)

    def is_failing_for_long(self) -> bool:
        """Note a failure; whether there has been nothing else for a while."""
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        return time.monotonic() - self._failing_since >= TROUBLE_SECONDS
