"""What the operator's process does, as metrics: its reconciles, its requests, what it waits for."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mcpworkload import __version__

_RECONCILE_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
    *(0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
_REQUEST_BUCKETS: Final = (
    *(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)
# What the kubelet, the cluster and the operator give as the reason of an exit; a container
# runtime may have others, and whoever may write the status of a pod has any.
EXIT_REASONS: Final = frozenset(
    {
        "Completed",
        "ContainerCannotRun",
        "ContainerStatusUnknown",
        "DeadlineExceeded",
        "DeletionByPodGC",
        "DeletionByTaintManager",
        "Error",
        "EvictionByEvictionAPI",
        "Evicted",
        "NodeLost",
        "NodeShutdown",
        "OOMKilled",
        "PostStartHookError",
        "PreemptionByScheduler",
        "ProbeFailed",
        "StartError",
        "Terminated",
        "TerminationByKubelet",
        "Unknown",
    }
)
OTHER: Final = "Other"


class Queue(Protocol):
    """The queue of workloads that are due."""

    def depths(self) -> Mapping[str, int]:
        """Return how many wait, by the name of their priority."""
        ...

    def oldest_seconds(self) -> float:
        """Return for how long the one waits that has waited longest."""
        ...


class Limiter(Protocol):
    """What bounds the requests in flight."""

    @property
    def in_flight(self) -> int:
        """How many the API server is at."""
        ...

    @property
    def throttled(self) -> int:
        """How many responses have let the limit fall."""
        ...

    @property
    def limit(self) -> int:
        """How many may be in flight."""
        ...

    @property
    def waiting(self) -> int:
        """How many wait until they may be sent."""
        ...


@dataclass
class Sources:
    """What is read at each scrape; None for a part that is not there, or has not begun yet."""

    queue: Queue | None = None
    limiter: Limiter | None = None
    #: Returns the seconds since the quietest watch of each resource received anything.
    watch_ages: Callable[[], Mapping[str, float]] | None = None


class ProcessMetrics(Collector):
    """
    The metrics of one process.

    They count from its start. One that waits for the Lease has no queue and no watches.
    """

    def __init__(self, is_leading: Callable[[], bool]) -> None:
        self._is_leading = is_leading
        self.sources = Sources()
        self._results: Counter[str] = Counter()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._exits: Counter[str] = Counter()
        self._reconciles = Histogram(
            "mcpworkload_reconcile_duration_seconds",
            "How long a reconcile took.",
            buckets=_RECONCILE_BUCKETS,
            registry=None,
        )
        self._durations = Histogram(
            "mcpworkload_api_request_duration_seconds",
            "How long the head of the API server's response took.",
            ("verb",),
            buckets=_REQUEST_BUCKETS,
            registry=None,
        )
        #: `labels` takes longer than the rest of an observation.
        self._of_verb: dict[str, Histogram] = {}

    def reconciled(self, result: str, seconds: float) -> None:
        """Count one reconcile: `done`, `requeued`, `refused` or `failed`."""
        self._results[result] += 1
        self._reconciles.observe(seconds)

    def requested(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """Count one request to the API server."""
        self._requests[verb, resource, code] += 1
        if (histogram := self._of_verb.get(verb)) is None:
            histogram = self._of_verb[verb] = self._durations.labels(verb)
        histogram.observe(seconds)

    def exited(self, reason: str, count: int) -> None:
        """Count *count* exits of containers that a status reports now."""
        self._exits[reason if reason in EXIT_REASONS else OTHER] += count

    def collect(self) -> Iterator[Metric]:
        """Return the families."""
        build = GaugeMetricFamily(
            "mcpworkload_build_info", "1; the operator's version.", labels=("version",)
        )
        build.add_metric((__version__,), 1.0)
        yield build
        yield GaugeMetricFamily(
            "mcpworkload_leader",
            "1 in the process that works, 0 in one that waits for the Lease.",
            value=float(self._is_leading()),
        )
        yield _counter(
            "mcpworkload_reconciles", "Reconciles, by what came of them.", "result", self._results
        )
        yield from self._reconciles.collect()
        yield from self._of_requests()
        yield _counter(
            "mcpworkload_exit_reasons",
            "Exits of containers that were not asked for, by the reason that the status has.",
            "reason",
            self._exits,
        )
        yield from _of_sources(self.sources)

    def describe(self) -> Iterator[Metric]:
        """Return nothing: registering must not read the sources."""
        return iter(())

    def _of_requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "mcpworkload_api_requests",
            "Requests to the API server; the code of one that got no response is `none`.",
            labels=("verb", "resource", "code"),
        )
        for labels, count in self._requests.items():
            requests.add_metric(labels, count)
        yield requests
        yield from self._durations.collect()


def _of_sources(sources: Sources) -> Iterator[Metric]:
    """Yield the families of *sources*; that of a part which is not there has no samples."""
    queue = sources.queue
    yield _gauge(
        "mcpworkload_queue_depth",
        "Workloads that are due and wait for a worker, by priority.",
        "priority",
        queue.depths() if queue else {},
    )
    yield GaugeMetricFamily(
        "mcpworkload_queue_oldest_seconds",
        "For how long the workload is due that has waited longest.",
        value=queue.oldest_seconds() if queue else None,
    )
    yield _gauge(
        "mcpworkload_watch_age_seconds",
        "Seconds since the quietest watch of a resource received anything.",
        "resource",
        sources.watch_ages() if sources.watch_ages else {},
    )
    yield from _of_limiter(sources.limiter)


def _of_limiter(limiter: Limiter | None) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "mcpworkload_api_requests_in_flight",
        "Requests that have no response yet; a watch is none.",
        value=limiter.in_flight if limiter else None,
    )
    yield GaugeMetricFamily(
        "mcpworkload_api_requests_waiting",
        "Requests that are not sent yet, since no more may be in flight.",
        value=limiter.waiting if limiter else None,
    )
    yield GaugeMetricFamily(
        "mcpworkload_api_requests_limit",
        "How many requests may be in flight.",
        value=limiter.limit if limiter else None,
    )
    yield CounterMetricFamily(
        "mcpworkload_api_requests_throttled",
        "Responses that let the limit fall: 429 and 5xx.",
        value=limiter.throttled if limiter else None,
    )


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    return _fill(CounterMetricFamily(name, text, labels=(label,)), counts)


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return _fill(GaugeMetricFamily(name, text, labels=(label,)), values)


def _fill(family: CounterMetricFamily | GaugeMetricFamily, numbers: Mapping[str, float]) -> Metric:
    """Return *family* with a sample for each value of its one label."""
    for value, number in numbers.items():
        family.add_metric((value,), number)
    return family
