"""Who may change a child: what we set comes back, what we do not set stays as it is."""

import asyncio
from typing import Any

import pytest

from tests.support.api import MERGE, STRATEGIC
from tests.support.audit import AuditLog
from tests.support.kinds import Manifest
from tests.support.manifests import make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, condition_of, field, is_ready, is_replaced
from tests.support.process import OperatorProcess

# Long enough for the operator to be told, to look, and to write if it wanted to.
QUIET_SECONDS = 2.0
CHILDREN = ("Service", "StatefulSet")
# What `kubectl rollout restart` writes.
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
WORKLOAD = make_workload("weather", labels={"team": "sky"}, env=[{"name": "CITY", "value": "Oslo"}])


def container(**fields: Any) -> Manifest:
    """A strategic merge patch of the server's container."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "mcp", **fields}]}}}}


# What somebody changes in a field that the operator sets.
EDITS = [
    pytest.param("Service", MERGE, {"spec": {"selector": {"app": "mine"}}}, id="Service selector"),
    pytest.param(
        "Service",
        STRATEGIC,
        {"spec": {"ports": [{"port": 8080, "targetPort": 80}]}},
        id="Service target port",
    ),
    pytest.param("Service", MERGE, {"metadata": {"labels": {"team": None}}}, id="Service label"),
    pytest.param("StatefulSet", MERGE, {"spec": {"replicas": 2}}, id="StatefulSet replicas"),
    pytest.param(
        "StatefulSet",
        STRATEGIC,
        container(env=[{"name": "CITY", "value": "Bergen"}]),
        id="variable changed",
    ),
    pytest.param(
        "StatefulSet",
        STRATEGIC,
        container(env=[{"name": "CITY", "$patch": "delete"}]),
        id="variable removed",
    ),
    pytest.param("StatefulSet", STRATEGIC, container(image="other:1"), id="image"),
    pytest.param(
        "StatefulSet",
        MERGE,
        {"metadata": {"annotations": {"mcpworkload.dev/hash": None}}},
        id="hash",
    ),
]

# What somebody adds beside the fields that the operator sets.
ADDITIONS: dict[str, tuple[str, str, Manifest]] = {
    "service-label": ("Service", MERGE, {"metadata": {"labels": {"mine": "x"}}}),
    "service-annotation": ("Service", MERGE, {"metadata": {"annotations": {"mine": "x"}}}),
    "service-port": ("Service", STRATEGIC, {"spec": {"ports": [{"name": "web", "port": 80}]}}),
    "service-field": ("Service", MERGE, {"spec": {"sessionAffinity": "ClientIP"}}),
    "set-annotation": ("StatefulSet", MERGE, {"metadata": {"annotations": {"mine": "x"}}}),
    "set-field": ("StatefulSet", MERGE, {"spec": {"minReadySeconds": 1}}),
    "variable": ("StatefulSet", STRATEGIC, container(env=[{"name": "MINE", "value": "x"}])),
    "rollout-restart": (
        "StatefulSet",
        MERGE,
        {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: "now"}}}}},
    ),
}

# Where that is more than labels and annotations of the object.
TOLD = [
    (name, kind)
    for name, (kind, _, addition) in ADDITIONS.items()
    if "spec" in addition and name != "rollout-restart"
]


def says_that_others_added(kind: str) -> Predicate:
    """Accepted names the object, the field and who wrote it."""

    def holds(workload: Manifest | None) -> bool:
        condition = condition_of(workload or {}, "Accepted")
        return condition["status"] == "True" and f"the {kind} " in condition["message"]

    return Predicate(f"says what others added to the {kind}", holds)


def our_part(child: Manifest) -> Manifest:
    """What of a child can be compared before and after: all but versions and status."""
    metadata = child["metadata"]
    return {
        "labels": metadata["labels"],
        "annotations": metadata.get("annotations", {}),
        "spec": child["spec"],
    }


def is_as(before: Manifest) -> Predicate:
    """The child is again what it was."""
    wanted = our_part(before)
    return Predicate("is as it was", lambda found: found is not None and our_part(found) == wanted)


@pytest.mark.alone
@pytest.mark.parametrize("kind", CHILDREN)
async def test_a_deleted_child_comes_back(namespace: Namespace, kind: str) -> None:
    """At once, as another object of the same content."""
    await namespace.settle(WORKLOAD)
    before = await namespace.get(kind, "weather")

    await namespace.delete(kind, "weather")

    uid = before["metadata"]["uid"]
    after = await namespace.until(kind, "weather", is_replaced(uid), seconds=5)
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    await namespace.until("MCPWorkload", "weather", is_ready())


@pytest.mark.parametrize(("kind", "content_type", "edit"), EDITS)
async def test_a_field_that_we_set_comes_back(
    namespace: Namespace, audit: AuditLog, kind: str, content_type: str, edit: Manifest
) -> None:
    """One write restores the child, whoever changed it and how."""
    await namespace.settle(WORKLOAD)
    before = await namespace.get(kind, "weather")
    log = audit.from_now()

    await namespace.patch(kind, "weather", edit, content_type)

    await namespace.until(kind, "weather", is_as(before))
    children = [
        write for write in log.writes(namespace.name) if write.resource != "mcpworkloads/status"
    ]
    assert [str(write) for write in children] == [f"patch {kind.lower()}s"]


@pytest.mark.alone
async def test_a_client_that_repeats_its_change_gets_one_event(namespace: Namespace) -> None:
    """One Event for one field, whose words stay; the next field is another one."""
    await namespace.settle(WORKLOAD)
    before = await namespace.get("StatefulSet", "weather")

    for replicas in (2, 3):
        await namespace.patch("StatefulSet", "weather", {"spec": {"replicas": replicas}})
        await namespace.until("StatefulSet", "weather", is_as(before), seconds=5)
    await namespace.patch("Service", "weather", {"metadata": {"labels": {"team": None}}})

    told = {
        "StatefulSet weather: another client changed spec.replicas, and the operator set it back; "
        "scale the MCPWorkload (`kubectl scale mcpw weather --replicas=N`) instead",
        "Service weather: another client changed metadata.labels.team, and the operator set it "
        "back; change the MCPWorkload (`kubectl edit mcpw weather`) instead",
    }
    async with asyncio.timeout(10):
        while (said := await reverted(namespace)) != sorted(told):
            assert set(said) < told
            await asyncio.sleep(0.2)


async def reverted(namespace: Namespace) -> list[str]:
    """What Events say of changes that were undone."""
    return sorted(
        event["message"]
        for event in await namespace.read_all("CoreEvent")
        if event["reason"] == "DriftReverted"
    )


async def test_what_others_add_is_left_alone(namespace: Namespace, audit: AuditLog) -> None:
    """A field, label or annotation of somebody else stays; of the content it is said, once."""
    await asyncio.gather(*(namespace.settle(make_workload(name)) for name in ADDITIONS))
    log = audit.from_now()

    changed = {
        name: await namespace.patch(kind, name, addition, content_type)
        for name, (kind, content_type, addition) in ADDITIONS.items()
    }
    await asyncio.gather(
        *(namespace.until("MCPWorkload", name, says_that_others_added(kind)) for name, kind in TOLD)
    )
    await asyncio.sleep(QUIET_SECONDS)

    writes = [(write.name, str(write)) for write in log.writes(namespace.name)]
    assert sorted(writes) == sorted((name, "patch mcpworkloads/status") for name, _ in TOLD)
    for name, (kind, _, _) in ADDITIONS.items():
        assert our_part(await namespace.get(kind, name)) == our_part(changed[name])


async def test_what_others_add_outlives_our_own_change(namespace: Namespace) -> None:
    """A foreign label is still there after the spec was changed and applied."""
    await namespace.settle(WORKLOAD)
    for kind in CHILDREN:
        await namespace.patch(kind, "weather", {"metadata": {"labels": {"mine": "x"}}})

    await namespace.settle(make_workload("weather", labels={"team": "sea"}))

    for kind in CHILDREN:
        labels = (await namespace.get(kind, "weather"))["metadata"]["labels"]
        assert (labels["mine"], labels["team"]) == ("x", "sea")


async def test_what_happened_while_the_operator_was_down_is_mended_at_its_start(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    """A deleted child, changed fields and a changed spec: all of it is noticed."""
    names = ("deleted", "edited", "respecified")
    await asyncio.gather(*(namespace.settle(make_workload(name)) for name in names))
    deleted, edited = (
        await namespace.get("Service", "deleted"),
        await namespace.get("Service", "edited"),
    )
    operator.stop()
    await namespace.delete("Service", "deleted")
    await namespace.patch("Service", "edited", {"spec": {"selector": {"app": "mine"}}})
    await namespace.patch("StatefulSet", "edited", {"spec": {"replicas": 2}})
    await namespace.apply(make_workload("respecified", args=["--new"]))

    operator.start_leading()

    await namespace.until("Service", "deleted", is_replaced(deleted["metadata"]["uid"]))
    await namespace.until("Service", "edited", is_as(edited))
    await namespace.until_all("MCPWorkload", names, is_ready())
    statefulset = await namespace.get("StatefulSet", "respecified")
    assert field(statefulset, "spec", "template", "spec", "containers", 0, "args") == ["--new"]
    statefulset = await namespace.get("StatefulSet", "edited")
    assert statefulset["spec"]["replicas"] == 0


async def test_a_workload_that_changes_only_in_its_metadata_is_not_written(
    namespace: Namespace, audit: AuditLog
) -> None:
    """Labels and annotations of the workload itself concern nobody but their author."""
    await namespace.settle(WORKLOAD)
    log = audit.from_now()

    await namespace.patch("MCPWorkload", "weather", {"metadata": {"labels": {"mine": "x"}}})
    await namespace.patch("MCPWorkload", "weather", {"metadata": {"annotations": {"mine": "x"}}})
    await asyncio.sleep(QUIET_SECONDS)

    assert log.writes(namespace.name) == []


async def test_a_status_that_another_client_wrote_is_corrected_once(
    namespace: Namespace, audit: AuditLog
) -> None:
    """The operator is the only writer of the status."""
    workload = await namespace.settle(WORKLOAD)
    log = audit.from_now()

    await namespace.api.patch(
        "MCPWorkload",
        namespace.name,
        "weather",
        {"status": {"readyReplicas": 7, "url": "http://elsewhere"}},
        subresource="status",
    )

    right = workload["status"]
    await namespace.until(
        "MCPWorkload",
        "weather",
        Predicate(
            "has its status again", lambda found: found is not None and found["status"] == right
        ),
    )
    await asyncio.sleep(QUIET_SECONDS)
    assert log.count(namespace.name) == {"patch mcpworkloads/status": 1}
