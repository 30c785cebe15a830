"""
How soon an exit is told, and what it costs that nothing happens, by the number of workloads.

The pods are played, everything else is real: the API server, the StatefulSet controller, the
operator as a process, and a Monitor in a process of its own with its own rights.
"""

import asyncio
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.support.audit import AuditLog
from tests.support.cluster import ROOT, Cluster
from tests.support.cost import cpu_seconds, resident_megabytes
from tests.support.exit_scenarios import exit_events
from tests.support.fake_kubelet import (
    EXIT_CODES,
    FakeKubelet,
    exit_code,
    make_workload_of_fake_kubelet,
    settle_fleet,
)
from tests.support.kinds import Manifest
from tests.support.manifests import make_object
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest
from tests.support.process import NAMESPACE, write_kubeconfig

SIZE = int(os.environ.get("BENCH_WORKLOADS", "200"))
# What is promised, at the size it is promised for. Smaller runs share their machine with others.
IS_LONG = SIZE >= 1000
EXITS = 600 if IS_LONG else 150
IDLE_SECONDS = 60 if IS_LONG else 15
EXITS_PER_SECOND = 5
DOWN_SECONDS = 1.0
LATEST_SECONDS = 0.5
TOLD_SECONDS = 60.0
PAUSE_SECONDS = 3.0
NAMES = [f"w{number:04}" for number in range(SIZE)]
ACCOUNT = "bench-monitor"
WATCHED = ("pods", "mcpworkloads")
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


@dataclass
class Run:
    """When each exit was stored and told, on the clock of `time.monotonic`."""

    #: By the container's ID.
    stored: dict[str, float] = field(default_factory=dict)
    #: Which exit of which workload it was; the first is 1.
    number: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: By workload and restarts.
    counted: dict[tuple[str, int], float] = field(default_factory=dict)
    exits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))
    #: How long it took to store each: how busy the machine is without us.
    took: list[float] = field(default_factory=list)

    async def follow(self, namespace: Namespace) -> None:
        """Note when `status.restarts` of each workload was first seen to be what it is."""
        async for workload in namespace.api.watch("MCPWorkload", namespace.name):
            at, name = time.monotonic(), workload["metadata"]["name"]
            for restarts in range(workload["status"].get("restarts", 0), 0, -1):
                if self.counted.setdefault((name, restarts), at) != at:
                    break

    async def end(self, kubelet: FakeKubelet, name: str) -> None:
        """One exit, and the restart after it."""
        begin = time.monotonic()
        container = await kubelet.end(f"{name}-0")
        self.stored[container] = time.monotonic()
        self.took.append(self.stored[container] - begin)
        self.exits[name] += 1
        self.number[container] = (name, self.exits[name])
        await asyncio.sleep(DOWN_SECONDS)
        await kubelet.restart(f"{name}-0")

    def to_status(self, *codes: int) -> list[float]:
        """The seconds from each exit with one of *codes* to the status that counts it."""
        return [
            self.counted[self.number[key]] - at
            for key, at in self.stored.items()
            if exit_code(f"{self.number[key][0]}-0") in codes
        ]


@pytest.mark.timeout(300 + SIZE)
async def test_exits_are_reported_soon_and_idleness_costs_nothing(
    namespace: Namespace,
    operator_under_test: OperatorUnderTest,
    cluster: Cluster,
    audit: AuditLog,
    measurements: Measurements,
    tmp_path: Path,
) -> None:
    """No request while nothing happens; then each exit told once, within half a second."""
    operator = operator_under_test.take_out()
    kubelet = FakeKubelet(namespace)
    begin = time.monotonic()
    await settle_fleet(namespace, kubelet, audit, [*map(make_workload_of_fake_kubelet, NAMES)])
    measurements.note(f"{SIZE} workloads settled in {time.monotonic() - begin:.0f} s")

    async with make_account(namespace):
        kubeconfig = write_kubeconfig(cluster, tmp_path / "kubeconfig", NAMESPACE, ACCOUNT)
        async with listen(kubeconfig, namespace, tmp_path / "told") as monitor:
            begun = audit.requests(USER)
            idle = await rest(namespace, audit, operator.pid, monitor, measurements)
            before = cpu_seconds(operator.pid)
            run = await kill(namespace, kubelet, tmp_path / "told")
            used = cpu_seconds(operator.pid) - before
            measurements.note(
                f"  an exit and the restart cost the operator {used / EXITS:.3f} s of CPU"
            )
            for name, pid in (("operator", operator.pid), ("Monitor", monitor)):
                measurements.note(f"  memory of the {name}: {resident_megabytes(pid):.0f} MB")

    assert begun == {f"{verb} {it}": 1 for verb in ("list", "watch") for it in WATCHED}
    assert set(idle) <= {f"watch {it}" for it in WATCHED}, "more than watches that were renewed"
    lines = told(tmp_path / "told")
    to_monitor = [line["at"] - run.stored[line["container"]] for line in lines]
    note(measurements, "until stored by the API server", run.took)
    note(measurements, "from there to status.restarts", run.to_status(*EXIT_CODES))
    for code in EXIT_CODES:
        note(measurements, f"those with code {code}", run.to_status(code))
    note(measurements, "from there to the Monitor's item", to_monitor)
    assert sorted(line["container"] for line in lines) == sorted(run.stored)
    assert {line["count"] for line in lines} == {1}
    restarts = {
        each["metadata"]["name"]: each["status"].get("restarts", 0)
        for each in await namespace.read_all("MCPWorkload")
    }
    assert restarts == run.exits
    assert await exit_events(namespace) == {"Exited": EXITS}
    for seconds in (run.to_status(*EXIT_CODES), to_monitor):
        assert percentile(seconds, 99 if IS_LONG else 50) < LATEST_SECONDS


