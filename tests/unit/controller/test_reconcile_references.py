"""The spine and what pods read: refused, healed, rolled, or left alone."""

from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.controller import state
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.references import Absence, digest_content
from mcpworkload.controller.status import Hold
from tests.support.harness import KEY, Bench, World, make_bench
from tests.support.parsed import id_of, make_body, make_observation, make_pod, make_statefulset

SOURCE = "Secret weather-key"
ENV = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "weather-key", "key": "api"}}}]


@pytest.fixture
def bench() -> Bench:
    """A workload that reads a Secret, which is there."""
    world = World(sources={SOURCE: digest_content("u", {"api": "1"})})
    return make_bench(world, env=ENV)


async def reconcile_patiently(bench: Bench) -> float | None:
    """Reconcile, and once more when what is missing has had its time to come."""
    await bench.reconcile(KEY)
    bench.world.seconds += state.REFERENCE_SECONDS
    return await bench.reconcile(KEY)


def applies(bench: Bench) -> list[str]:
    """The children that were written to."""
    return [call for call in bench.world.calls if call.split()[0] in ("apply", "force")]


def accepted(bench: Bench) -> dict[str, Any]:
    """The first condition, as written last."""
    first: dict[str, Any] = bench.world.statuses[-1]["conditions"][0]
    return first


async def test_what_comes_a_moment_later_was_never_missing(bench: Bench) -> None:
    """The workload was applied before its Secret: no status says so."""
    bench.world.sources[SOURCE] = Absence.MISSING

    again = await bench.reconcile(KEY)

    assert bench.world.calls == []
    assert again is not None
    assert 0 < again <= 1

    bench.world.sources[SOURCE] = digest_content("u", {"api": "1"})
    await bench.reconcile(KEY)
    assert len(applies(bench)) == 2


async def test_a_missing_reference_is_refused_and_heals(bench: Bench) -> None:
    """Without children, without giving up, and without a retry: its arrival is an event."""
    bench.world.sources[SOURCE] = digest_content("u", {})

    again = await reconcile_patiently(bench)

    assert bench.world.calls == ["status"]
    assert again is None
    assert accepted(bench)["message"] == "Secret weather-key has no key api (spec.env[KEY])"
    assert bench.conditions() == [
        "Accepted=False/ReferenceNotFound",
        "Available=False/NotAccepted",
        "Ready=False/ReferenceNotFound",
    ]

    bench.world.sources[SOURCE] = digest_content("u", {"api": "1"})
    await bench.reconcile(KEY)

    assert len(applies(bench)) == 2


async def test_what_runs_stays_when_a_reference_goes(bench: Bench) -> None:
    """It can serve, and says what is wrong."""
    await bench.reconcile(KEY)
    bench.world.calls.clear()
    bench.world.observation = make_observation(make_pod(ready=True))
    bench.world.sources[SOURCE] = Absence.MISSING

    await reconcile_patiently(bench)

    assert bench.world.calls == ["status"]
    assert bench.conditions()[:2] == [
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
    bench: Bench, values: dict[str, str], expected: int
) -> None:
    """One more apply, of the StatefulSet alone."""
    await bench.reconcile(KEY)
    bench.world.calls.clear()
    bench.world.sources[SOURCE] = digest_content("u", values)
    # Before it is seen, nobody knows whether an update is what the StatefulSet needs.
    live = make_statefulset(uid="StatefulSet weather-uid")
    bench.world.observation = Observation(children={id_of(live): live})

    await bench.reconcile(KEY)
    await bench.reconcile(KEY)

    assert len(applies(bench)) == expected
    assert all("StatefulSet" in call for call in applies(bench))


@pytest.mark.parametrize("spec", [{"operatingMode": "Stopped"}, {"replicas": 0}])
async def test_a_workload_without_pods_needs_no_reference(spec: dict[str, Any]) -> None:
    """It can always be stopped."""
    bench = make_bench(env=ENV, **spec)

    await bench.reconcile(KEY)

    assert len(applies(bench)) == 2


async def test_without_rights_references_are_taken_for_granted(bench: Bench) -> None:
    """And what that means is said."""
    bench.world.sources[SOURCE] = Absence.UNREADABLE
    await bench.reconcile(KEY)
    bench.world.observation = make_observation(make_pod(ready=True))
    bench.remember(applied={}, hold=Hold(settling_since=0.0))

    await bench.reconcile(KEY)

    assert accepted(bench)["status"] == "True"
    assert "not allowed to read Secrets" in accepted(bench)["message"]


async def test_a_workload_that_is_gone_is_no_longer_followed(bench: Bench) -> None:
    """Nobody else may refer to what it read."""
    await bench.reconcile(KEY)
    bench.store.drop(make_body())

    await bench.reconcile(KEY)

    assert bench.world.unfollowed == [KEY]


def test_the_annotation_is_ours() -> None:
    """Under the domain that the policy keeps for the operator."""
    assert names.REFERENCES_ANNOTATION.startswith(f"{names.GROUP}/")
