"""How the objects of an accepted spec stand: as it asks, or what else is there, and whose doing."""

from collections.abc import Iterator, Mapping

from mcpworkload.api.names import ChildId
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.kube.objects import Child

_AS_ASKED = "the workload's objects are as the spec asks"
# Of what others added to an object: enough to find it, no listing.
_MAX_ADDITIONS = 5


def state_of(observation: Observation, applied: Mapping[ChildId, Applied]) -> list[str]:
    """How the objects stand, each thing in a few words; *applied* is what we did last."""
    without_effect = list(_without_effect(observation, applied))
    added = list(_additions(observation))
    as_asked = f"{_AS_ASKED}, and others have added to them" if added else _AS_ASKED
    return [*(without_effect or [as_asked]), *added]


def _without_effect(observation: Observation, applied: Mapping[ChildId, Applied]) -> Iterator[str]:
    """What was accepted and yet did not happen, each in a few words."""
    for child_id, last in applied.items():
        live = observation.children.get(child_id)
        if live is None or not last.was_futile(last.digest, live):
            continue
        if live.forbidden:
            yield (
                f"somebody else keeps in the {child_id}, whose pods have it, what the "
                f"installation's policy forbids: {live.forbidden}"
            )
        if live.difference:
            yield _rewriting(child_id, live)
    for child_id, live in observation.children.items():
        if live.refused:
            yield f"this cluster has no feature for {live.refused} of the {child_id}"
    yield from observation.unknown


def _additions(observation: Observation) -> Iterator[str]:
    """What others have added beside what the spec asks for, and who did, by the object."""
    for child_id, live in observation.children.items():
        found = sorted(live.additions)
        more = f" and {len(found) - _MAX_ADDITIONS} more" if len(found) > _MAX_ADDITIONS else ""
        if found:
            yield f"the {child_id} also has {', '.join(found[:_MAX_ADDITIONS])}{more}"


def _rewriting(child_id: ChildId, live: Child) -> str:
    """Who writes what over a field of a child, although it was applied again."""
    wanted, found = live.values
    if not found:
        return f"the API server does not keep {live.difference} of the {child_id}"
    asked = f"asks for {wanted}" if wanted else "asks for nothing"
    other = "another one" if found == wanted else found
    return (
        f"an admission webhook or policy writes {other} where the spec {asked}: {live.difference} "
        f"of the {child_id}; the workload goes on with that"
    )
