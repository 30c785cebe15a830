"""What a workload's children look like, and that they go when it goes."""

import asyncio
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.audit import AuditLog
from tests.support.kinds import Manifest
from tests.support.manifests import make_workload
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest
from tests.support.predicates import exists, field, has, is_gone, is_ready, is_replaced
from tests.support.process import OperatorProcess

CHILDREN = ("Service", "StatefulSet")
HASH = "mcpworkload.dev/hash"
CONTAINER = ("spec", "template", "spec", "containers", 0)


def managers_of(manifest: Manifest) -> set[tuple[str, str]]:
    """Who has written to an object, status apart, and how."""
    return {
        (entry["manager"], entry["operation"])
        for entry in manifest["metadata"]["managedFields"]
        if "subresource" not in entry
    }


def env_of(statefulset: Manifest) -> dict[str, Any]:
    """The plain variables of the server's container."""
    return {entry["name"]: entry.get("value") for entry in field(statefulset, *CONTAINER, "env")}


async def test_a_workload_gets_its_two_children(namespace: Namespace) -> None:
    """A StatefulSet and its governing headless Service, named, labelled, owned, and applied."""
    workload = await namespace.settle(make_workload("weather", labels={"team": "sky"}))
    owner = {
        "apiVersion": "mcpworkload.dev/v1alpha1",
        "kind": "MCPWorkload",
        "name": "weather",
        "uid": workload["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    for kind in CHILDREN:
        child = await namespace.get(kind, "weather")

        assert child["metadata"]["ownerReferences"] == [owner]
        assert child["metadata"]["labels"] == {
            "team": "sky",
            "mcpworkload.dev/workload": "weather",
            "app.kubernetes.io/name": "weather",
            "app.kubernetes.io/instance": "weather",
            "app.kubernetes.io/component": "mcp-server",
            "app.kubernetes.io/managed-by": "mcpworkload",
        }
        assert list(child["metadata"]["annotations"]) == [HASH]
        assert managers_of(child) == {("mcpworkload", "Apply")}
        assert len(await namespace.read_all(kind)) == 1
    service = await namespace.get("Service", "weather")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"mcpworkload.dev/workload": "weather"}
    assert service["spec"]["ports"] == [
        {"name": "mcp", "port": 8080, "targetPort": 8080, "protocol": "TCP"}
    ]
    statefulset = await namespace.get("StatefulSet", "weather")
    assert statefulset["spec"]["serviceName"] == "weather"
    assert statefulset["spec"]["selector"] == {"matchLabels": service["spec"]["selector"]}


async def test_the_status_says_what_there_is(namespace: Namespace) -> None:
    """URL, selector, counts and the conditions, for a workload that wants no pods."""
    workload = await namespace.settle(
        make_workload("weather", transport={"type": "sse", "port": 99})
    )

    status = workload["status"]
    conditions = {item["type"]: (item["status"], item["reason"]) for item in status["conditions"]}
    assert status["url"] == f"http://weather.{namespace.name}.svc:99/sse"
    assert status["selector"] == "mcpworkload.dev/workload=weather"
    assert (status["replicas"], status["readyReplicas"], status["updatedReplicas"]) == (0, 0, 0)
    assert status["observedGeneration"] == workload["metadata"]["generation"]
    assert conditions == {
        "Accepted": ("True", "Accepted"),
        "Available": ("False", "ScaledToZero"),
        "Ready": ("True", "Ready"),
        "Verified": ("Unknown", "NoPods"),
    }


async def test_nothing_of_ours_is_left_on_the_workload(namespace: Namespace) -> None:
    """No finalizer, no annotation: a workload is deletable when the operator is not there."""
    workload = await namespace.settle(make_workload("weather"))

    assert "finalizers" not in workload["metadata"]
    assert "annotations" not in workload["metadata"]


async def test_what_leaves_the_spec_leaves_the_children(namespace: Namespace) -> None:
    """A label, an annotation and a variable that are removed are gone from every child."""
    rich = make_workload(
        "weather",
        labels={"team": "sky", "tier": "gold"},
        annotations={"example.com/note": "hello", "example.com/kept": "yes"},
        env=[{"name": "CITY", "value": "Bergen"}, {"name": "UNIT", "value": "C"}],
    )
    poor = make_workload(
        "weather",
        labels={"team": "sky"},
        annotations={"example.com/kept": "yes"},
        env=[{"name": "UNIT", "value": "C"}],
    )
    await namespace.settle(rich)
    before = await namespace.get("StatefulSet", "weather")
    assert env_of(before)["CITY"] == "Bergen"
    assert before["spec"]["template"]["metadata"]["labels"]["tier"] == "gold"

    await namespace.settle(poor)

    after = await namespace.get("StatefulSet", "weather")
    template = after["spec"]["template"]
    service = await namespace.get("Service", "weather")
    assert "CITY" not in env_of(after)
    assert env_of(after)["UNIT"] == "C"
    for metadata in (after["metadata"], template["metadata"], service["metadata"]):
        assert metadata["labels"]["team"] == "sky"
        assert "tier" not in metadata["labels"]
        assert metadata["annotations"]["example.com/kept"] == "yes"
        assert "example.com/note" not in metadata["annotations"]


async def test_kubectl_scale_reaches_the_statefulset(namespace: Namespace) -> None:
    """The /scale subresource changes the replicas of the workload, and those of its child."""
    await namespace.settle(make_workload("weather"))

    await namespace.api.patch(
        "MCPWorkload", namespace.name, "weather", {"spec": {"replicas": 2}}, subresource="scale"
    )

    await namespace.until("StatefulSet", "weather", has("two replicas", 2, "spec", "replicas"))
    workload = await namespace.get("MCPWorkload", "weather")
    assert workload["spec"]["replicas"] == 2


async def test_children_go_with_the_workload_while_the_operator_is_down(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    """Owner references do it; nobody has to be there."""
    await namespace.settle(make_workload("weather"))
    operator.stop()

    await namespace.delete("MCPWorkload", "weather")

    for kind in ("MCPWorkload", *CHILDREN):
        await namespace.until(kind, "weather", is_gone())


@pytest.mark.parametrize("propagation", ["Foreground", "Background", "Orphan"])
async def test_a_deleted_workload_gets_no_new_children(
    namespace: Namespace, propagation: str
) -> None:
    """Nothing comes back, whichever way the workload is deleted; orphans stay as they are."""
    await namespace.settle(make_workload("weather"))
    before = {kind: (await namespace.get(kind, "weather"))["metadata"]["uid"] for kind in CHILDREN}

    await namespace.delete("MCPWorkload", "weather", propagation)

    await namespace.until("MCPWorkload", "weather", is_gone())
    for kind in CHILDREN:
        if propagation == "Orphan":
            child = await namespace.get(kind, "weather")
            assert child["metadata"]["uid"] == before[kind]
        else:
            await namespace.until(kind, "weather", is_gone())
    # A second look at the children: the operator has been told of everything by now.
    await namespace.settle(make_workload("other"))
    for kind in CHILDREN:
        found = {child["metadata"]["name"] for child in await namespace.read_all(kind)}
        assert found == ({"other", "weather"} if propagation == "Orphan" else {"other"})


async def test_a_workload_that_is_made_anew_gets_children_of_its_own(namespace: Namespace) -> None:
    """Delete and create in one breath: the children of the old one go, new ones come."""
    first = await namespace.settle(make_workload("weather"))
    old = {kind: (await namespace.get(kind, "weather"))["metadata"]["uid"] for kind in CHILDREN}

    await namespace.delete("MCPWorkload", "weather")
    second = await namespace.settle(make_workload("weather", args=["--new"]))

    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    for kind in CHILDREN:
        child = await namespace.until(kind, "weather", is_replaced(old[kind]))
        assert child["metadata"]["ownerReferences"][0]["uid"] == second["metadata"]["uid"]
    await namespace.until("MCPWorkload", "weather", is_ready())


async def test_orphans_are_taken_back_by_a_workload_of_their_name(namespace: Namespace) -> None:
    """Children that lost their owner are adopted by the workload that they carry the label of."""
    await namespace.settle(make_workload("weather"))
    await namespace.delete("MCPWorkload", "weather", "Orphan")
    await namespace.until("MCPWorkload", "weather", is_gone())
    orphan = await namespace.until("StatefulSet", "weather", exists())
    assert "ownerReferences" not in orphan["metadata"]

    workload = await namespace.settle(make_workload("weather"))

    adopted = await namespace.get("StatefulSet", "weather")
    assert adopted["metadata"]["uid"] == orphan["metadata"]["uid"]
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == workload["metadata"]["uid"]


@pytest.mark.long
async def test_a_namespace_that_is_deleted_gets_nothing_new(
    api: Api, operator_under_test: OperatorUnderTest, audit: AuditLog
) -> None:
    """Its children go before the workload, which is no reason to say that something is wrong."""
    async with Namespace.open(api, "ending", operator_under_test.log) as namespace:
        names = [f"w{number}" for number in range(8)]
        await asyncio.gather(*(namespace.settle(make_workload(name)) for name in names))
        log = audit.from_now()
    # Whoever leaves the block has asked for the deletion of the namespace.
    await namespace.until_ended(seconds=60)

    assert [write for write in log.writes(namespace.name) if write.code < 300] == []
    assert log.count(namespace.name)["patch mcpworkloads/status"] == 0


async def test_a_service_account_removed_from_the_spec_leaves_the_pods(
    namespace: Namespace,
) -> None:
    """The API server keeps it under the field's former name, and would take it from there."""
    await namespace.settle(make_workload("weather", serviceAccountName="mine"))
    template = ("spec", "template", "spec")
    before = await namespace.get("StatefulSet", "weather")
    assert field(before, *template, "serviceAccount") == "mine"

    await namespace.settle(make_workload("weather"))

    after = await namespace.get("StatefulSet", "weather")
    assert not {"serviceAccount", "serviceAccountName"} & field(after, *template).keys()
