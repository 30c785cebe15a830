"""That nothing gets out while isolation, its rules and its workloads change."""

import asyncio
import json

import pytest

from mcpworkload.api.names import DENY_POLICY, ISOLATED_LABEL, egress_name
from tests.support.cluster import Cluster
from tests.support.escapes import (
    IN,
    IS_ENFORCED,
    LastWords,
    Way,
    allow,
    find_dns,
    make_escaper,
    open_goals,
    read_tries,
    until_tried,
)
from tests.support.kinds import Manifest
from tests.support.manifests import make_object
from tests.support.namespace import Namespace
from tests.support.predicates import (
    Predicate,
    field,
    has_condition,
    is_gone,
    is_ready,
    is_replaced,
)

pytestmark = pytest.mark.long

FIRST, SECOND = "first", "second"
BOTH = (FIRST, SECOND)
FREE: Manifest = {"isolateNetwork": False}
IS_ROLLED = Predicate(
    "has one pod, of the newest template",
    lambda proxy: (
        proxy is not None
        and proxy["status"].get("observedGeneration") == proxy["metadata"]["generation"]
        and [field(proxy, "status", each) for each in ("replicas", "updatedReplicas")] == [1, 1]
        and field(proxy, "status", "readyReplicas") == 1
    ),
)


async def replaced(namespace: Namespace, workload: str, uid: str) -> Manifest:
    """The pod after that one, once the workload's isolation is enforced."""
    await namespace.until("Pod", f"{workload}-0", is_replaced(uid))
    await namespace.until("MCPWorkload", workload, IS_ENFORCED)
    return await namespace.get("Pod", f"{workload}-0")


async def uid_of(namespace: Namespace, kind: str, name: str) -> str:
    """The UID of an object."""
    uid: str = (await namespace.get(kind, name))["metadata"]["uid"]
    return uid


async def test_isolation_comes_and_goes_without_a_gap(
    namespace: Namespace, cluster: Cluster
) -> None:
    """The policy that denies is there for as long as an isolated pod is, and no longer."""
    (goal,) = await open_goals(namespace)
    ways = [Way("out", "tcp", goal), await find_dns(namespace)]
    for name in BOTH:
        await namespace.apply(make_escaper(name, ways, **FREE))
    for name in BOTH:
        await namespace.until("MCPWorkload", name, is_ready())
        await until_tried(cluster, namespace, f"{name}-0", "out,dns")
    free = {name: await uid_of(namespace, "Pod", f"{name}-0") for name in BOTH}

    for name in BOTH:
        await namespace.apply(make_escaper(name, ways))
    await namespace.until("MCPWorkload", FIRST, has_condition("Isolated", "False", "RollingOut"))
    for name in BOTH:
        await replaced(namespace, name, free[name])
        assert set(await read_tries(cluster, namespace, f"{name}-0")) == {IN}
    policy = await uid_of(namespace, "NetworkPolicy", DENY_POLICY)

    await turn_off(namespace, cluster, FIRST, ways)
    assert await uid_of(namespace, "NetworkPolicy", DENY_POLICY) == policy
    assert set(await read_tries(cluster, namespace, f"{SECOND}-0")) == {IN}
    await turn_off(namespace, cluster, SECOND, ways)
    await namespace.until("NetworkPolicy", DENY_POLICY, is_gone())


async def turn_off(namespace: Namespace, cluster: Cluster, name: str, ways: list[Way]) -> None:
    """End a workload's isolation: the isolated pod stays so to its end, the next one gets out."""
    pod = f"{name}-0"
    before = await uid_of(namespace, "Pod", pod)
    last_words = LastWords(cluster, namespace, pod)
    await namespace.apply(make_escaper(name, ways, **FREE))
    while await namespace.api.get("NetworkPolicy", namespace.name, DENY_POLICY):
        pods = await namespace.read_all("Pod")
        if before not in [each["metadata"]["uid"] for each in pods]:
            break
        await asyncio.sleep(0.2)
    isolated = [
        each["metadata"]["name"]
        for each in await namespace.read_all("Pod")
        if each["metadata"]["labels"].get(ISOLATED_LABEL) and each["metadata"]["uid"] == before
    ]
    assert isolated == []
    assert set(await last_words.read()) == {IN}
    await namespace.until("Pod", pod, is_replaced(before))
    await namespace.until("MCPWorkload", name, is_ready())
    await until_tried(cluster, namespace, pod, "out,dns")


async def test_other_rules_reach_the_proxy_alone(namespace: Namespace, cluster: Cluster) -> None:
    """Whether they are in the spec or in a ConfigMap; the workloads do not affect each other."""
    old, new, never = await open_goals(namespace, 3)
    goals = (("old", old), ("new", new), ("never", never))
    ways = [
        *(Way(word, "proxy", goal) for word, goal in goals),
        *(Way(f"{word}-directly", "tcp", goal) for word, goal in goals),
        await find_dns(namespace),
    ]
    reference = {"configMapKeyRef": {"name": "profile", "key": "json"}}
    await namespace.apply(make_profile(old))
    await namespace.apply(make_escaper(FIRST, ways, permissionProfile=allow(old)))
    await namespace.apply(make_escaper(SECOND, ways, permissionProfile=reference))
    for name in BOTH:
        await namespace.until("MCPWorkload", name, IS_ENFORCED)
        await until_tried(cluster, namespace, f"{name}-0", "old")
    pods = {name: await uid_of(namespace, "Pod", f"{name}-0") for name in BOTH}

    await namespace.apply(make_escaper(FIRST, ways, permissionProfile=allow(new)))
    await namespace.apply(make_profile(new))

    for name in BOTH:
        await until_tried(cluster, namespace, f"{name}-0", "new")
        await namespace.until("Deployment", egress_name(name), IS_ROLLED)
        # The rules may change within a round, in which the old way is tried first.
        tries = ",".join(await read_tries(cluster, namespace, f"{name}-0")).split(",")
        assert set(tries) <= {IN, "old", "new"}
        # There is no way back to the old rules.
        assert "old" not in tries[tries.index("new") :]
        assert await uid_of(namespace, "Pod", f"{name}-0") == pods[name]

    await namespace.delete("MCPWorkload", FIRST)
    await namespace.until("Pod", f"{FIRST}-0", is_gone())
    await namespace.until("Deployment", egress_name(FIRST), is_gone())
    await asyncio.sleep(1)
    await until_tried(cluster, namespace, f"{SECOND}-0", "new")
    tries = ",".join(await read_tries(cluster, namespace, f"{SECOND}-0")).split(",")
    assert set(tries) <= {IN, "old", "new"}


