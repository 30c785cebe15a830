"""What a scenario showed of one contender: plain values, as they are in the JSON file."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass
class Phase:
    """A moment of a scenario, with what it took until then."""

    seconds: float
    cpu_seconds: float
    #: Requests of the contender, its Lease apart.
    requests: int = 0


@dataclass
class Result:
    """One scenario of one contender at one size."""

    scenario: str
    #: How often what is measured was done: workloads, changes or events.
    operations: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    #: What it held in memory at the end, and the most that it held, in MB of 10^6 bytes.
    held_mb: float = 0.0
    most_mb: float = 0.0
    phases: dict[str, Phase] = field(default_factory=dict)
    #: By verb, resource and code; the Lease apart.
    requests: dict[str, int] = field(default_factory=dict)
    errors: int = 0
    conflicts: int = 0
    #: Further figures, by name.
    figures: dict[str, float | None] = field(default_factory=dict)
    #: What was not done when the time was up; empty: all was.
    timed_out: str = ""

    @classmethod
    def load(cls, content: dict[str, Any]) -> Self:
        """Return what `asdict` has made a dictionary of."""
        phases = {name: Phase(**phase) for name, phase in content["phases"].items()}
        return cls(**{**content, "phases": phases})


@dataclass
class Run:
    """All scenarios of one contender at one size."""

    contender: str
    size: int
    #: What it held in memory before the first workload, in MB.
    idle_mb: float = 0.0
    #: The most that a process of it held, restarts included.
    most_mb: float = 0.0
    scenarios: dict[str, Result] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def load(cls, content: dict[str, Any]) -> Self:
        """Return what `as_dict` has made a dictionary of."""
        scenarios = {name: Result.load(one) for name, one in content["scenarios"].items()}
        return cls(**{**content, "scenarios": scenarios})
