"""
The metrics of the workloads, made of their stored statuses.

A scrape reads the statuses, and no other place counts, so that numbers survive a restart of the
operator and are never ahead of what `kubectl get` shows.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from mcpworkload import __version__
from mcpworkload.api.reasons import ConditionType
from mcpworkload.controller.store import Body

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_LABELS = ("namespace", "workload")


class Metrics(Collector):
    """The metrics of all workloads in a store, and of the process that reports them."""

    def __init__(
        self, bodies: Iterable[Body], is_leading: Callable[[], bool], *further: Collector
    ) -> None:
        """*further* metrics of the process are rendered with them."""
        self._bodies = bodies
        self._is_leading = is_leading
        self._registry = CollectorRegistry()
        for collector in (self, *further):
            self._registry.register(collector)

    def render(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Return the families of the workloads, then those of the process."""
        yield from self._workloads()
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

    def _workloads(self) -> Iterator[Metric]:
        exits = CounterMetricFamily(
            "mcpworkload_unexpected_exits",
            "Exits of containers that were not asked for: status.restarts.",
            labels=_LABELS,
        )
        ready = GaugeMetricFamily(
            "mcpworkload_ready", "1 when the workload is as its spec asks, else 0.", labels=_LABELS
        )
        conditions = GaugeMetricFamily(
            "mcpworkload_condition",
            "1 for each condition of a workload, with its status and reason.",
            labels=(*_LABELS, "type", "status", "reason"),
        )
        tools = GaugeMetricFamily(
            "mcpworkload_tools",
            "Tools that the server offers: status.server.tools.",
            labels=_LABELS,
        )
        for body in self._bodies:
            where = (body["metadata"]["namespace"], body["metadata"]["name"])
            status = body.get("status") or {}
            exits.add_metric(where, status.get("restarts", 0))
            ready.add_metric(where, float(_is_ready(status)))
            for condition in status.get("conditions", ()):
                details = (condition[name] for name in ("type", "status", "reason"))
                conditions.add_metric((*where, *details), 1.0)
            if listed := (status.get("server") or {}).get("tools"):
                tools.add_metric(where, listed["count"])
        yield from (exits, ready, conditions, tools)

    def describe(self) -> Iterator[Metric]:
        """Return nothing: registering must not read the store."""
        return iter(())


def _is_ready(status: Any) -> bool:
    return any(
        (condition["type"], condition["status"]) == (ConditionType.READY, "True")
        for condition in status.get("conditions", ())
    )
