"""What was found after a fault: the invariants as figures, for a file and for a page."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.site import Site
from tests.faults.sizes import QUIET_SECONDS, SETTLE_SECONDS
from tests.support.audit import AuditLog

RESULTS = Path(__file__).parents[2] / "build" / "faults.json"
# What was begun before all was as wanted may be written after it, but not for ever.
_CALM_SECONDS = 90.0
# A workload takes 25 KB, its objects' caches included; the first of them bring code and buffers.
_MEMORY_EACH = 0.045
_MEMORY_ONCE = 25.0


@dataclass(frozen=True)
class Finding:
    """One fault, and what became of the workloads."""

    fault: str
    how: str
    workloads: int
    #: From the end of the fault until all workloads were as wanted.
    seconds: float
    #: What the operator wrote since the fault began, by workload.
    writes: float
    #: How often the operator's process ended.
    ends: int
    #: The operator's memory without workloads and after all, in MiB.
    idle_memory: float
    memory: float


@dataclass
class Watcher:
    """Observes one fault at a site, from before it begins."""

    site: Site
    fault: str
    how: str
    _audit: AuditLog
    _ends: int

    @classmethod
    def of(cls, site: Site, fault: str, how: str) -> "Watcher":
        """From now on; *how* says in words for people how the fault is made."""
        return cls(site, fault, how, site.audit(), site.ends)

    async def conclude(self) -> Finding:
        """
        Return the finding once all is well and quiet; the fault has just ended.

        Raises:
            AssertionError: an invariant does not hold.
        """
        site = self.site
        seconds = await site.settle(SETTLE_SECONDS)
        await self._wait_for_calm()
        # What was as wanted has to be so still.
        await site.settle(0)
        memory, most = site.memory(), _MEMORY_ONCE + site.idle_memory
        most += _MEMORY_EACH * len(site.model)
        assert memory < most, f"the operator holds {memory:.0f} MiB, more than {most:.0f}"
        writes = len(self._audit.writes(site.namespace)) / max(1, len(site.model))
        return Finding(
            self.fault,
            self.how,
            len(site.model),
            round(seconds, 1),
            round(writes, 1),
            site.ends - self._ends,
            round(site.idle_memory),
            round(memory),
        )

    async def _wait_for_calm(self) -> None:
        deadline = time.monotonic() + _CALM_SECONDS
        while writes := await self.site.writes_within(QUIET_SECONDS):
            words = "; ".join(str(write) for write in writes[:8])
            assert time.monotonic() < deadline, (
                f"still written after {_CALM_SECONDS:.0f} s: {words}"
            )


def record(finding: Finding) -> str:
    """Add *finding* to the file of results, in place of an older one; return it as a line."""
    RESULTS.parent.mkdir(exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[finding.fault] = asdict(finding)
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    return (
        f"{finding.fault}: {finding.workloads} workloads, converged after {finding.seconds} s, "
        f"{finding.writes} writes each, {finding.ends} ends of the process, "
        f"{finding.idle_memory} -> {finding.memory} MiB"
    )
