"""What Prometheus gets to read."""

import asyncio
import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mcpworkload import __version__
from mcpworkload.controller.metrics import Metrics
from mcpworkload.controller.process_metrics import ProcessMetrics
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.controller.workload_metrics import BATCH, WorkloadMetrics
from tests.support.parsed import make_body

Samples = dict[str, list[tuple[dict[str, str], float]]]


async def scrape(workloads: WorkloadMetrics, *process: ProcessMetrics) -> Samples:
    """The labels and values of each metric, as a parser reads them."""
    text = b"".join([part async for part in Metrics(workloads, *process).render()]).decode()
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def conditions(**each: str) -> list[dict[str, str]]:
    """Conditions, such as Ready="True/Ready"."""
    split = {kind: value.split("/") for kind, value in each.items()}
    return [
        {"type": kind, "status": status, "reason": reason, "message": "m"}
        for kind, (status, reason) in split.items()
    ]


def make_store(**statuses: dict[str, Any] | None) -> WorkloadStore:
    """Workloads by name, with their statuses."""
    store = WorkloadStore()
    for name, status in statuses.items():
        store.put(make_body(name, status=status))
    return store


async def test_the_metrics_are_what_the_statuses_say() -> None:
    """Also those of a workload that has no status yet."""
    status = {
        "restarts": 3,
        "conditions": conditions(Ready="True/Ready"),
        "server": {"tools": {"count": 7}},
    }
    found = await scrape(WorkloadMetrics(make_store(weather=status, fresh=None)))

    weather = {"namespace": "team", "workload": "weather"}
    fresh = {"namespace": "team", "workload": "fresh"}
    assert found["mcpworkload_ready"] == [(weather, 1.0), (fresh, 0.0)]
    assert found["mcpworkload_unexpected_exits_total"] == [(weather, 3.0), (fresh, 0.0)]
    assert found["mcpworkload_tools"] == [(weather, 7.0)]
    assert found["mcpworkload_workloads"] == [({}, 2.0)]


async def test_a_condition_has_a_sample_where_it_is_not_as_asked() -> None:
    """An alert names the reason; ten thousand workloads that are well have no such sample."""
    well = conditions(
        Accepted="True/Accepted",
        Available="True/ReplicasReady",
        Ready="True/Ready",
        Verified="True/HandshakeOk",
        Isolated="False/NotRequested",
    )
    stopped = conditions(Available="False/Stopped", Ready="True/Stopped", Verified="Unknown/NoPods")
    crashing = conditions(Available="False/CrashLooping", Stalled="True/InvalidSpec")
    found = await scrape(
        WorkloadMetrics(
            make_store(
                well={"conditions": well},
                stopped={"conditions": stopped},
                crashing={"conditions": crashing},
            )
        )
    )

    crashing_labels = {"namespace": "team", "workload": "crashing"}
    assert [labels for labels, _ in found["mcpworkload_condition"]] == [
        {**crashing_labels, "type": "Available", "status": "False", "reason": "CrashLooping"},
        {**crashing_labels, "type": "Stalled", "status": "True", "reason": "InvalidSpec"},
    ]
    counted = {tuple(labels.values()): value for labels, value in found["mcpworkload_conditions"]}
    assert counted["Available", "False", "CrashLooping"] == 1
    assert sum(counted.values()) == len([*well, *stopped, *crashing])


async def test_what_others_write_into_a_status_makes_no_metric() -> None:
    """Neither a line of their own, nor a label for each of many values."""
    forged = conditions(Mine="True/Mine", Ready='True/R"} 1\nmcpworkload_leader 0')
    found = await scrape(WorkloadMetrics(make_store(weather={"conditions": forged})))

    assert "mcpworkload_condition" not in found
    assert "mcpworkload_conditions" not in found
    assert [value for _, value in found["mcpworkload_ready"]] == [0.0]


@pytest.mark.parametrize("leads", [True, False])
async def test_the_process_says_what_it_is(leads: bool) -> None:
    """Its version, and whether it works or waits; how much it takes, too."""
    found = await scrape(WorkloadMetrics(()), ProcessMetrics(lambda: leads))

    assert found["mcpworkload_build_info"] == [({"version": __version__}, 1.0)]
    assert found["mcpworkload_leader"] == [({}, float(leads))]
    assert found["process_resident_memory_bytes"][0][1] > 0
    assert "mcpworkload_queue_depth" not in found


