"""A name that somebody else has: their object is never touched, and the workload says so."""

import asyncio

import pytest

from tests.support.api import Api
from tests.support.audit import AuditLog
from tests.support.kinds import Manifest
from tests.support.manifests import SMALL, make_object, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import (
    Predicate,
    condition_of,
    has_condition,
    is_gone,
    is_ours,
    is_ready,
)

# The operator does not see the other object go: it looks again every ten seconds.
LOOK_AGAIN_SECONDS = 11.0
HEAL_SECONDS = 60.0

ORDINARY = make_object("Service", "weather", spec={"ports": [{"name": "mcp", "port": 8080}]})
# As near to ours as can be: an apply without force would not even conflict.
HEADLESS = make_object("Service", "weather", spec={"clusterIP": "None"})
STATEFUL = make_object(
    "StatefulSet",
    "weather",
    spec={
        "replicas": 0,
        "serviceName": "weather",
        "selector": {"matchLabels": {"app": "weather"}},
        "template": {
            "metadata": {"labels": {"app": "weather"}},
            "spec": {"containers": [{"name": "server", "image": SMALL}]},
        },
    },
)


THEIRS = {"ordinary": ORDINARY, "headless": HEADLESS, "stateful": STATEFUL}


def labelled(manifest: Manifest, **labels: str) -> Manifest:
    """The same object with those labels."""
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels}}


def has_been_seen() -> Predicate:
    """A controller that keeps a status has written it."""
    return Predicate(
        "its controller has seen it",
        lambda found: (
            found is not None
            and (found["kind"] != "StatefulSet" or "observedGeneration" in found.get("status", {}))
        ),
    )


@pytest.mark.long
async def test_objects_of_another_owner_are_left_alone_until_they_go(
    namespace: Namespace, audit: AuditLog
) -> None:
    """Accepted=False says whose name it is; their object stays untouched; then it heals."""
    await asyncio.gather(
        *(meet_and_part(namespace, audit, name, theirs) for name, theirs in THEIRS.items())
    )


async def meet_and_part(namespace: Namespace, audit: AuditLog, name: str, theirs: Manifest) -> None:
    """One workload whose name is taken by *theirs*, from the conflict to its end."""
    kind = theirs["kind"]
    await namespace.create({**theirs, "metadata": {"name": name}})
    # A StatefulSet gets its first status from its controller; after that nobody writes.
    made = await namespace.until(kind, name, has_been_seen())

    await namespace.apply(make_workload(name))

    conflict = has_condition("Accepted", "False", "ChildConflict")
    workload = await namespace.until("MCPWorkload", name, conflict)
    log = audit.from_now()
    # Looking again, as the operator does meanwhile, is neither touching nor writing.
    await asyncio.sleep(LOOK_AGAIN_SECONDS)
    assert [write for write in log.writes(namespace.name) if write.name == name] == []
    found = await namespace.get(kind, name)
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    message = condition_of(workload, "Accepted")["message"]
    assert f"the {kind} {name} exists and belongs to no MCPWorkload" in message
    assert condition_of(workload, "Ready")["reason"] == "ChildConflict"
    # It is there while the Service is the workload's, which is made before the StatefulSet.
    assert bool(workload["status"].get("url")) == (kind != "Service")

    await namespace.delete(kind, name)

    await namespace.until(kind, name, is_gone() | is_ours())
    healed = await namespace.until("MCPWorkload", name, is_ready(), HEAL_SECONDS)
    assert healed["status"]["url"] == f"http://{name}.{namespace.name}.svc:8080/mcp"


async def test_a_child_of_another_workload_is_not_taken(namespace: Namespace) -> None:
    """The controller reference decides, whatever the labels of an object say."""
    await namespace.settle(make_workload("other"))
    owner = (await namespace.get("StatefulSet", "other"))["metadata"]["ownerReferences"]
    taken = labelled(HEADLESS, **{"mcpworkload.dev/workload": "weather"})
    taken["metadata"]["ownerReferences"] = owner
    made = await namespace.create(taken)

    await namespace.apply(make_workload("weather"))

    conflict = has_condition("Accepted", "False", "ChildConflict")
    workload = await namespace.until("MCPWorkload", "weather", conflict)
    assert "belongs to MCPWorkload other" in condition_of(workload, "Accepted")["message"]
    found = await namespace.get("Service", "weather")
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_an_alias_that_was_there_first_lends_no_url(namespace: Namespace) -> None:
    """It leads to the other workload's pods; the URL comes with a Service of its own."""
    await namespace.settle(make_workload("thief", service={"headlessAlias": "victim"}))

    await namespace.apply(make_workload("victim"))

    conflict = has_condition("Accepted", "False", "ChildConflict")
    workload = await namespace.until("MCPWorkload", "victim", conflict)
    assert workload["status"].get("url", "") == ""

    await namespace.settle(make_workload("thief"))
    healed = await namespace.until("MCPWorkload", "victim", is_ready(), HEAL_SECONDS)
    assert healed["status"]["url"] == f"http://victim.{namespace.name}.svc:8080/mcp"


async def test_a_workload_named_like_the_api_servers_own_service(api: Api, audit: AuditLog) -> None:
    """`kubernetes` in `default` says whose name it is, and nothing happens to that Service."""
    default = Namespace(api, "default", str)
    log = audit.from_now()
    before = await default.get("Service", "kubernetes")
    await default.apply(make_workload("kubernetes"))
    try:
        conflict = has_condition("Accepted", "False", "ChildConflict")
        await default.until("MCPWorkload", "kubernetes", conflict)
        assert await default.get("Service", "kubernetes") == before
        done = {str(write) for write in log.writes("default") if write.code < 300}
        assert done == {"patch mcpworkloads/status"}
    finally:
        await default.delete("MCPWorkload", "kubernetes")
    # Its end takes nothing along either.
    await default.until("MCPWorkload", "kubernetes", is_gone())
    assert await default.get("Service", "kubernetes") == before
