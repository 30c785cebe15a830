"""Which applies are planned, by what is live."""

from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import ChildConflict
from mcpworkload.controller.desired import Child, build_children
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.plan.plan import Prune, plan, plan_prunes
from mcpworkload.kube.objects import LiveChild, Service
from tests.support.parsed import (
    UID,
    as_applied,
    id_of,
    make_budget,
    make_observation,
    make_service,
    make_workload,
    owner,
)

SERVICE = build_children(make_workload())[0]


def live_service(**changes: Any) -> Service:
    """The Service as it is after our apply, with *changes* to its spec."""
    metadata = SERVICE.manifest["metadata"]
    service = make_service(
        **{key: metadata[key] for key in ("labels", "annotations", "ownerReferences")}
    )
    return as_applied(service, SERVICE, spec={**SERVICE.manifest["spec"], **changes})


def planned(service: Service | None, last: Applied | None = None, child: Child = SERVICE) -> Any:
    """The one step for the Service, or None."""
    children: dict[ChildId, LiveChild] = {id_of(service): service} if service else {}
    observation = Observation(children=children, versions={"Service": 1000})
    steps = plan(UID, [child], observation, {child.id: last} if last else {})
    return steps[0] if steps else None


def test_a_child_as_desired_needs_nothing() -> None:
    """A second pass writes nothing."""
    assert planned(live_service()) is None


def test_a_missing_child_is_applied_without_force() -> None:
    """Somebody else's object of that name must win."""
    step = planned(None)

    assert (step.uid, step.force) == (None, False)


def test_a_changed_workload_is_applied_to_that_very_object() -> None:
    """Force, but bound to the UID."""
    newer = build_children(make_workload(labels={"team": "sky"}))[0]

    step = planned(live_service(), child=newer)

    assert (step.uid, step.force, step.because) == ("svc", True, "the workload changed")


def test_drift_is_mended_and_named() -> None:
    """The digest in the annotation cannot show it."""
    step = planned(live_service(clusterIP="10.0.0.1"))

    assert step.force
    assert step.because == "another client changed spec.clusterIP"
    assert step.version == 200


def test_a_field_that_the_api_server_does_not_take_is_not_fought_over() -> None:
    """It was applied once and nothing changed."""
    first = planned(live_service(clusterIP="10.0.0.1"))
    futile = Applied(SERVICE.digest, "svc", 200, futile=first.fingerprint)

    assert planned(live_service(clusterIP="10.0.0.1"), futile) is None
    # Any other change to the object is looked at again.
    assert planned(live_service(clusterIP="10.0.0.1", ports=[]), futile) is not None


def test_our_own_write_is_waited_for() -> None:
    """What the cache shows until then is the past."""
    last = Applied(SERVICE.digest, "svc", version=5000)

    assert planned(None, last) is None
    assert planned(live_service(clusterIP="10.0.0.1"), last) is None


def test_a_newer_spec_waits_until_our_own_write_is_seen() -> None:
    """It is applied to the version that the cache shows, and to no other."""
    assert planned(None, Applied("older", "made-by-us", version=5000)) is None


def test_a_child_on_its_way_out_is_left_alone() -> None:
    """Its disappearance is an event and brings us back."""
    service = live_service(clusterIP="10.0.0.1")
    service.metadata.deletion_timestamp = "2026-11-23T12:00:00Z"

    assert planned(service) is None


def test_an_orphan_with_our_label_is_adopted_without_force() -> None:
    """Fields that another manager took meanwhile stay theirs."""
    service = live_service()
    service.metadata.owner_references = []

    step = planned(service)

    assert (step.uid, step.force) == ("svc", False)


def test_a_child_that_still_names_us_as_an_owner_is_ours() -> None:
    """Who takes the controller out of an owner reference holds that field; it is taken back."""
    service = live_service()
    service.metadata.owner_references[0].controller = False

    step = planned(service)

    assert (step.uid, step.force) == ("svc", True)
    assert step.changed == f"metadata.ownerReferences[{UID}].controller"


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "x"), ("kind", "x"), ("api_version", "v1"), ("block_owner_deletion", False)],
)
def test_an_owner_reference_is_as_we_set_it(field: str, value: Any) -> None:
    """The garbage collector goes by all of it."""
    service = live_service()
    setattr(service.metadata.owner_references[0], field, value)

    assert planned(service).changed.startswith(f"metadata.ownerReferences[{UID}].")


