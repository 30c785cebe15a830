"""
Find where a pod template reads ConfigMaps and Secrets.

The *final* template is searched, so that fields, sidecars and patches are all covered. Pull secrets
are not included: nodes may have the image, or another right to it.
"""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from mcpworkload.api import names
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.controller.admission import pointer
from mcpworkload.controller.admission.view import MalformedError, PodTemplate, View
from mcpworkload.controller.references import ObjectId, Reference, ReferredKind

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
    pod: PodTemplate, before: PodTemplate, spec: WorkloadSpec
) -> tuple[Reference, ...]:
    """
    Return all references of a template, *pod*, which `check_template` has accepted.

    *before* is the template before the patch: a reference that is in it is named by its path in
    *spec*, another by its path in the template. What Kubernetes cannot read is left out: the API
    server's message is better.
    """
    found = _find(pod, spec)
    if pod is before:
        return tuple(reference for reference, _ in found)
    known = {reference for reference, _ in _find(before, spec)}
    return tuple(
        reference
        if reference in known
        else replace(reference, field=f"pod template {pointer.join(path)}")
        for reference, path in found
    )


def _find(pod: PodTemplate, spec: WorkloadSpec) -> list[_Place]:
    owners = _owners(spec)
    found: list[_Place] = []
    mounted: dict[str, list[str]] = {}
    for container in pod.containers:
        with suppress(MalformedError):
            for mount in container["volumeMounts"].items():
                mounted.setdefault(mount["name"].text(), []).append(_part_of(mount))
        with suppress(MalformedError):
            name = container["name"].text()
            found += list(_of_container(container, owners.get(name, f"container {name}")))
    for volume in pod.volumes:
        with suppress(MalformedError):
            # The kubelet does not look at a volume that no container mounts, nor we at what the
            # bridge knows the API server by: that is Kubernetes' own, and renewed in place.
            name = volume["name"].text()
            if name in mounted and name != names.BRIDGE_TOKEN:
                found += list(_of_volume(volume, mounted[name]))
    return found


def _part_of(mount: View) -> str:
    """Return the path in its volume that a container sees; empty for all of it, or if it varies."""
    path = "" if mount["subPathExpr"].text() else posixpath.normpath(mount["subPath"].text())
    first = path.split("/")[0]
    # Behind names that begin with two dots, which no key does, Kubernetes keeps all of them.
    return "" if first in ("", ".") or first.startswith("..") else path


def _owners(spec: WorkloadSpec) -> dict[str, str]:
    """Return the field of the spec behind each container's name."""
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
        value = variable["valueFrom"]
        if value.is_absent:
            continue
        field = f"{owner}.env[{variable['name'].text()}]"
        for source, kind in _KEY_SOURCES:
            reading = value[source]
            yield from _read(kind, reading, "name", [reading["key"].text()], field)
    for number, entry in enumerate(container["envFrom"].items()):
        for source, kind in _ALL_SOURCES:
            yield from _read(kind, entry[source], "name", (), f"{owner}.envFrom[{number}]")


def _of_volume(volume: View, parts: Sequence[str]) -> Iterator[_Place]:
    """Yield what is read of *volume* where its *parts* are mounted."""
    field = f"spec.volumes[{volume['name'].text()}]"
    yield from _read_files("ConfigMap", volume["configMap"], "name", field, parts)
    yield from _read_files("Secret", volume["secret"], "secretName", field, parts)
    for source in volume["projected"]["sources"].items():
        yield from _read_files("ConfigMap", source["configMap"], "name", field, parts)
        yield from _read_files("Secret", source["secret"], "name", field, parts)


def _read_files(
    kind: ReferredKind, source: View, name: str, field: str, parts: Sequence[str]
) -> Iterator[_Place]:
    """
    Yield the files that are read, of which containers see those in *parts* of the volume.

    The kubelet makes all files in items, or none. Where there are no items, a part that is no key
    becomes an empty folder.
    """
    items = [(item["key"].text(), item["path"].text()) for item in source["items"].items()]
    if items:
        for reference, path in _read(kind, source, name, [key for key, _ in items], field):
            paths = [path for key, path in items if key == reference.key]
            is_read = any(_is_in(path, part) for path in paths for part in parts)
            yield replace(reference, is_read=is_read), path
    elif "" in parts:
        yield from _read(kind, source, name, (), field)
    else:
        keys = dict.fromkeys(part.split("/")[0] for part in parts)
        for reference, path in _read(kind, source, name, keys, field):
            yield replace(reference, is_needed=False), path


def _is_in(path: str, part: str) -> bool:
    """Return whether a file at *path* of a volume is visible where that *part* is mounted."""
    path = posixpath.normpath(path)
    return not part or path == part or path.startswith(f"{part}/")


def _read(
    kind: ReferredKind, source: View, name_field: str, keys: Iterable[str], field: str
) -> Iterator[_Place]:
    """Yield the references to *keys*, or to the whole object if there are none."""
    name = source[name_field].text()
    if not name:
        return
    is_optional = source["optional"].value is True
    for key in tuple(keys) or ("",):
        yield Reference(ObjectId(kind, name), key, is_optional, field), source.path
