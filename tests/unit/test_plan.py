"""Which applies are planned, by what is live."""

from typing import Any

import msgspec
import pytest

from mcpworkload import names
from mcpworkload.desired import Child, build_children
from mcpworkload.errors import ChildConflict
from mcpworkload.live import Service
from mcpworkload.observation import Applied, Observation
from mcpworkload.plan import plan
from tests.unit.builders import UID, make_observation, make_service, make_workload, owner

SERVICE = build_children(make_workload())[0]


def live_service(**changes: Any) -> Service:
    """The Service as it is after our apply, with *changes* to its spec."""
    metadata = SERVICE.manifest["metadata"]
    service = make_service(
        **{key: metadata[key] for key in ("labels", "annotations", "ownerReferences")}
    )
    service.spec = msgspec.Raw(msgspec.json.encode({**SERVICE.manifest["spec"], **changes}))
    return service


def planned(service: Service | None, last: Applied | None = None, child: Child = SERVICE) -> Any:
    """The one step for the Service, or None."""
    observation = Observation(service=service, versions={"Service": 1000})
    steps = plan(UID, [child], observation, {"Service": last} if last else {})
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
    assert step.because == "spec.clusterIP was changed by somebody else"
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


def test_a_newer_spec_does_not_wait_for_our_own_write() -> None:
    """It is applied to the object that the last apply made."""
    step = planned(None, Applied("older", "made-by-us", version=5000))

    assert (step.uid, step.force) == ("made-by-us", True)


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


def test_somebody_elses_object_is_a_conflict() -> None:
    """The message names the owner and what can be done."""
    service = make_service(ownerReferences=[owner("other", "Helper", "h")])

    with pytest.raises(ChildConflict, match="Service weather exists and belongs to Helper h"):
        planned(service)


def test_both_children_are_planned() -> None:
    """One look is enough to create a workload."""
    workload = make_workload()
    observation = make_observation()

    steps = plan(UID, build_children(workload), Observation(), {})

    assert [step.child.kind for step in steps] == ["Service", "StatefulSet"]
    assert observation.child("StatefulSet") is not None
    assert names.HASH_ANNOTATION in steps[0].child.manifest["metadata"]["annotations"]
