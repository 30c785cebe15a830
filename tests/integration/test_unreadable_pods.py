"""The right to read pods is taken away and given back."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api
from tests.support.audit import AuditLog
from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, has_condition, is_ready
from tests.support.process import OperatorProcess

pytestmark = pytest.mark.slow

ROLE = "mcpworkload-operator"
# 10 s until it is believed, and the pause before the next attempt; to heal, that pause alone.
BELIEF_SECONDS = 60
HEAL_SECONDS = 60
QUIET_SECONDS = 20.0


async def set_rules(api: Api, rules: list[Manifest]) -> None:
    """What the operator may do from now on."""
    await api.patch("ClusterRole", "", ROLE, {"rules": rules})


@pytest.fixture
async def rules_without_pods(api: Api) -> AsyncIterator[list[Manifest]]:
    """The operator's rules but that on pods; all of them are in force again in the end."""
    role = await api.get("ClusterRole", "", ROLE)
    assert role is not None
    rules: list[Manifest] = role["rules"]
    try:
        yield [rule for rule in rules if "pods" not in rule["resources"]]
    finally:
        await set_rules(api, rules)


async def test_pods_that_may_not_be_read(
    operator: OperatorProcess,
    namespace: Namespace,
    api: Api,
    audit: AuditLog,
    rules_without_pods: list[Manifest],
) -> None:
    """The status says so once, in the API server's words; what runs goes on, and nothing hangs."""
    role = await api.get("ClusterRole", "", ROLE)
    assert role is not None
    before = await namespace.settle(make_running_workload("weather"))
    operator.stop()
    await set_rules(api, rules_without_pods)
    operator.start_leading()

    blind = has_condition("Available", "Unknown", "PodsUnreadable")
    workload = await namespace.until("MCPWorkload", "weather", blind, BELIEF_SECONDS)

    ready = condition_of(workload, "Ready")
    assert (ready["status"], ready["reason"]) == ("Unknown", "PodsUnreadable")
    assert 'cannot list resource "pods"' in ready["message"]
    assert workload["status"]["readyReplicas"] == before["status"]["readyReplicas"] == 1
    # The rest of its work does not depend on pods.
    await namespace.apply(make_running_workload("newcomer"))
    await namespace.until("MCPWorkload", "newcomer", blind)
    log = audit.from_now()
    await asyncio.sleep(QUIET_SECONDS)
    assert log.writes(namespace.name) == []

    await set_rules(api, role["rules"])
    await namespace.until_all("MCPWorkload", ["weather", "newcomer"], is_ready(), HEAL_SECONDS)
    pod = await namespace.get("Pod", "weather-0")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