def test_an_entry_under_another_key_has_to_go_first() -> None:
    """What was made of it is known when the difference is found."""
    port = SERVICE.manifest["spec"]["ports"][0]

    assert planned(live_service(ports=[{**port, "port": 80}])).is_renamed
    assert not planned(live_service(ports=[])).is_renamed


def test_an_object_of_another_owner_is_a_conflict() -> None:
    """The message names the owner and what can be done."""
    service = make_service(ownerReferences=[owner("other", "Helper", "h")])

    with pytest.raises(ChildConflict, match="Service weather exists and belongs to Helper h"):
        planned(service)


@pytest.mark.parametrize("index", [0, 2])
def test_a_child_of_an_earlier_workload_is_in_the_way_for_a_moment(index: int) -> None:
    """Whatever its own name is: the workload was deleted and made anew."""
    child = build_children(make_workload(service={"type": "ClusterIP"}))[index]
    service = make_service(name=child.id.name, ownerReferences=[owner("first", names.KIND)])

    with pytest.raises(ChildConflict, match=f"{child.id} of an earlier MCPWorkload is still"):
        planned(service, child=child)


def test_both_children_are_planned() -> None:
    """One look is enough to create a workload."""
    steps = plan(UID, build_children(make_workload()), Observation(), {})

    assert [step.child.id.kind for step in steps] == ["Service", "StatefulSet"]
    assert names.HASH_ANNOTATION in steps[0].child.manifest["metadata"]["annotations"]


SECOND_SERVICE = ChildId("Service", "weather-svc")


def test_two_children_of_one_kind_are_two() -> None:
    """What is known of one is not taken for the other."""
    children = build_children(make_workload(service={"type": "ClusterIP"}))
    last = {SERVICE.id: Applied(children[0].digest, "svc", version=5000)}

    steps = plan(UID, children, Observation(versions={"Service": 1000}), last)

    assert [step.child.id for step in steps] == [("StatefulSet", "weather"), SECOND_SERVICE]


def pruned(*children: LiveChild, known: tuple[str, ...] = (), **spec: Any) -> Any:
    """What is to be deleted where *children* are live."""
    observation = make_observation(children=children)
    desired = {child.id for child in build_children(make_workload(**spec))}
    return plan_prunes(UID, desired, observation, known, {})


def test_a_child_that_is_no_longer_asked_for_is_deleted() -> None:
    """By its UID and version, and only that one."""
    service = make_service(name="weather-svc", uid="second")
    budget = make_budget()

    assert pruned(make_service(), service, budget) == (
        Prune(SECOND_SERVICE, "second", service.metadata.version),
        Prune(ChildId("PodDisruptionBudget", "weather"), "pdb", budget.metadata.version),
    )
    assert pruned(service, service={"type": "ClusterIP"}) == ()
    assert pruned(make_budget(), disruptionBudget={"minAvailable": 1}) == ()


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"ownerReferences": []}, id="an orphan"),
        pytest.param({"ownerReferences": [owner("other", "MCPWorkload")]}, id="another's"),
        pytest.param({"deletionTimestamp": "2026-11-23T12:00:00Z"}, id="on its way out"),
        pytest.param({"uid": "known"}, id="deleted by us already"),
    ],
)
def test_only_what_is_ours_and_alive_is_deleted(metadata: dict[str, Any]) -> None:
    """Our label alone says little: anybody can write one."""
    assert pruned(make_budget(**metadata), known=("known",)) == ()


def test_a_statefulset_is_never_pruned() -> None:
    """It stands for pods and volumes."""
    observation = make_observation()

    assert plan_prunes(UID, [], observation, (), {}) == ()
