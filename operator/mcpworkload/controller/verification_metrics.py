"""What verification costs and brings, as metrics of the process that verifies."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from mcpworkload.kube.keys import split_key
from mcpworkload.verification.finding import Result

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _no_ages() -> Iterable[tuple[str, float]]:
    return ()


class VerificationMetrics(Collector):
    """The counts of a process that verifies servers; zero in one that waits for the Lease."""

    def __init__(self) -> None:
        #: Yields the key of each workload, and the seconds since its quietest server answered.
        self.ages: Callable[[], Iterable[tuple[str, float]]] = _no_ages
        self._results: Counter[Result] = Counter()
        self._tools_changes: Counter[str] = Counter()
        self._durations = Histogram(
            "mcpworkload_verification_duration_seconds",
            "How long a verification of one pod took.",
            buckets=_BUCKETS,
            registry=None,
        )

    def count(self, result: Result, seconds: float) -> None:
        """Count one verification of one pod."""
        self._results[result] += 1
        self._durations.observe(seconds)

    def count_tools_change(self, key: str) -> None:
        """Count one change of the list of tools of a workload."""
        self._tools_changes[key] += 1

    def forget(self, key: str) -> None:
        """Drop what was counted of a workload that is deleted."""
        self._tools_changes.pop(key, None)

    def collect(self) -> Iterator[Metric]:
        """Return the families."""
        probes = CounterMetricFamily(
            "mcpworkload_verification_probes",
            "Verifications of one pod, by what came of them.",
            labels=("result",),
        )
        for result in Result:
            probes.add_metric((result.value,), self._results[result])
        yield probes
        yield from self._durations.collect()
        changes = CounterMetricFamily(
            "mcpworkload_tools_changes",
            "Changes of the list of tools that a status shows.",
            labels=("namespace", "workload"),
        )
        for key, count in self._tools_changes.items():
            changes.add_metric(split_key(key), count)
        yield changes

    def describe(self) -> Iterator[Metric]:
        """Return nothing: registering must not read the verifier."""
        return iter(())
