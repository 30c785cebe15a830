"""Isolated servers while the policy engine or the operator is away: they wait, or stay closed."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hack.cluster.choose import choose_cluster
from hack.install import DEPLOYMENT
from hack.install import NAMESPACE as OPERATOR_NAMESPACE
from hack.kubectl import kubectl
from hack.local.cluster import LocalCluster
from mcpworkload.api.names import DENY_POLICY, GATE, egress_name
from tests.support.cluster import Cluster
from tests.support.escapes import (
    IN,
    IS_ENFORCED,
    Way,
    allow,
    find_dns,
    make_escaper,
    open_goals,
    read_tries,
    until_tried,
)
from tests.support.kinds import Manifest
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.predicates import (
    Predicate,
    field,
    has_condition,
    is_gone,
    is_replaced,
)

pytestmark = pytest.mark.alone

NAME, POD = "runner", "runner-0"
# A gate that waits for longer than it takes where everything is there.
WAIT_SECONDS = 4.0


def is_held(pod: Manifest | None) -> bool:
    """Whether the pod's gate runs, and its server has never."""
    gate = field(pod or {}, "status", "initContainerStatuses", 0) or {}
    server = field(pod or {}, "status", "containerStatuses", 0) or {}
    return (
        gate.get("name") == GATE
        and "running" in gate.get("state", {})
        and "waiting" in server.get("state", {})
        and not server.get("lastState")
    )


IS_HELD = Predicate("is held by its gate", is_held)


@contextmanager
def stopped(component: str) -> Iterator[None]:
    """A component of the local cluster does nothing meanwhile."""
    pid = LocalCluster().pid(component)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def without_operator() -> Iterator[None]:
    """No operator is there meanwhile."""
    where = ("--namespace", OPERATOR_NAMESPACE)
    kubectl("scale", DEPLOYMENT, *where, "--replicas=0")
    try:
        kubectl("wait", "pods", *where, "--all", "--for=delete", "--timeout=60s")
        yield
    finally:
        kubectl("scale", DEPLOYMENT, *where, "--replicas=1")
        kubectl("rollout", "status", DEPLOYMENT, *where, "--timeout=90s")


async def test_servers_wait_for_a_policy_engine(
    namespace: Namespace, cluster: Cluster, measurements: Measurements
) -> None:
    """Their condition says for what, and they start once it works."""
    if choose_cluster().name != "local":
        pytest.skip("no other cluster's policy engine is ours to stop")
    (goal,) = await open_goals(namespace)
    ways = [Way("out", "tcp", goal), await find_dns(namespace)]
    clock = asyncio.get_running_loop().time
    with stopped("network-policy"):
        await namespace.apply(make_escaper(NAME, ways))
        await namespace.until("Pod", POD, IS_HELD)
        begin = clock()
        unknown = has_condition("Isolated", "Unknown", "EngineNotSeen")
        await namespace.until("MCPWorkload", NAME, unknown)
        measurements.note(f"EngineNotSeen {clock() - begin:.1f} s after the gate began")
        assert is_held(await namespace.get("Pod", POD))

    begin = clock()
    await namespace.until("MCPWorkload", NAME, IS_ENFORCED)
    measurements.note(f"Enforced {clock() - begin:.1f} s after the engine went on")
    await until_tried(cluster, namespace, POD, IN)
    assert set(await read_tries(cluster, namespace, POD)) == {IN}


async def test_an_operator_that_is_killed_while_rules_change_leaves_no_gap(
    namespace: Namespace, cluster: Cluster
) -> None:
    """The next one finishes the change: of hosts, then to none at all."""
    old, new = await open_goals(namespace, 2)
    ways = [
        *(Way(word, "proxy", goal) for word, goal in (("old", old), ("new", new))),
        *(Way(f"{word}-directly", "tcp", goal) for word, goal in (("old", old), ("new", new))),
        await find_dns(namespace),
    ]
    await namespace.apply(make_escaper(NAME, ways, permissionProfile=allow(old)))
    await namespace.until("MCPWorkload", NAME, IS_ENFORCED)
    await until_tried(cluster, namespace, POD, "old")

    await namespace.apply(make_escaper(NAME, ways, permissionProfile=allow(new)))
    await kill_operator(cluster)
    await until_tried(cluster, namespace, POD, "new", 60)
    tries = await read_tries(cluster, namespace, POD)
    assert set(tries) <= {IN, "old", "new"}

    pod = await namespace.get("Pod", POD)
    await namespace.apply(make_escaper(NAME, ways))
    await kill_operator(cluster)
    await namespace.until("Pod", POD, is_replaced(pod["metadata"]["uid"]))
    await namespace.until("MCPWorkload", NAME, IS_ENFORCED)
    await namespace.until("Deployment", egress_name(NAME), is_gone())
    assert set(await read_tries(cluster, namespace, POD)) == {IN}


async def kill_operator(cluster: Cluster) -> None:
    """End the operator as a power failure would; return once the next one is ready."""
    where = ("--namespace", OPERATOR_NAMESPACE)
    await cluster.kubectl(
        *("delete", "pod", *where, "--all", "--force", "--grace-period=0", "--wait=false")
    )
    await cluster.kubectl("rollout", "status", DEPLOYMENT, *where)


async def test_pods_that_start_without_an_operator_wait_for_it(
    namespace: Namespace, cluster: Cluster
) -> None:
    """They are closed meanwhile, as are those that run."""
    (goal,) = await open_goals(namespace)
    ways = [Way("out", "tcp", goal), await find_dns(namespace)]
    await namespace.apply(make_escaper(NAME, ways, replicas=2))
    await namespace.until("MCPWorkload", NAME, IS_ENFORCED)
    pod = await namespace.get("Pod", POD)

    with without_operator():
        await namespace.delete("Pod", POD)
        await namespace.until("Pod", POD, is_replaced(pod["metadata"]["uid"]))
        await namespace.until("Pod", POD, IS_HELD)
        await asyncio.sleep(WAIT_SECONDS)
        assert is_held(await namespace.get("Pod", POD))
        await until_tried(cluster, namespace, f"{NAME}-1", IN)
        assert await namespace.get("NetworkPolicy", DENY_POLICY)

    await namespace.until("MCPWorkload", NAME, IS_ENFORCED)
    for each in (POD, f"{NAME}-1"):
        await until_tried(cluster, namespace, each, IN)
        assert set(await read_tries(cluster, namespace, each)) == {IN}
