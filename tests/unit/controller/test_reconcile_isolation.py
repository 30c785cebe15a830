"""Isolation in the spine: what comes first, what stays, and what a profile is read from."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.controller.admission.installation import GateTarget
from mcpworkload.controller.deny_policies import build_deny_policy
from mcpworkload.controller.desired import Policy
from mcpworkload.kube.errors import Conflict
from mcpworkload.kube.objects import Metadata, NetworkPolicy, Pod, Service
from tests.support.harness import KEY, FakeCluster, Harness, make_harness

POLICY = Policy(
    bridge_image="bridge:1", egress_image="egress:1", gate=GateTarget("10.96.0.7", 8081, 8080)
)
DENY = f"NetworkPolicy {names.DENY_POLICY}"
HOSTS = {"network": {"outbound": {"allowHost": ["a.example"]}}}
FROM_CONFIG_MAP = {"configMapKeyRef": {"name": "profiles", "key": "weather"}}


def isolated(cluster: FakeCluster | None = None, **spec: Any) -> Harness:
    """An isolated workload that nobody has seen before."""
    return make_harness(cluster, POLICY, isolateNetwork=True, **spec)


def make_deny(*, is_ending: bool = False, **spec: Any) -> NetworkPolicy:
    """The policy of the namespace as it is stored, with changes of others."""
    manifest = build_deny_policy("team", is_ending=is_ending).manifest
    kept = {field: value for field, value in manifest["spec"].items() if value}
    stored = {
        "metadata": {**manifest["metadata"], "uid": "deny", "resourceVersion": "1"},
        "spec": {**kept, **spec},
    }
    return msgspec.json.decode(msgspec.json.encode(stored), type=NetworkPolicy)


def isolated_pod() -> Pod:
    """A pod that the policy is for."""
    return msgspec.convert({"metadata": {"labels": {names.ISOLATED_LABEL: "true"}}}, Pod)


async def test_the_policy_that_denies_comes_before_all_children() -> None:
    """No pod is made before."""
    harness = isolated()

    await harness.reconcile(KEY)

    writes = [call for call in harness.cluster.calls if not call.startswith("read")]
    assert writes[0] == f"apply {DENY}"
    assert writes.index("apply NetworkPolicy weather") < writes.index("apply StatefulSet weather")


async def test_a_policy_of_that_name_that_is_not_ours_is_left_alone() -> None:
    """And no workload of the namespace is isolated."""
    harness = isolated(FakeCluster(existing={DENY: Metadata(name=names.DENY_POLICY)}))

    await harness.reconcile(KEY)

    assert "Accepted=False/ChildConflict" in harness.conditions()
    assert harness.cluster.calls == [f"apply {DENY}", f"read {DENY}", "status"]


@pytest.mark.parametrize("change", [{"egress": [{}]}, {"podSelector": {}}, {"policyTypes": []}])
async def test_what_others_do_to_it_is_undone(change: dict[str, Any]) -> None:
    """Whatever it is."""
    cluster = FakeCluster(deny=make_deny(**change))
    cluster.observation = replace(cluster.observation, labelled={"weather-0": isolated_pod()})
    harness = make_harness(cluster, POLICY)

    await harness.reconcile(f"team/{names.DENY_POLICY}")

    assert f"force {DENY} deny" in cluster.calls


async def test_as_it_should_be_it_is_not_written() -> None:
    """A second reconcile costs nothing."""
    cluster = FakeCluster(deny=make_deny())
    harness = isolated(cluster)

    await harness.reconcile(KEY)

    assert not [call for call in cluster.calls if DENY in call]


async def test_it_stays_until_the_last_isolated_pod_is_gone() -> None:
    """The workload is deleted, its pods end later."""
    cluster = FakeCluster(deny=make_deny(), version=1)
    cluster.observation = replace(cluster.observation, labelled={"weather-0": isolated_pod()})
    harness = isolated(cluster)
    body = harness.store.get(KEY)
    assert body is not None
    harness.store.drop(body)

    await harness.reconcile(KEY)
    assert cluster.calls == []

    cluster.observation = replace(cluster.observation, labelled={})
    await harness.reconcile(KEY)
    # Marked first: whoever comes to need it takes the mark away, and the deletion fails.
    assert cluster.calls == [f"force {DENY} deny", f"delete {DENY} deny"]


async def test_one_that_is_being_deleted_is_made_anew() -> None:
    """For a workload that comes in that moment: the cache still shows the old one."""
    cluster = FakeCluster(deny=make_deny(), version=1)
    harness = isolated(cluster)
    body = harness.store.get(KEY)
    assert body is not None
    harness.store.drop(body)
    await harness.reconcile(KEY)

    harness.store.put(body)
    await harness.reconcile(KEY)

    assert cluster.calls[1] == f"delete {DENY} deny"
    assert f"apply {DENY}" in cluster.calls


async def test_one_that_is_about_to_be_deleted_is_kept() -> None:
    """Another leader may have sent the deletion, of that version: a write makes it fail."""
    cluster = FakeCluster(deny=make_deny(is_ending=True), version=1)
    harness = isolated(cluster)

    await harness.reconcile(KEY)

    writes = [call for call in cluster.calls if not call.startswith("read")]
    assert writes[0] == f"force {DENY} deny"


async def test_a_deletion_that_comes_too_late_is_none() -> None:
    """The policy has changed since it was marked: it is looked at again."""
    cluster = FakeCluster(deny=make_deny(), version=1)
    cluster.failures[f"delete {DENY}"] = Conflict("the object has been modified", status=409)
    harness = isolated(cluster)
    body = harness.store.get(KEY)
    assert body is not None
    harness.store.drop(body)

    assert await harness.reconcile(KEY) is None
    assert harness.reconcile._denies.is_kept("team")


async def test_nothing_is_deleted_before_all_workloads_are_known() -> None:
    """At the operator's start a stopped workload may still be to come."""
    cluster = FakeCluster(deny=make_deny(), version=1)
    harness = make_harness(cluster, POLICY)
    harness.store.expect(["team/other"])

    assert await harness.reconcile(f"team/{names.DENY_POLICY}") == 1.0
    assert cluster.calls == []


