"""A name that somebody else has: their object is never touched, and the workload says so."""

import asyncio

import pytest

from tests.rig.audit import AuditLog
from tests.rig.builders import SMALL, make_object, make_workload
from tests.rig.kinds import Manifest
from tests.rig.predicates import Predicate, condition_of, has_condition, is_gone, is_ours, is_ready
from tests.rig.space import Space

# The operator does not see the other object go: it looks again every ten seconds.
HEAL_SECONDS = 15.0
QUIET_SECONDS = 2.0

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


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param(ORDINARY, id="ordinary Service"),
        pytest.param(HEADLESS, id="headless Service without selector"),
        pytest.param(STATEFUL, id="StatefulSet"),
    ],
)
async def test_an_object_of_somebody_else_is_left_alone_until_it_goes(
    space: Space, theirs: Manifest
) -> None:
    """Accepted=False says whose name it is; their object stays untouched; then it heals."""
    await space.create(theirs)
    kind = theirs["kind"]
    # A StatefulSet gets its first status from its controller; after that nobody writes.
    made = await space.until(kind, "weather", has_been_seen())

    await space.apply(make_workload("weather"))

    conflict = has_condition("Accepted", "False", "ChildConflict")
    workload = await space.until("MCPWorkload", "weather", conflict)
    await asyncio.sleep(QUIET_SECONDS)
    found = await space.get(kind, "weather")
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    message = condition_of(workload, "Accepted")["message"]
    assert f"the {kind} weather exists and belongs to no MCPWorkload" in message
    assert condition_of(workload, "Ready")["reason"] == "ChildConflict"

    await space.delete(kind, "weather")

    await space.until(kind, "weather", is_gone() | is_ours())
    await space.until("MCPWorkload", "weather", is_ready(), HEAL_SECONDS)


async def test_a_child_of_another_workload_is_not_taken(space: Space) -> None:
    """The controller reference decides, whatever the labels of an object say."""
    await space.settle(make_workload("other"))
    owner = (await space.get("StatefulSet", "other"))["metadata"]["ownerReferences"]
    taken = labelled(HEADLESS, **{"mcpworkload.dev/workload": "weather"})
    taken["metadata"]["ownerReferences"] = owner
    made = await space.create(taken)

    await space.apply(make_workload("weather"))

    conflict = has_condition("Accepted", "False", "ChildConflict")
    workload = await space.until("MCPWorkload", "weather", conflict)
    assert "belongs to MCPWorkload other" in condition_of(workload, "Accepted")["message"]
    found = await space.get("Service", "weather")
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_a_conflict_that_lasts_is_written_once(space: Space, audit: AuditLog) -> None:
    """Looking again is not writing again."""
    await space.create(ORDINARY)
    await space.apply(make_workload("weather"))
    conflict = has_condition("Accepted", "False", "ChildConflict")
    await space.until("MCPWorkload", "weather", conflict)
    log = audit.from_now()

    await asyncio.sleep(HEAL_SECONDS)

    assert log.writes(space.name) == []
