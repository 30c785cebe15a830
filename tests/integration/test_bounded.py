"""The component `bounded`: the API server keeps the operator's account to what it is for."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import Policy, build_children
from tests.support.api import APPLY, MERGE, Api, RequestFailed
from tests.support.cluster import ROOT, Cluster
from tests.support.kinds import Manifest, path_of
from tests.support.manifests import make_object, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, exists, has_condition, is_gone
from tests.support.process import NAMESPACE, write_kubeconfig

# The policy judges every request of the operator.
pytestmark = pytest.mark.alone

POLICY = ROOT / "deploy" / "overlays" / "bounded" / "policy.yaml"
NOT_OURS = "that do not belong to an MCPWorkload"
DRY = {"dryRun": "All", "fieldManager": "mcpworkload"}
#: A workload that has a child of every kind.
SPEC: dict[str, Any] = {
    "image": "weather:1",
    "transport": {"type": "stdio"},
    "service": {"type": "ClusterIP", "headlessAlias": "alias"},
    "disruptionBudget": {"minAvailable": 1},
    "replicas": 0,
}


def children_in(namespace: str) -> list[Manifest]:
    """What the operator would write for that workload."""
    body = make_object("MCPWorkload", "weather", spec=SPEC)
    body["metadata"] |= {"namespace": namespace, "uid": "00000000-0000-0000-0000-000000000001"}
    built = build_children(Workload.parse(body), Policy(bridge_image="bridge:1"))
    return [deepcopy(child.manifest) for child in built]


async def try_apply(account: Api, manifest: Manifest) -> str:
    """What is said against a child, applied as the operator does; empty for nothing."""
    metadata = manifest["metadata"]
    path = path_of(manifest["kind"], metadata["namespace"], metadata["name"])
    return await _try(account, "PATCH", path, manifest, APPLY)


async def _try(account: Api, method: str, path: str, body: Any, content_type: str = MERGE) -> str:
    try:
        await account.request(method, path, body, content_type, DRY)
    except RequestFailed as refused:
        return refused.message
    return ""


@pytest.fixture
async def account(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Api]:
    """The operator's account, with the policy enforced."""
    await cluster.kubectl("apply", "--server-side", "-f", str(POLICY))
    try:
        async with Api.open(str(write_kubeconfig(cluster, tmp_path / "kubeconfig"))) as account:
            foreign = make_object("Service", "x", spec={"clusterIP": "None"})
            foreign["metadata"]["namespace"] = "default"
            for _ in range(300):  # the API server compiles policies when it comes to it
                if NOT_OURS in await try_apply(account, foreign):
                    break
                await asyncio.sleep(0.1)
            yield account
    finally:
        await cluster.kubectl("delete", "--ignore-not-found", "-f", str(POLICY))


async def test_the_rights_of_the_operator_are_bounded(account: Api, namespace: Namespace) -> None:
    """Every kind of child is written where it belongs to a workload, and nothing else is."""
    ours = children_in(namespace.name)
    # What it grants has to be there before any other admission is asked.
    role = next(child for child in ours if child["kind"] == "Role")
    await namespace.create(make_object("Role", "granted", rules=role["rules"]))
    binding = next(child for child in ours if child["kind"] == "RoleBinding")
    binding["roleRef"]["name"] = "granted"
    assert {child["kind"]: await try_apply(account, child) for child in ours} == dict.fromkeys(
        {child["kind"] for child in ours}, ""
    )

    for child in ours:
        for changed in _made_foreign(child):
            assert NOT_OURS in await try_apply(account, changed), changed["kind"]
    elsewhere = children_in("kube-system") + children_in(NAMESPACE)
    for child in (each for each in elsewhere if each["kind"] != "RoleBinding"):
        assert "writes nothing in" in await try_apply(account, child)
    for changed in _made_dangerous(ours[1]):
        said = await try_apply(account, changed)
        # A whole cluster may have forbidden privileged containers, before any policy is asked.
        assert "makes no pods that are privileged" in said or "disallowed by cluster policy" in said
    await _assert_a_namespace_is_only_denied(account, namespace)
    await _assert_others_are_safe(account, namespace, ours)


