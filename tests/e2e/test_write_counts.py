"""The operator's writes in one workload's life, counted by the API server."""

import asyncio

import pytest

from hack.images.catalog import by_name
from tests.support.audit import AuditLog
from tests.support.cluster import retag
from tests.support.manifests import SMALL, make_running_workload, make_workload
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.operator_under_test import restart_in_cluster
from tests.support.predicates import is_gone

IDLE_SECONDS = 60
QUIET_SECONDS = 3.0
RETAGGED = SMALL.replace("/time:", "/time-retagged:")

CREATE = {"patch services": 1, "patch statefulsets": 1, "patch mcpworkloads/status": 2}
UPDATE = {"patch statefulsets": 1, "patch mcpworkloads/status": 2}


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_one_life_costs_seven_writes(
    namespace: Namespace, audit: AuditLog, measurements: Measurements
) -> None:
    """Four to create it, three to change its image; none to restart or delete."""
    log = audit.from_now()
    await namespace.settle(make_running_workload("weather"))
    await asyncio.sleep(QUIET_SECONDS)
    created = log.count(namespace.name)

    retag(by_name("time"), RETAGGED)
    log = audit.from_now()
    await namespace.settle(make_running_workload("weather", image=RETAGGED))
    await asyncio.sleep(QUIET_SECONDS)
    updated = log.count(namespace.name)

    log = audit.from_now()
    took = restart_in_cluster()
    # Once a newcomer is served, everything that was there before has been looked at.
    await namespace.settle(make_workload("newcomer"))
    await asyncio.sleep(QUIET_SECONDS)
    restarted = [write for write in log.writes(namespace.name) if write.name == "weather"]

    log = audit.from_now()
    await namespace.delete("MCPWorkload", "weather")
    await namespace.until("StatefulSet", "weather", is_gone())
    await namespace.until("Pod", "weather-0", is_gone())
    await asyncio.sleep(QUIET_SECONDS)
    deleted = log.count(namespace.name)

    measurements.note(f"writes: create {dict(created)}, image {dict(updated)}")
    measurements.note(f"  restart {restarted}, delete {dict(deleted)}; restart took {took:.1f} s")
    assert created == CREATE
    assert updated == UPDATE
    assert restarted == []
    assert deleted == {}


@pytest.mark.long
async def test_an_idle_workload_costs_no_write(namespace: Namespace, audit: AuditLog) -> None:
    """Nor does what happens to other workloads in that minute."""
    await namespace.settle(make_running_workload("weather"))
    await asyncio.sleep(QUIET_SECONDS)
    log = audit.from_now()

    await asyncio.sleep(IDLE_SECONDS)

    assert log.count(namespace.name) == {}, namespace.operator_log()
