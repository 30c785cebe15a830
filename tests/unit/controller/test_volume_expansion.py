"""The spine, where claims are to grow: in which order, and what is left when it ends half-way."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from mcpworkload.controller import state
from mcpworkload.controller.reconcile import CONFLICT_SECONDS
from mcpworkload.kube.errors import ApiError, Conflict, Forbidden, Refused, Unavailable
from tests.support.claims import (
    NO_EXPANSION,
    at,
    make_cluster,
    make_growing,
    make_live,
    observe,
)
from tests.support.harness import KEY, Harness, make_field_conflict


@pytest.fixture
def harness() -> Harness:
    """A workload of two pods whose claims are to grow."""
    return make_growing(make_cluster())


TRIALS = [
    "try force StatefulSet weather sts",
    "list claims",
    "try data-weather-0 2Gi",
    "try data-weather-1 2Gi",
]
GROWTHS = ["grow data-weather-0 2Gi", "grow data-weather-1 2Gi"]
ORPHAN = ["orphan StatefulSet weather sts 200"]


async def test_all_is_judged_before_anything_changes(harness: Harness) -> None:
    """Then the claims of this workload's pods, and no others, then the StatefulSet."""
    again = await harness.reconcile(KEY)

    assert harness.cluster.calls == [*TRIALS, *GROWTHS, *ORPHAN]
    # What the caches show is about to be overtaken: no status says anything of it.
    assert again is not None
    assert again <= 2.0


async def test_one_growth_is_one_status_write(harness: Harness) -> None:
    """Whatever is seen meanwhile: a StatefulSet that ends, none, one without pods."""
    await harness.reconcile(KEY)
    harness.cluster.calls.clear()
    leaving = make_live("1Gi", version=2001, deletionTimestamp="2026-11-23T12:00:00Z")
    successor = make_live("2Gi", version=2002, uid="successor", generation=1, observed=0)
    seen = [
        observe(make_live("1Gi")),
        observe(leaving),
        replace(observe(leaving), pods={}),
        observe(None),
        replace(observe(successor), pods={}),
    ]
    for number, observation in enumerate(seen):
        harness.cluster.observation = at(2000 + number, observation)
        await harness.reconcile(KEY)

    assert harness.cluster.calls == ["apply StatefulSet weather"]

    harness.cluster.observation = at(2003, observe(make_live("2Gi", version=2003, uid="successor")))
    await harness.reconcile(KEY)

    assert harness.cluster.calls[1:] == ["status"]
    assert harness.conditions() == [
        "Accepted=True/Accepted",
        "Available=True/ReplicasReady",
        "Ready=True/Ready",
    ]


@pytest.mark.parametrize(
    ("size", "claims", "calls"),
    [
        pytest.param("1Gi", "2Gi", [*TRIALS[:2], *ORPHAN], id="after the claims"),
        pytest.param("leaving", "2Gi", [], id="after the deletion"),
        pytest.param(
            "gone",
            "2Gi",
            ["apply StatefulSet weather"],
            id="before the successor",
        ),
        pytest.param("2Gi", "2Gi", ["status"], id="after all"),
    ],
)
async def test_whoever_is_killed_goes_on_where_it_ended(
    size: str, claims: str, calls: list[str]
) -> None:
    """Nothing has to be remembered: what there is says what is missing."""
    states = {
        "leaving": make_live("1Gi", deletionTimestamp="2026-11-23T12:00:00Z"),
        "gone": None,
    }
    cluster = make_cluster(size=claims)
    cluster.observation = observe(states[size] if size in states else make_live(size))

    harness = make_growing(cluster)
    await harness.reconcile(KEY)

    assert harness.cluster.calls == calls


@pytest.mark.parametrize(
    ("failing", "done"),
    [
        pytest.param("try data-weather-1", TRIALS, id="in a trial"),
        pytest.param("grow data-weather-1", [*TRIALS, *GROWTHS], id="half-way"),
        pytest.param("orphan StatefulSet weather", [*TRIALS, *GROWTHS, *ORPHAN], id="at the end"),
    ],
)
@pytest.mark.parametrize("error", [Unavailable("hiccup"), Conflict("changed", status=409)])
async def test_a_failure_of_the_api_server_is_tried_again(
    harness: Harness, failing: str, done: list[str], error: ApiError
) -> None:
    """With what is left to do; what has changed meanwhile is no failure to report."""
    harness.cluster.failures[failing] = error
    is_reported = not isinstance(error, Conflict)
    with pytest.raises(type(error)) if is_reported else nullcontext():
        assert await harness.reconcile(KEY) == CONFLICT_SECONDS
    assert harness.cluster.calls == done
    harness.cluster.failures.clear()

    await harness.reconcile(KEY)

    assert harness.cluster.calls[-1:] == ORPHAN
    assert [harness.cluster.claims[f"data-weather-{each}"].size for each in (0, 1)] == [
        "2Gi",
        "2Gi",
    ]


