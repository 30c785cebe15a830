"""
Decide whether a StatefulSet has to be replaced by a new one, which adopts its pods.

Some fields no update can change. A StatefulSet that is deleted without its pods, and created anew,
keeps them with their claims, as long as the new one selects them and their volumes are those that
it would make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcpworkload.api.refusals import ChildConflict, InvalidSpec
from mcpworkload.controller.plan.drift import first_difference
from mcpworkload.kube.manifest import Manifest
from mcpworkload.kube.objects import FIXED_FIELDS
from mcpworkload.kube.quantity import parse_quantity

# What the API server puts into a claim template by itself.
_DEFAULTED = ("creationTimestamp", "volumeMode")

Templates = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Replacement:
    """The reason why a StatefulSet has to be replaced, and the claims that have to grow before."""

    #: Of the first field that differs.
    path: str
    #: The spec that is wanted, but for the fields that keep it from being applied.
    applicable: Manifest
    #: By the name of a claim template, the size that its claims are to have.
    sizes: Mapping[str, str] = field(default_factory=dict)


def find_replacement(name: str, wanted: Manifest, fixed: Mapping[str, Any]) -> Replacement | None:
    """
    Return how to replace a StatefulSet with those *fixed* fields; None if an update is enough.

    *wanted* is the spec that it should have.

    Raises:
        InvalidSpec: a claim would have to shrink.
        ChildConflict: the new StatefulSet could not adopt the pods.
    """
    own = {key: wanted[key] for key in FIXED_FIELDS if key in wanted}
    templates, live = own.get("volumeClaimTemplates", []), fixed.get("volumeClaimTemplates", [])
    difference = first_difference({**own, "volumeClaimTemplates": templates}, fixed, "spec")
    if difference is None and _shapes(templates) == _shapes(live):
        return None
    if first_difference(own["selector"], fixed.get("selector"), "selector") is not None:
        raise ChildConflict(
            f"the StatefulSet {name} selects other pods (spec.selector), which a new one could "
            "not take over: delete it, or give this MCPWorkload another name"
        )
    sizes = _growing(name, templates, live)
    others = {key: value for key, value in wanted.items() if key not in FIXED_FIELDS}
    return Replacement(difference or "spec.volumeClaimTemplates", {**others, **fixed}, sizes)


def claim_path(template: str) -> str:
    """Return the path of the spec's field with the size of a template's claims."""
    return f"spec.volumeClaimTemplates[{template}].spec.resources.requests.storage"


def _shapes(templates: Templates) -> list[set[str]]:
    """Return the fields that each template sets: `drift` does not see a removed field."""
    return [
        {
            f"{path}.{key}"
            for path, part in (
                ("metadata", template["metadata"]),
                ("labels", template["metadata"].get("labels") or {}),
                ("annotations", template["metadata"].get("annotations") or {}),
                ("spec", template["spec"]),
            )
            for key, value in part.items()
            if key not in _DEFAULTED and value not in (None, {}, [])
        }
        for template in templates
    ]


def _growing(name: str, wanted: Templates, live: Templates) -> dict[str, str]:
    before = {template["metadata"]["name"]: _size_of(template) for template in live}
    growing = {}
    for template in wanted:
        claim, size = template["metadata"]["name"], _size_of(template)
        if claim not in before:
            raise ChildConflict(
                f"the StatefulSet {name} has no claim template {claim}, and its pods cannot be "
                "given another volume: delete it, or leave the template out"
            )
        old, new = parse_quantity(before[claim]), _parse(claim, size)
        if new < old:
            raise InvalidSpec(
                f"{claim_path(claim)}: found {size}; write {before[claim]} or more: claims have "
                "been made of that size, and a claim cannot shrink"
            )
        if new > old:
            growing[claim] = size
    return growing


def _size_of(template: Mapping[str, Any]) -> str:
    return str(template["spec"]["resources"]["requests"]["storage"])


def _parse(claim: str, size: str) -> Any:
    try:
        return parse_quantity(size)
    except ValueError as error:
        raise InvalidSpec(f"{claim_path(claim)}: {error}") from error
