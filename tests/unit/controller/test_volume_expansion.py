"""The spine, where claims are to grow: in which order, and what is left when it ends half-way."""

from dataclasses import replace

import pytest

from mcpworkload.controller import state
from mcpworkload.kube.errors import ApiError, Conflict, Forbidden, Refused, Unavailable
from tests.support.claims import (
    NO_EXPANSION,
    at,
    make_growing,
    make_live,
    make_world,
    observe,
)
from tests.support.harness import KEY, Bench


@pytest.fixture
def bench() -> Bench:
    """A workload of two pods whose claims are to grow."""
    return make_growing(make_world())


TRIALS = [
    "try force StatefulSet weather sts",
    "list claims",
    "try data-weather-0 2Gi",
    "try data-weather-1 2Gi",
]
GROWTHS = ["grow data-weather-0 2Gi", "grow data-weather-1 2Gi"]
ORPHAN = ["orphan StatefulSet weather sts 200"]


async def test_all_is_judged_before_anything_changes(bench: Bench) -> None:
    """Then the claims of this workload's pods, and no others, then the StatefulSet."""
    again = await bench.reconcile(KEY)

    assert bench.world.calls == [*TRIALS, *GROWTHS, *ORPHAN]
    # What the caches show is about to be overtaken: no status says anything of it.
    assert again is not None
    assert again <= 2.0


async def test_one_growth_is_one_status_write(bench: Bench) -> None:
    """Whatever is seen meanwhile: a StatefulSet that ends, none, one without pods."""
    await bench.reconcile(KEY)
    bench.world.calls.clear()
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
        bench.world.observation = at(2000 + number, observation)
        await bench.reconcile(KEY)

    assert bench.world.calls == ["read StatefulSet weather", "apply StatefulSet weather"]

    bench.world.observation = at(2003, observe(make_live("2Gi", version=2003, uid="successor")))
    await bench.reconcile(KEY)

    assert bench.world.calls[2:] == ["status"]
    assert bench.conditions() == [
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
            ["read StatefulSet weather", "apply StatefulSet weather"],
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
    world = make_world(size=claims)
    world.observation = observe(states[size] if size in states else make_live(size))

    bench = make_growing(world)
    await bench.reconcile(KEY)

    assert bench.world.calls == calls


@pytest.mark.parametrize(
    ("failing", "done"),
    [
        pytest.param("try data-weather-1", TRIALS, id="in a trial"),
        pytest.param("grow data-weather-1", [*TRIALS, *GROWTHS], id="half-way"),
        pytest.param("orphan StatefulSet weather", [*TRIALS, *GROWTHS, *ORPHAN], id="at the end"),
    ],
)
@pytest.mark.parametrize("error", [Unavailable("hiccup"), Conflict("changed", status=409)])
async def test_the_worlds_fault_is_tried_again(
    bench: Bench, failing: str, done: list[str], error: ApiError
) -> None:
    """With what is left to do."""
    bench.world.failures[failing] = error
    with pytest.raises(type(error)):
        await bench.reconcile(KEY)
    assert bench.world.calls == done
    bench.world.failures.clear()

    await bench.reconcile(KEY)

    assert bench.world.calls[-1:] == ORPHAN
    assert [bench.world.claims[f"data-weather-{each}"].size for each in (0, 1)] == ["2Gi", "2Gi"]


async def test_a_class_that_does_not_let_claims_grow_is_told(bench: Bench) -> None:
    """With the way back and the way on; nothing was changed."""
    bench.world.failures["try data-weather-1"] = NO_EXPANSION

    again = await bench.reconcile(KEY)

    assert bench.world.calls == [*TRIALS, "status"]
    assert again == pytest.approx(30)
    assert bench.conditions() == [
        "Accepted=False/Rejected",
        "Available=True/ReplicasReady",
        "Ready=False/Rejected",
    ]
    assert bench.world.statuses[-1]["conditions"][0]["message"] == (
        "spec.volumeClaimTemplates[data].spec.resources.requests.storage: found 2Gi; write 1Gi "
        "again, or have the StorageClass fast allow it (allowVolumeExpansion: true): the claim "
        "data-weather-1 cannot grow: the storageclass must support resize"
    )


async def test_a_refused_growth_is_asked_for_again_after_a_while(bench: Bench) -> None:
    """Not with every pod that reports: the class may change, but nothing says when."""
    bench.world.failures["try data-weather-1"] = NO_EXPANSION
    for _ in range(3):
        await bench.reconcile(KEY)
    assert bench.world.calls == [*TRIALS, "status"]

    bench.world.failures.clear()
    bench.world.seconds += 31
    await bench.reconcile(KEY)

    assert bench.world.calls[-1:] == ORPHAN


async def test_a_refused_growth_can_be_taken_back() -> None:
    """It would be a shrink of the spec, but not of anything that there is."""
    world = make_world()
    world.failures["try data-weather-0"] = NO_EXPANSION
    await make_growing(world).reconcile(KEY)
    world.calls.clear()

    # Another process lists the objects anew.
    world.observation = observe(make_live("1Gi"))
    bench = make_growing(world, "1Gi")
    await bench.reconcile(KEY)

    assert bench.world.calls == ["status"]
    assert bench.conditions()[0] == "Accepted=True/Accepted"


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
async def test_what_may_not_be_is_told(
    bench: Bench, failing: str, error: ApiError, condition: str
) -> None:
    """The StatefulSet stays, whatever it is that is refused."""
    bench.world.failures[failing] = error

    await bench.reconcile(KEY)

    assert bench.conditions()[0] == f"Accepted=False/{condition}"
    assert not [call for call in bench.world.calls if call.startswith("apply")]


async def test_an_orphan_with_fields_of_somebody_else_stays(bench: Bench) -> None:
    """As with an orphan that an apply could adopt."""
    bench.world.observation = observe(make_live("1Gi", ownerReferences=[]))
    bench.world.failures["try StatefulSet weather"] = Conflict("theirs", status=409)

    await bench.reconcile(KEY)

    assert bench.world.calls == ["try apply StatefulSet weather sts", "status"]
    assert bench.conditions()[0] == "Accepted=False/ChildConflict"


async def test_a_claim_never_shrinks() -> None:
    """Neither does the StatefulSet that says how large the next ones are."""
    bench = make_growing(make_world(make_live("2Gi"), size="2Gi"), "1Gi")

    await bench.reconcile(KEY)

    assert bench.world.calls == ["status"]
    assert "Stalled=True/InvalidSpec" in bench.conditions()


async def test_who_undoes_each_replacement_meets_a_pause(bench: Bench) -> None:
    """A webhook, say, that sets what we would have replaced."""
    again = None
    for number in range(10):
        live = make_live("1Gi", uid=f"sts-{number}", version=2100 + number)
        bench.world.observation = at(2100 + number, observe(live))
        again = await bench.reconcile(KEY)

    orphaned = [call for call in bench.world.calls if call.startswith("orphan")]
    assert len(orphaned) == state.FREE_REPAIRS
    assert again is not None