async def _assert_a_namespace_is_only_denied(account: Api, namespace: Namespace) -> None:
    """The policy for isolated pods has no owner; under its name nothing can be allowed."""
    denial = make_object(
        "NetworkPolicy",
        names.DENY_POLICY,
        spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    )
    denial["metadata"] |= {"namespace": namespace.name, "labels": {names.DENY_LABEL: "true"}}
    assert await try_apply(account, denial) == ""

    opened, renamed, unlabelled = (deepcopy(denial) for _ in range(3))
    opened["spec"]["egress"] = [{}]
    renamed["metadata"]["name"] = "another"
    del unlabelled["metadata"]["labels"]
    for changed in (opened, renamed, unlabelled):
        assert NOT_OURS in await try_apply(account, changed)


def _made_foreign(child: Manifest) -> list[Manifest]:
    """*child* without owner, of another owner, of a workload of another name, without label."""
    variants = [deepcopy(child) for _ in range(4)]
    del variants[0]["metadata"]["ownerReferences"]
    variants[1]["metadata"]["ownerReferences"][0] |= {"kind": "ConfigMap", "apiVersion": "v1"}
    variants[2]["metadata"]["ownerReferences"][0]["name"] = "another"
    del variants[3]["metadata"]["labels"]["mcpworkload.dev/workload"]
    return variants


def _made_dangerous(statefulset: Manifest) -> list[Manifest]:
    variants = [deepcopy(statefulset) for _ in range(3)]
    first, second, third = (each["spec"]["template"]["spec"] for each in variants)
    first["volumes"].append({"name": "h", "hostPath": {"path": "/"}})
    second["hostNetwork"] = True
    third["containers"][0]["securityContext"] = {"privileged": True}
    return variants


async def _assert_others_are_safe(account: Api, namespace: Namespace, ours: list[Manifest]) -> None:
    """What somebody else made is neither changed, taken over nor deleted."""
    for child in ours:
        foreign = deepcopy(child)
        del foreign["metadata"]["ownerReferences"], foreign["metadata"]["labels"]
        await namespace.create(foreign)
        path = path_of(child["kind"], namespace.name, child["metadata"]["name"])
        label = {"metadata": {"labels": {"x": "y"}}}
        assert NOT_OURS in await _try(account, "PATCH", path, label)
        assert NOT_OURS in await _try(account, "PATCH", path, {"metadata": child["metadata"]})
        assert NOT_OURS in await _try(account, "DELETE", path, {}, "application/json")


@pytest.mark.usefixtures("account")
async def test_the_operator_works_within_the_bounds(namespace: Namespace) -> None:
    """Children come, are set back, change and go, the account of a bridge included."""
    spec = {"service": {"type": "ClusterIP"}, "disruptionBudget": {"minAvailable": 1}}
    stdio = make_workload("tools", transport={"type": "stdio"})
    await namespace.apply(stdio)
    await namespace.apply(make_workload("weather", **spec))
    await namespace.until("RoleBinding", "tools-mcpw-bridge", exists())
    await namespace.until("Service", "weather-svc", exists())
    await namespace.until("PodDisruptionBudget", "weather", exists())

    changed = {"metadata": {"labels": {"app.kubernetes.io/component": "x"}}}
    await namespace.patch("StatefulSet", "weather", changed)
    await namespace.until("StatefulSet", "weather", _has_our_component())
    await namespace.apply(make_workload("weather", replicas=0))
    for kind, name in (("PodDisruptionBudget", "weather"), ("Service", "weather-svc")):
        await namespace.until(kind, name, is_gone())
    for name in ("weather", "tools"):
        await namespace.until("MCPWorkload", name, has_condition("Accepted", "True"))


def _has_our_component() -> Predicate:
    def holds(found: Manifest | None) -> bool:
        labels = found["metadata"]["labels"] if found else {}
        return bool(labels.get("app.kubernetes.io/component") == "mcp-server")

    return Predicate("the label is set back", holds)
