"""The spine and what pods read: refused, healed, rolled, or left alone."""

from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.controller import state
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.references import Absence, digest_content
from mcpworkload.controller.status import Hold
from tests.support.harness import KEY, FakeCluster, Harness, make_harness
from tests.support.parsed import (
    as_applied,
    id_of,
    make_body,
    make_observation,
    make_pod,
    make_statefulset,
)

SOURCE = "Secret weather-key"
ENV = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "weather-key", "key": "api"}}}]


@pytest.fixture
def harness() -> Harness:
    """A workload that reads a Secret, which is there."""
    cluster = FakeCluster(sources={SOURCE: digest_content("u", {"api": "1"})})
    return make_harness(cluster, env=ENV)


async def reconcile_patiently(harness: Harness) -> float | None:
    """Reconcile, and once more when what is missing has had its time to come."""
    await harness.reconcile(KEY)
    harness.cluster.seconds += state.REFERENCE_SECONDS
    return await harness.reconcile(KEY)


def applies(harness: Harness) -> list[str]:
    """The children that were written to."""
    return [call for call in harness.cluster.calls if call.split()[0] in ("apply", "force")]


def accepted(harness: Harness) -> dict[str, Any]:
    """The first condition, as written last."""
    first: dict[str, Any] = harness.cluster.statuses[-1]["conditions"][0]
    return first


async def test_what_comes_a_moment_later_was_never_missing(harness: Harness) -> None:
    """The workload was applied before its Secret: no status says so."""
    harness.cluster.sources[SOURCE] = Absence.MISSING

    again = await harness.reconcile(KEY)

    assert harness.cluster.calls == []
    assert again is not None
    assert 0 < again <= 1

    harness.cluster.sources[SOURCE] = digest_content("u", {"api": "1"})
    await harness.reconcile(KEY)
    assert len(applies(harness)) == 2


async def test_a_missing_reference_is_refused_and_heals(harness: Harness) -> None:
    """Without children, without giving up, and without a retry: its arrival is an event."""
    harness.cluster.sources[SOURCE] = digest_content("u", {})

    again = await reconcile_patiently(harness)

    assert harness.cluster.calls == ["status"]
    assert again is None
    assert accepted(harness)["message"] == "Secret weather-key has no key api (spec.env[KEY])"
    assert harness.conditions() == [
        "Accepted=False/ReferenceNotFound",
        "Available=False/NotAccepted",
        "Ready=False/ReferenceNotFound",
    ]

    harness.cluster.sources[SOURCE] = digest_content("u", {"api": "1"})
    await harness.reconcile(KEY)

    assert len(applies(harness)) == 2


async def test_what_runs_stays_when_a_reference_goes(harness: Harness) -> None:
    """It can serve, and says what is wrong."""
    await harness.reconcile(KEY)
    harness.cluster.calls.clear()
    harness.cluster.observation = make_observation(make_pod(ready=True))
    harness.cluster.sources[SOURCE] = Absence.MISSING

    await reconcile_patiently(harness)

    assert harness.cluster.calls == ["status"]
    assert harness.conditions()[:2] == [
        "Accepted=False/ReferenceNotFound",
        "Available=True/ReplicasReady",
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"api": "2"}, 1, id="what is read"),
        pytest.param({"api": "1", "other": "x"}, 0, id="something else"),
    ],
)
async def test_a_changed_content_rolls_the_pods_once(
    harness: Harness, values: dict[str, str], expected: int
) -> None:
    """One more apply, of the StatefulSet alone."""
    await harness.reconcile(KEY)
    harness.cluster.calls.clear()
    harness.cluster.sources[SOURCE] = digest_content("u", values)
    child = harness.cluster.applied["StatefulSet weather"]
    annotations = child.manifest["metadata"]["annotations"]
    live = make_statefulset(uid="StatefulSet weather-uid", annotations=annotations)
    live = as_applied(live, child)
    # The cache shows the Service as it was applied, too.
    seen = {"Service": 0, "StatefulSet": harness.cluster.version}
    harness.cluster.observation = Observation(children={id_of(live): live}, versions=seen)

    await harness.reconcile(KEY)
    await harness.reconcile(KEY)

    assert len(applies(harness)) == expected
    assert all("StatefulSet" in call for call in applies(harness))


@pytest.mark.parametrize("spec", [{"operatingMode": "Stopped"}, {"replicas": 0}])
async def test_a_workload_without_pods_needs_no_reference(spec: dict[str, Any]) -> None:
    """It can always be stopped."""
    harness = make_harness(env=ENV, **spec)

    await harness.reconcile(KEY)

    assert len(applies(harness)) == 2


async def test_without_rights_references_are_taken_for_granted(harness: Harness) -> None:
    """And what that means is said."""
    harness.cluster.sources[SOURCE] = Absence.UNREADABLE
    await harness.reconcile(KEY)
    harness.cluster.observation = make_observation(make_pod(ready=True))
    harness.remember(applied={}, hold=Hold(settling_since=0.0))

    await harness.reconcile(KEY)

    assert accepted(harness)["status"] == "True"
    assert "not allowed to read Secrets" in accepted(harness)["message"]


async def test_a_workload_that_is_gone_is_no_longer_followed(harness: Harness) -> None:
    """Nobody else may refer to what it read."""
    await harness.reconcile(KEY)
    harness.store.drop(make_body())

    await harness.reconcile(KEY)

    assert harness.cluster.unfollowed == [KEY]


def test_the_annotation_is_ours() -> None:
    """Under the domain that the policy keeps for the operator."""
    assert names.REFERENCES_ANNOTATION.startswith(f"{names.GROUP}/")
