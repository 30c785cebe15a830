"""How the objects of an accepted spec stand: as it asks, or what else is there, and whose doing."""

from collections.abc import Iterator, Mapping

from mcpworkload.api.names import ChildId
from mcpworkload.controller.plan.comparison import Drift
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.references import describe_unknown

_AS_ASKED = "the workload's objects are as the spec asks"
# Of what others added to an object: enough to find it, no listing.
_MAX_ADDITIONS = 5


def state_of(
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    drifts: Mapping[ChildId, Drift],
) -> list[str]:
    """
    How the objects stand, each thing in a few words.

    *applied* is what we did last, *drifts* how the live objects differ, as far as it is known.
    """
    without_effect = list(_without_effect(observation, applied, drifts))
    added = list(_additions(drifts))
    as_asked = f"{_AS_ASKED}, and others have added to them" if added else _AS_ASKED
    return [*(without_effect or [as_asked]), *added]


def _without_effect(
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    drifts: Mapping[ChildId, Drift],
) -> Iterator[str]:
    """What was accepted and yet did not happen, each in a few words."""
    for child_id, last in applied.items():
        drift = drifts.get(child_id)
        if drift is None or not last.was_futile(last.digest, drift):
            continue
        if drift.forbidden:
            yield (
                f"somebody else keeps in the {child_id}, whose pods have it, what the "
                f"installation's policy forbids: {drift.forbidden}"
            )
        if drift.difference:
            yield _rewriting(child_id, drift)
    for child_id, drift in drifts.items():
        if drift.unsupported:
            yield f"this cluster has no feature for {drift.unsupported} of the {child_id}"
    yield from describe_unknown(observation.references)


def _additions(drifts: Mapping[ChildId, Drift]) -> Iterator[str]:
    """What others have added beside what the spec asks for, and who did, by the object."""
    for child_id, drift in drifts.items():
        found = sorted(drift.additions)
        more = f" and {len(found) - _MAX_ADDITIONS} more" if len(found) > _MAX_ADDITIONS else ""
        if found:
            yield f"the {child_id} also has {', '.join(found[:_MAX_ADDITIONS])}{more}"


def _rewriting(child_id: ChildId, drift: Drift) -> str:
    """Who writes what over a field of a child, although it was applied again."""
    wanted, found = drift.values
    if not found:
        return f"the API server does not keep {drift.difference} of the {child_id}"
    asked = f"asks for {wanted}" if wanted else "asks for nothing"
    other = "another one" if found == wanted else found
    return (
        f"an admission webhook or policy writes {other} where the spec {asked}: {drift.difference} "
        f"of the {child_id}; the workload goes on with that"
    )
