"""What we did to one workload lately; lost with the process, and never needed for being right."""

import time
from dataclasses import dataclass, field

from mcpworkload.names import ChildKind
from mcpworkload.observation import Applied
from mcpworkload.status import Hold

# A refusal may depend on something else after all (an admission policy); ask again, rarely.
REFUSAL_SECONDS = 600.0
# Trouble shorter than this is not worth a condition.
TROUBLE_SECONDS = 5.0
FREE_REPAIRS = 3
REPAIR_SECONDS = (0.5, 60.0)


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


@dataclass
class Memory:
    """One workload, one UID."""

    uid: str
    applied: dict[ChildKind, Applied] = field(default_factory=dict)
    hold: Hold = field(default_factory=Hold)
    repairs: dict[ChildKind, Repairs] = field(default_factory=dict)
    _refused: dict[str, tuple[str, float]] = field(default_factory=dict)
    _failing_since: float | None = None

    def refuse(self, digest: str, message: str) -> None:
        """Note that the API server refused the child with that digest."""
        self._refused = {digest: (message, time.monotonic())}

    def refusal_of(self, digest: str) -> str:
        """The message with which that very child was refused lately; empty if it was not."""
        message, at = self._refused.get(digest, ("", 0.0))
        return message if time.monotonic() - at < REFUSAL_SECONDS else ""

    def note_success(self) -> None:
        """All went well."""
        self._failing_since = None

    def is_failing_for_long(self) -> bool:
        """Note a failure; whether there has been nothing else for a while."""
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        return time.monotonic() - self._failing_since >= TROUBLE_SECONDS
