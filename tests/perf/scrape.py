"""
What a scrape of ten thousand workloads costs: ``python -m tests.perf.scrape`` prints a table.

All times are CPU time of this process, which others on the machine change little.
"""

import asyncio
import sys
import time
import timeit
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mcpworkload.controller.metrics import Metrics
from mcpworkload.controller.process_metrics import ProcessMetrics
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.controller.workload_metrics import WorkloadMetrics
from tests.support.parsed import make_body

WORKLOADS = 10_000
ROUNDS = 3
CALLS = 100_000
GOOD = {
    "Accepted": "True/Accepted",
    "Available": "True/ReplicasReady",
    "Ready": "True/Ready",
    "Verified": "True/HandshakeOk",
    "Isolated": "False/NotRequested",
}
BAD = {
    **GOOD,
    "Available": "False/CrashLooping",
    "Ready": "False/CrashLooping",
    "Verified": "Unknown/Pending",
}


def make_store(conditions: dict[str, str]) -> WorkloadStore:
    """Workloads that all have these conditions."""
    store = WorkloadStore()
    split = {kind: value.split("/") for kind, value in conditions.items()}
    written = [{"type": k, "status": s, "reason": r, "message": "m"} for k, (s, r) in split.items()]
    for number in range(WORKLOADS):
        status = {"restarts": 1, "conditions": written, "server": {"tools": {"count": 3}}}
        store.put(make_body(f"workload-{number:05}", status=status))
    return store


class Everything(Collector):
    """Each condition of each workload, by prometheus-client alone."""

    def __init__(self, store: WorkloadStore) -> None:
        self._store = store

    def collect(self) -> Any:
        """Return the families."""
        labels = ["namespace", "workload"]
        conditions = GaugeMetricFamily(
            "condition", "", labels=[*labels, "type", "status", "reason"]
        )
        others = [GaugeMetricFamily(name, "", labels=labels) for name in ("a", "b", "c")]
        for body in self._store:
            where = [body["metadata"]["namespace"], body["metadata"]["name"]]
            for each in body["status"]["conditions"]:
                conditions.add_metric([*where, each["type"], each["status"], each["reason"]], 1)
            for family in others:
                family.add_metric(where, 1)
        return [conditions, *others]

    def describe(self) -> Any:
        """Return nothing."""
        return []


async def measure(metrics: Metrics) -> str:
    """Return samples, bytes, CPU seconds and the longest pause of a scrape, as cells of a table."""
    pauses: list[float] = []

    async def others() -> None:
        while True:
            begin = time.process_time()
            await asyncio.sleep(0)
            pauses.append(time.process_time() - begin)

    best, text = 1e9, b""
    for _ in range(ROUNDS):
        task = asyncio.create_task(others())
        begin = time.process_time()
        text = b"".join([part async for part in metrics.render()])
        best = min(best, time.process_time() - begin)
        task.cancel()
    return cells(text, best, max(pauses))


def cells(text: bytes, cpu: float, pause: float) -> str:
    """Return the cells of a row."""
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    return f"{samples:,} | {len(text) / 1e6:.1f} MB | {cpu:.2f} s | {1000 * pause:.0f} ms"


def main() -> None:
    """Print the table."""
    lines = []
    for name, conditions in (("all ready", GOOD), ("none ready", BAD)):
        ages = [(f"team/workload-{number:05}", 12.3) for number in range(WORKLOADS)]
        workloads = WorkloadMetrics(make_store(conditions), ages.copy)
        metrics = Metrics(workloads, ProcessMetrics(lambda: True))
        lines.append(f"| {name} | {asyncio.run(measure(metrics))} |")
    registry = CollectorRegistry()
    registry.register(Everything(make_store(GOOD)))
    begin = time.process_time()
    text = generate_latest(registry)
    cpu = time.process_time() - begin
    lines.append(f"| by prometheus-client | {cells(text, cpu, cpu)} |")
    process = ProcessMetrics(lambda: True)
    for what, call in (
        ("request", lambda: process.requested("patch", "statefulsets", "200", 0.01)),
        ("reconcile", lambda: process.reconciled("done", 0.01)),
    ):
        each = timeit.timeit(call, timer=time.process_time, number=CALLS) / CALLS
        lines.append(f"a {what}: {each * 1e6:.1f} us")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