def make_profile(host: str) -> Manifest:
    """A ConfigMap with a profile that allows connections to *host*."""
    profile = {"network": {"outbound": {"allow_host": [host]}}}
    return make_object("ConfigMap", "profile", data={"json": json.dumps(profile)})


async def test_a_stricter_profile_opens_nothing_on_the_way(
    namespace: Namespace, cluster: Cluster
) -> None:
    """The pod with the old one loses what it could reach, the next one never has it."""
    (goal,) = await open_goals(namespace)
    ways = [Way("out", "tcp", goal), await find_dns(namespace)]
    network = {"permissionProfile": {"builtin": "network"}}
    await namespace.apply(make_escaper(FIRST, ways, **network))
    await namespace.until("MCPWorkload", FIRST, IS_ENFORCED)
    await until_tried(cluster, namespace, f"{FIRST}-0", "dns")
    uid = await uid_of(namespace, "Pod", f"{FIRST}-0")
    last_words = LastWords(cluster, namespace, f"{FIRST}-0")

    await namespace.apply(make_escaper(FIRST, ways, permissionProfile={"builtin": "none"}))
    await replaced(namespace, FIRST, uid)

    assert set(await read_tries(cluster, namespace, f"{FIRST}-0")) == {IN}
    # The goal has a private address.
    assert set(await last_words.read()) <= {IN, "dns"}


async def test_a_workload_is_stopped_scaled_started_and_deleted(
    namespace: Namespace, cluster: Cluster
) -> None:
    """No pod gets out at any time; what was made for it goes, what others made is left alone."""
    foreign = {"podSelector": {"matchLabels": {"app": "foreign"}}, "policyTypes": ["Egress"]}
    before = await namespace.create(make_object("NetworkPolicy", "foreign", spec=foreign))
    (goal,) = await open_goals(namespace)
    ways = [Way("out", "tcp", goal), await find_dns(namespace)]
    listed: Manifest = {"permissionProfile": allow("listed.example.com")}
    await namespace.apply(make_escaper(FIRST, ways, **listed))
    await namespace.until("MCPWorkload", FIRST, IS_ENFORCED)
    all_words = [LastWords(cluster, namespace, f"{FIRST}-0")]
    # Each log has to be followed before the server is told to end.
    await asyncio.sleep(1)

    await namespace.apply(make_escaper(FIRST, ways, operatingMode="Stopped", **listed))
    await namespace.until("Pod", f"{FIRST}-0", is_gone())
    await namespace.apply(make_escaper(FIRST, ways, replicas=2, **listed))
    await namespace.until("MCPWorkload", FIRST, IS_ENFORCED)
    all_words += [LastWords(cluster, namespace, f"{FIRST}-{number}") for number in range(2)]
    await asyncio.sleep(1)
    await namespace.delete("MCPWorkload", FIRST)

    for words in all_words:
        assert set(await words.read()) == {IN}
    for kind in ("NetworkPolicy", "Deployment", "Service"):
        for name in (FIRST, egress_name(FIRST)):
            await namespace.until(kind, name, is_gone())
    await namespace.until("NetworkPolicy", DENY_POLICY, is_gone())
    assert await namespace.read_all("NetworkPolicy") == [strip(before)]


def strip(created: Manifest) -> Manifest:
    """An object as a list has it: without its type."""
    return {key: value for key, value in created.items() if key not in ("apiVersion", "kind")}


@pytest.mark.parametrize("name", [DENY_POLICY, FIRST])
@pytest.mark.parametrize("deed", ["deletes", "widens"])
async def test_the_operator_undoes_what_others_do_to_its_policies(
    namespace: Namespace, cluster: Cluster, name: str, deed: str
) -> None:
    """Within seconds; a policy that is lost opens nothing, since there is always another."""
    (goal,) = await open_goals(namespace)
    await namespace.apply(make_escaper(FIRST, [Way("out", "tcp", goal)]))
    await namespace.until("MCPWorkload", FIRST, IS_ENFORCED)
    before = await namespace.get("NetworkPolicy", name)

    if deed == "deletes":
        await namespace.delete("NetworkPolicy", name)
    else:
        await namespace.patch("NetworkPolicy", name, {"spec": {"egress": [{}]}})

    is_as_before = Predicate(
        "is as before",
        lambda found: found is not None and found["spec"] == before["spec"],
    )
    await namespace.until("NetworkPolicy", name, is_as_before, 10)
    await until_tried(cluster, namespace, f"{FIRST}-0", IN)
    if deed == "deletes":
        assert set(await read_tries(cluster, namespace, f"{FIRST}-0")) == {IN}
