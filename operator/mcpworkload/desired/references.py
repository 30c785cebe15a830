"""
Where a pod template reads ConfigMaps and Secrets.

The *final* template is asked, so that fields, sidecars and patches are all seen. Pull secrets
are no such reading: nodes may have the image, or another right to it.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from mcpworkload import names
from mcpworkload.desired import pointer
from mcpworkload.desired.view import MalformedError, PodTemplate, View
from mcpworkload.manifest import Manifest
from mcpworkload.models import WorkloadSpec
from mcpworkload.references import ObjectId, Reference, ReferredKind

# A reference, and the path in the template of what makes it.
_Place = tuple[Reference, tuple[str, ...]]

_KEY_SOURCES: tuple[tuple[str, ReferredKind], ...] = (
    ("configMapKeyRef", "ConfigMap"),
    ("secretKeyRef", "Secret"),
)
_ALL_SOURCES: tuple[tuple[str, ReferredKind], ...] = (
    ("configMapRef", "ConfigMap"),
    ("secretRef", "Secret"),
)


def find_references(
    template: Manifest, built: Manifest, spec: WorkloadSpec
) -> tuple[Reference, ...]:
    """
    All references of *template*, which `check_template` has accepted.

    *built* is what it was before the patch: what stands there already is named as in *spec*,
    anything else by its path in the template. What Kubernetes cannot read is left out: the
    API server says it better.
    """
    found = _find(template, spec)
    if template is built:
        return tuple(reference for reference, _ in found)
    known = {reference for reference, _ in _find(built, spec)}
    return tuple(
        reference
        if reference in known
        else replace(reference, field=f"pod template {pointer.join(path)}")
        for reference, path in found
    )


def _find(template: Manifest, spec: WorkloadSpec) -> list[_Place]:
    pod = PodTemplate(template)
    owners = _owners(spec)
    found: list[_Place] = []
    mounted: set[str] = set()
    for container in pod.containers:
        with suppress(MalformedError):
            mounted |= {mount["name"].text() for mount in container["volumeMounts"].items()}
        with suppress(MalformedError):
            name = container["name"].text()
            found += list(_of_container(container, owners.get(name, f"container {name}")))
    for volume in pod.volumes:
        with suppress(MalformedError):
            # The kubelet does not look at a volume that no container mounts, nor we at what the
            # bridge knows the API server by: that is Kubernetes' own, and renewed in place.
            if volume["name"].text() in mounted - {names.BRIDGE_TOKEN}:
                found += list(_of_volume(volume))
    return found


def _owners(spec: WorkloadSpec) -> dict[str, str]:
    """The field of the spec behind each container's name."""
    return {
        **{str(each.get("name")): f"spec.sidecars[{each.get('name')}]" for each in spec.sidecars},
        **{
            str(each.get("name")): f"spec.initContainers[{each.get('name')}]"
            for each in spec.init_containers
        },
        names.CONTAINER: "spec",
    }


def _of_container(container: View, owner: str) -> Iterator[_Place]:
    for variable in container["env"].items():
        field = f"{owner}.env[{variable['name'].text()}]"
        for source, kind in _KEY_SOURCES:
            reading = variable["valueFrom"][source]
            yield from _read(kind, reading, "name", [reading["key"].text()], field)
    for number, entry in enumerate(container["envFrom"].items()):
        for source, kind in _ALL_SOURCES:
            yield from _read(kind, entry[source], "name", (), f"{owner}.envFrom[{number}]")


def _of_volume(volume: View) -> Iterator[_Place]:
    field = f"spec.volumes[{volume['name'].text()}]"
    yield from _read_files("ConfigMap", volume["configMap"], "name", field)
    yield from _read_files("Secret", volume["secret"], "secretName", field)
    for source in volume["projected"]["sources"].items():
        yield from _read_files("ConfigMap", source["configMap"], "name", field)
        yield from _read_files("Secret", source["secret"], "name", field)


def _read_files(kind: ReferredKind, source: View, name: str, field: str) -> Iterator[_Place]:
    keys = [item["key"].text() for item in source["items"].items()]
    yield from _read(kind, source, name, keys, field)


def _read(
    kind: ReferredKind, source: View, name_field: str, keys: Iterable[str], field: str
) -> Iterator[_Place]:
    """The readings of *keys*, or of the whole object if there are none."""
    name = source[name_field].text()
    if not name:
        return
    is_optional = source["optional"].value is True
    for key in tuple(keys) or ("",):
        yield Reference(ObjectId(kind, name), key, is_optional, field), source.path
