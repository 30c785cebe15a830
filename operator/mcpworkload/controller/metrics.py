"""All metrics of a process, as Prometheus reads them."""

from collections.abc import AsyncIterator

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from mcpworkload.controller.workload_metrics import WorkloadMetrics

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]


class Metrics:
    """The metrics of the process in a few hundred lines, then those of the workloads."""

    def __init__(self, workloads: WorkloadMetrics, *collectors: Collector) -> None:
        # A time stamp beside each histogram says what process_start_time_seconds does.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._workloads = workloads
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        for collector in collectors:
            self._registry.register(collector)

    async def render(self) -> AsyncIterator[bytes]:
        """Yield the metrics in Prometheus' text format, in turns with the rest of the process."""
        yield generate_latest(self._registry)
        async for text in self._workloads.render():
            yield text