async def test_a_stopped_workload_keeps_it() -> None:
    """It is to be isolated from its first pod on."""
    cluster = FakeCluster(deny=make_deny())
    harness = isolated(cluster, operatingMode="Stopped")

    await harness.reconcile(f"team/{names.DENY_POLICY}")

    assert cluster.calls == []


async def test_pods_come_once_their_proxy_has_an_address() -> None:
    """The template names it."""
    cluster = FakeCluster()
    harness = isolated(cluster, permissionProfile=HOSTS)

    await harness.reconcile(KEY)
    assert "apply Service weather-egress" in cluster.calls
    assert "apply StatefulSet weather" not in cluster.calls

    stored = {"metadata": {}, "spec": {"clusterIP": "10.96.3.1"}}
    service = msgspec.json.decode(msgspec.json.encode(stored), type=Service)
    child_id = ChildId("Service", "weather-egress")
    cluster.observation = replace(cluster.observation, children={child_id: service})
    await harness.reconcile(KEY)
    assert "apply StatefulSet weather" in cluster.calls


async def test_a_profile_is_read_from_its_config_map() -> None:
    """And what it stands for is in the status."""
    cluster = FakeCluster(texts={"ConfigMap profiles.weather": '{"write": ["emptydir://:/cache"]}'})
    harness = make_harness(cluster, POLICY, permissionProfile=FROM_CONFIG_MAP)

    await harness.reconcile(KEY)
    cluster.seconds += 3
    await harness.reconcile(KEY)

    (mount,) = cluster.statuses[-1]["permissions"]["mounts"]
    assert mount["target"] == "/cache"
    assert "Isolated=False/NotRequested" in harness.conditions()


@pytest.mark.parametrize(
    "profile",
    ["none", [], {"configMapKeyRef": "profiles"}, {"configMapKeyRef": {"name": 1, "key": "a"}}],
)
async def test_a_profile_of_another_shape_is_refused(profile: Any) -> None:
    """The CRD keeps it out, and an older one may not."""
    harness = make_harness(FakeCluster(), POLICY, permissionProfile=profile)

    await harness.reconcile(KEY)

    assert "Accepted=False/InvalidSpec" in harness.conditions()


@pytest.mark.parametrize("text", ['{"\\ud800": 1}', '{"name": "\\ud800"}', "{", "[]", "\ufeff{}"])
async def test_odd_texts_are_refused_in_a_status_that_can_be_written(text: str) -> None:
    """No text of a ConfigMap stops the report."""
    texts = {"ConfigMap profiles.weather": text}
    harness = make_harness(FakeCluster(texts=texts), POLICY, permissionProfile=FROM_CONFIG_MAP)

    await harness.reconcile(KEY)

    assert "Accepted=False/InvalidSpec" in harness.conditions()
    msgspec.json.encode(harness.cluster.statuses[-1])


async def test_a_profile_that_is_none_is_refused_by_its_entry() -> None:
    """With the ConfigMap and the key."""
    texts = {"ConfigMap profiles.weather": '{"network": {"outbound": {"allow_host": ["a b"]}}}'}
    harness = make_harness(FakeCluster(texts=texts), POLICY, permissionProfile=FROM_CONFIG_MAP)

    await harness.reconcile(KEY)

    message = harness.cluster.statuses[-1]["conditions"][0]["message"]
    assert "ConfigMap profiles, key weather" in message
    assert "allow_host[0]" in message