async def test_what_the_process_did_is_counted() -> None:
    """Reconciles, requests and exits, each by what came of it."""
    process = ProcessMetrics(lambda: True)
    process.reconciled("done", 0.02)
    process.reconciled("failed", 2.0)
    process.requested("patch", "statefulsets", "200", 0.02)
    process.requested("patch", "statefulsets", "200", 0.02)
    process.requested("list", "pods", "none", 30.0)
    process.exited("OOMKilled", 2)
    process.exited("made up by a runtime", 1)

    found = await scrape(WorkloadMetrics(()), process)

    def of(name: str) -> dict[tuple[str, ...], float]:
        return {tuple(labels.values()): value for labels, value in found[name]}

    assert of("mcpworkload_reconciles_total") == {("done",): 1, ("failed",): 1}
    assert of("mcpworkload_reconcile_duration_seconds_count") == {(): 2}
    assert of("mcpworkload_api_requests_total") == {
        # By code, resource and verb.
        ("200", "statefulsets", "patch"): 2,
        ("none", "pods", "list"): 1,
    }
    assert of("mcpworkload_api_request_duration_seconds_count") == {("patch",): 2, ("list",): 1}
    assert of("mcpworkload_exit_reasons_total") == {("OOMKilled",): 2, ("Other",): 1}
    assert not [name for name in found if name.endswith("_created")]


async def test_what_the_process_waits_for_is_read_at_the_scrape() -> None:
    """The queue, the watches, the requests in flight."""
    process = ProcessMetrics(lambda: True)
    queue: Any = SimpleNamespace(depths=lambda: {"urgent": 2}, oldest_seconds=lambda: 1.5)
    limiter: Any = SimpleNamespace(in_flight=4, waiting=2, limit=8, throttled=3)
    process.sources.queue, process.sources.limiter = queue, limiter
    process.sources.watch_ages = lambda: {"pods": 12.0}

    found = await scrape(WorkloadMetrics(()), process)

    assert found["mcpworkload_queue_depth"] == [({"priority": "urgent"}, 2)]
    assert found["mcpworkload_queue_oldest_seconds"] == [({}, 1.5)]
    assert found["mcpworkload_watch_age_seconds"] == [({"resource": "pods"}, 12.0)]
    assert found["mcpworkload_api_requests_in_flight"] == [({}, 4)]
    assert found["mcpworkload_api_requests_waiting"] == [({}, 2)]
    assert found["mcpworkload_api_requests_limit"] == [({}, 8)]
    assert found["mcpworkload_api_requests_throttled_total"] == [({}, 3)]


async def test_a_scrape_lets_others_work() -> None:
    """Of ten batches of workloads, with a workload that is deleted meanwhile."""
    names = [f"w{number}" for number in range(10 * BATCH)]
    store, turns = make_store(**dict.fromkeys(names)), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            for body in list(store)[-1:]:
                store.drop(body)
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    found = await scrape(WorkloadMetrics(store))
    task.cancel()

    assert len(found["mcpworkload_ready"]) == len(names)
    assert turns >= 10


async def test_counting_costs_microseconds() -> None:
    """While nobody scrapes, that is what metrics cost: CPU time of this process, not of others."""
    process = ProcessMetrics(lambda: True)
    begin = time.process_time()
    for _ in range(2000):
        process.reconciled("done", 0.02)
        process.requested("patch", "statefulsets", "200", 0.02)

    assert (time.process_time() - begin) / 4000 < 50e-6


async def test_names_are_those_of_prometheus() -> None:
    """In base units; what only rises ends in total."""
    process = ProcessMetrics(lambda: True)
    text = b"".join(
        [part async for part in Metrics(WorkloadMetrics(()), process).render()]
    ).decode()
    kinds = dict(re.findall(r"^# TYPE (mcpworkload_\w+) (\w+)$", text, re.MULTILINE))

    assert kinds
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in kinds.items())