async def test_a_storage_class_that_does_not_let_claims_grow_is_reported(harness: Harness) -> None:
    """With the way back and the way on; nothing was changed."""
    harness.cluster.failures["try data-weather-1"] = NO_EXPANSION

    again = await harness.reconcile(KEY)

    assert harness.cluster.calls == [*TRIALS, "status"]
    assert again == pytest.approx(30)
    assert harness.conditions() == [
        "Accepted=False/Rejected",
        "Available=True/ReplicasReady",
        "Ready=False/Rejected",
    ]
    assert harness.cluster.statuses[-1]["conditions"][0]["message"] == (
        "spec.volumeClaimTemplates[data].spec.resources.requests.storage: found 2Gi; write 1Gi "
        "again, or have the StorageClass fast allow it (allowVolumeExpansion: true): the claim "
        "data-weather-1 cannot grow: the storageclass must support resize"
    )


async def test_a_refused_growth_is_asked_for_again_after_a_while(harness: Harness) -> None:
    """Not with every pod that reports: the class may change, but nothing says when."""
    harness.cluster.failures["try data-weather-1"] = NO_EXPANSION
    for _ in range(3):
        await harness.reconcile(KEY)
    assert harness.cluster.calls == [*TRIALS, "status"]

    harness.cluster.failures.clear()
    harness.cluster.seconds += 31
    await harness.reconcile(KEY)

    assert harness.cluster.calls[-1:] == ORPHAN


async def test_a_refused_growth_can_be_taken_back() -> None:
    """It would be a shrink of the spec, but not of anything that there is."""
    cluster = make_cluster()
    cluster.failures["try data-weather-0"] = NO_EXPANSION
    await make_growing(cluster).reconcile(KEY)
    cluster.calls.clear()

    # Another process lists the objects anew.
    cluster.observation = observe(make_live("1Gi"))
    harness = make_growing(cluster, "1Gi")
    await harness.reconcile(KEY)

    assert harness.cluster.calls == ["status"]
    assert harness.conditions()[0] == "Accepted=True/Accepted"


@pytest.mark.parametrize(
    ("failing", "error", "condition"),
    [
        pytest.param(
            "try StatefulSet weather", Refused("no", status=422), "Rejected", id="the template"
        ),
        pytest.param("list claims", Forbidden("no", status=403), "Rejected", id="no right to see"),
        pytest.param(
            "orphan StatefulSet weather", Forbidden("no", status=403), "Rejected", id="to delete"
        ),
    ],
)
async def test_a_growth_that_is_refused_is_reported(
    harness: Harness, failing: str, error: ApiError, condition: str
) -> None:
    """The StatefulSet stays, whatever it is that is refused."""
    harness.cluster.failures[failing] = error

    await harness.reconcile(KEY)

    assert harness.conditions()[0] == f"Accepted=False/{condition}"
    assert not [call for call in harness.cluster.calls if call.startswith("apply")]


async def test_an_orphan_with_fields_of_another_client_stays(harness: Harness) -> None:
    """As with an orphan that an apply could adopt."""
    harness.cluster.observation = observe(make_live("1Gi", ownerReferences=[]))
    harness.cluster.failures["try StatefulSet weather"] = make_field_conflict("theirs")

    await harness.reconcile(KEY)

    assert harness.cluster.calls == ["try apply StatefulSet weather sts", "status"]
    assert harness.conditions()[0] == "Accepted=False/ChildConflict"


async def test_a_claim_never_shrinks() -> None:
    """Neither does the StatefulSet that says how large the next ones are."""
    harness = make_growing(make_cluster(make_live("2Gi"), size="2Gi"), "1Gi")

    await harness.reconcile(KEY)

    assert harness.cluster.calls == ["status"]
    assert "Stalled=True/InvalidSpec" in harness.conditions()


async def test_who_undoes_each_replacement_meets_a_pause(harness: Harness) -> None:
    """A webhook, say, that sets what we would have replaced."""
    again = None
    for number in range(10):
        live = make_live("1Gi", uid=f"sts-{number}", version=2100 + number)
        harness.cluster.observation = at(2100 + number, observe(live))
        again = await harness.reconcile(KEY)

    orphaned = [call for call in harness.cluster.calls if call.startswith("orphan")]
    assert len(orphaned) == state.FREE_REPAIRS
    assert again is not None
