"""
Find the field of a spec that a part of the pod template comes from.

The author of a spec knows its paths and not those of the template, where entries of the operator's
come first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcpworkload.api import names
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.controller.admission import pointer
from mcpworkload.kube.manifest import Manifest

# What the spec calls otherwise than the template does.
_OF_POD: Final = {"securityContext": "podSecurityContext"}
_OF_CONTAINER: Final = {
    "startupProbe": "probes.startup",
    "readinessProbe": "probes.readiness",
    "livenessProbe": "probes.liveness",
}
_HELPERS: Final = ("initContainers", "sidecars")


def origin_of(path: Sequence[str], template: Manifest, spec: Mapping[str, Any]) -> str | None:
    """
    Return the path in the raw *spec* of the value at *steps* of *template*; None for ours.

    A missing value has the path where it would have to be written.
    """
    match list(path):
        case ["metadata", ("labels" | "annotations") as field, *rest]:
            return _write(spec, [field, *rest])
        case ["spec", ("containers" | "initContainers") as field, index, *rest]:
            return _of_container(pointer.resolve(template, ["spec", field, index]), rest, spec)
        case ["spec", field, *rest]:
            return _of_field(template["spec"], field, _OF_POD.get(field, field), rest, spec)
    return None


def _of_container(container: Manifest, rest: Sequence[str], spec: Mapping[str, Any]) -> str | None:
    if container["name"] == names.CONTAINER:
        if not rest:
            return "spec"
        field = _OF_CONTAINER.get(rest[0], rest[0])
        return _of_field(container, rest[0], field, rest[1:], spec)
    for field in _HELPERS:
        for number, helper in enumerate(spec.get(field) or ()):
            if helper.get("name") == container["name"]:
                return _path([field, str(number), *rest])
    return None


def _of_field(
    parent: Manifest, name: str, field: str, rest: Sequence[str], spec: Mapping[str, Any]
) -> str | None:
    """Return the path of a field; of an entry of a list, by the same entry in the spec."""
    given = spec.get(field)
    if rest and isinstance(given, list):
        entry = parent[name][int(rest[0])]
        return _path([field, str(given.index(entry)), *rest[1:]]) if entry in given else None
    return _write(spec, [*field.split("."), *rest])


def _write(spec: Mapping[str, Any], steps: Sequence[str]) -> str | None:
    return _path(steps) if steps[0] in spec else None


def _path(steps: Sequence[str]) -> str:
    """Return a path as messages about fields have it: `spec.volumes[0].projected`."""
    parts = [
        f"[{step}]" if step.isdecimal() or not step.isidentifier() else f".{step}" for step in steps
    ]
    return f"spec{''.join(parts)}"


def raw(spec: WorkloadSpec) -> dict[str, Any]:
    """Return *spec* as its author wrote it."""
    return spec.model_dump(by_alias=True, exclude_unset=True)