@asynccontextmanager
async def make_account(namespace: Namespace) -> AsyncIterator[None]:
    """
    A ServiceAccount with the rights that the docs name, in *namespace*.

    It lives in the operator's namespace, for the audit log records those alone.
    """
    page = (ROOT / "docs/monitor.md").read_text()
    rules = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
    account = make_object("ServiceAccount", ACCOUNT)
    account["metadata"]["namespace"] = NAMESPACE
    await namespace.api.apply(account)
    await namespace.create(make_object("Role", ACCOUNT, rules=rules))
    await namespace.create(make_object("RoleBinding", ACCOUNT, roleRef=role, subjects=[subject]))
    yield
    await namespace.api.delete("ServiceAccount", NAMESPACE, ACCOUNT)


@asynccontextmanager
async def listen(kubeconfig: Path, namespace: Namespace, output: Path) -> AsyncIterator[int]:
    """A Monitor in a process of its own, which listens; its process ID."""
    program = str(Path(__file__).parent / "listen.py")
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, str(kubeconfig), namespace.name, stdout=file
        )
    try:
        async with asyncio.timeout(TOLD_SECONDS):
            while not is_listening(output):
                assert process.returncode is None, "the Monitor ended"
                await asyncio.sleep(0.1)
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def rest(
    namespace: Namespace, audit: AuditLog, operator: int, monitor: int, measurements: Measurements
) -> dict[str, int]:
    """Let nothing happen; the Monitor's requests meanwhile. The operator writes nothing."""
    log = audit.from_now()
    before = {pid: cpu_seconds(pid) for pid in (operator, monitor)}
    await asyncio.sleep(IDLE_SECONDS)
    used = {pid: cpu_seconds(pid) - before[pid] for pid in before}
    requests = log.requests(USER)
    assert log.writes(namespace.name) == []
    for name, pid in (("operator", operator), ("Monitor", monitor)):
        measurements.note(f"  {IDLE_SECONDS} s of rest: the {name} used {used[pid]:.2f} s of CPU")
        measurements.note(f"  memory of the {name} then: {resident_megabytes(pid):.0f} MB")
    measurements.note(f"  requests of the Monitor in that time: {dict(requests) or 'none'}")
    return requests


async def kill(namespace: Namespace, kubelet: FakeKubelet, output: Path) -> Run:
    """EXITS exits, spread over time and workloads; return once all have been told."""
    run = Run()
    async with asyncio.timeout(EXITS / EXITS_PER_SECOND + TOLD_SECONDS):
        following = asyncio.create_task(run.follow(namespace))
        await asyncio.sleep(PAUSE_SECONDS)  # it begins with what there is
        async with asyncio.TaskGroup() as group:
            for number in range(EXITS):
                group.create_task(run.end(kubelet, NAMES[number % SIZE]))
                await asyncio.sleep(1 / EXITS_PER_SECOND)
        while min(len(run.counted), len(told(output))) < EXITS:
            await asyncio.sleep(1)
        # What is told twice would come now.
        await asyncio.sleep(PAUSE_SECONDS)
        following.cancel()
    return run


def is_listening(output: Path) -> bool:
    """Whether the Monitor has said so."""
    return output.stat().st_size > 0


def told(output: Path) -> list[Manifest]:
    """What the Monitor was told of exits."""
    return [json.loads(line) for line in output.read_text().splitlines()[1:]]


def note(measurements: Measurements, what: str, seconds: Sequence[float]) -> None:
    """Note how long it took until an exit was told there."""
    shown = ", ".join(f"p{part} {percentile(seconds, part) * 1000:.0f} ms" for part in (50, 99))
    measurements.note(f"  {len(seconds)} exits, {what}: {shown}, max {max(seconds) * 1000:.0f} ms")


def percentile(values: Sequence[float], part: int) -> float:
    """The smallest value that *part* per cent of them do not exceed."""
    return sorted(values)[math.ceil(len(values) * part / 100) - 1]
