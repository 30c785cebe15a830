"""Describe the objects of an accepted spec: as it asks, or with what other clients changed."""

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
    Return the state of the objects, one phrase a fact.

    *applied* is what the operator applied last, *drifts* how the live objects differ, as far as it
    is known.
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
    """Yield what was accepted and yet has no effect, one phrase a fact."""
    for child_id, last in applied.items():
        drift = drifts.get(child_id)
        if drift is None or not last.was_futile(last.digest, drift):
            continue
        if drift.forbidden:
            yield (
                f"another client keeps adding to the {child_id} what the installation's policy "
                f"forbids, and its pods have it: {drift.forbidden}"
            )
        if drift.difference:
            yield _rewriting(child_id, drift)
    for child_id, drift in drifts.items():
        if drift.unsupported:
            yield f"this cluster has no feature for {drift.unsupported} of the {child_id}"
    yield from describe_unknown(observation.references)


def _additions(drifts: Mapping[ChildId, Drift]) -> Iterator[str]:
    """Yield by object what other clients have added to it, with the manager of each field."""
    for child_id, drift in drifts.items():
        found = sorted(drift.additions)
        more = f" and {len(found) - _MAX_ADDITIONS} more" if len(found) > _MAX_ADDITIONS else ""
        if found:
            yield f"the {child_id} also has {', '.join(found[:_MAX_ADDITIONS])}{more}"


def _rewriting(child_id: ChildId, drift: Drift) -> str:
    """Return which value another component writes over a field of a child after each apply."""
    wanted, found = drift.values
    if not found:
        return f"the API server does not keep {drift.difference} of the {child_id}"
    asked = f"asks for {wanted}" if wanted else "asks for nothing"
    other = "another one" if found == wanted else found
    return (
        f"an admission webhook or policy writes {other} where the spec {asked}: {drift.difference} "
        f"of the {child_id}; the workload goes on with that"
    )
