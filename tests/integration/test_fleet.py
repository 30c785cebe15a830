"""Fifty workloads on a real kubelet: the operator may die at any moment, and is never noisy."""

import asyncio
import time
from collections import Counter

import pytest

from tests.support.audit import AuditLog
from tests.support.manifests import make_running_workload, make_workload
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.predicates import is_ready
from tests.support.process import OperatorProcess

SIZE = 50
# When the operator is killed: some workloads have both children, some one, most none.
KILLED_AT = 10
SETTLE_SECONDS = 120
QUIET_SECONDS = 3.0
NAMES = [f"w{number:02}" for number in range(SIZE)]


async def kill_at_work(namespace: Namespace, operator: OperatorProcess) -> int:
    """Kill the operator once it has made some children; how many StatefulSets there are then."""
    while len(await namespace.read_all("StatefulSet")) < KILLED_AT:
        assert operator.is_running
    operator.kill()
    return len(await namespace.read_all("StatefulSet"))


@pytest.mark.timeout(300)
async def test_a_killed_operator_finishes_what_it_began_and_then_is_silent(
    namespace: Namespace, operator: OperatorProcess, audit: AuditLog, measurements: Measurements
) -> None:
    """
    Killed while it creates: all workloads get their children, once. Restarted when they run:
    not a single write.
    """
    begin = time.monotonic()
    _, children = await asyncio.gather(
        asyncio.gather(*(namespace.apply(make_running_workload(name)) for name in NAMES)),
        kill_at_work(namespace, operator),
    )
    assert children < SIZE, "the operator was faster than the test"

    operator.start_leading()

    await namespace.until_all("MCPWorkload", NAMES, is_ready(), SETTLE_SECONDS)
    took = time.monotonic() - begin
    for kind in ("StatefulSet", "Service", "Pod"):
        assert len(await namespace.read_all(kind)) == SIZE, kind
    writes = [write for write in audit.writes(namespace.name) if write.code < 300]
    applied = Counter((write.resource, write.name) for write in writes)
    measurements.note(f"{SIZE} workloads, operator killed at {children}: all Ready in {took:.0f} s")
    measurements.note(f"  successful writes: {dict(Counter(map(str, writes)))}")
    for resource in ("services", "statefulsets"):
        # None at all was answered where the first run's request was stored after its death.
        assert {applied[resource, name] for name in NAMES} <= {0, 1}, resource

    operator.stop()
    log = audit.from_now()
    operator.start_leading()
    # Once a newcomer is served, everything that was there before has been looked at.
    await namespace.settle(make_workload("newcomer"))
    await asyncio.sleep(QUIET_SECONDS)

    assert [write for write in log.writes(namespace.name) if write.name != "newcomer"] == []
    measurements.note(f"restart on {SIZE} settled workloads: 0 writes")
