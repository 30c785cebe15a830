"""A node that ceases to report, as it is when its kubelet ends, and comes back."""

import asyncio
import os
import signal

import pytest

from hack.local.cluster import LocalCluster
from hack.local.settings import NODE
from tests.support.audit import AuditLog
from tests.support.cluster import make
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, has_condition, is_ready

# Kubernetes waits for 50 s before it gives a node up.
LOST_SECONDS = 100.0

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("_operator_in_cluster")]


async def test_a_workload_on_a_lost_node_says_so_and_returns(
    namespace: Namespace, audit: AuditLog
) -> None:
    """With pod and node by name; nothing is deleted, and the pod is the same afterwards."""
    await namespace.settle(make_running_workload("server"))
    pod = await namespace.get("Pod", "server-0")
    log = audit.from_now()

    os.kill(LocalCluster().pid("kubelet"), signal.SIGKILL)
    try:
        lost = has_condition("Available", "False", "NodeLost")
        workload = await namespace.until("MCPWorkload", "server", lost, LOST_SECONDS)
    finally:
        await asyncio.to_thread(make, "up")

    message = condition_of(workload, "Available")["message"]
    assert message == f"pod server-0: node {NODE} does not report"
    await namespace.until("MCPWorkload", "server", is_ready(), 60)
    assert (await namespace.get("Pod", "server-0"))["metadata"]["uid"] == pod["metadata"]["uid"]
    assert {str(write) for write in log.writes(namespace.name)} == {"patch mcpworkloads/status"}
