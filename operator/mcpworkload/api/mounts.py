"""
The mount declarations of a permission profile, taken apart.

Pure. `path`, `source:target` or `scheme://resource:target`, where a source may be a path of
Windows. What a form means on Kubernetes, if anything, is `mount_source`'s to say.
"""

import posixpath
import re
import unicodedata
from dataclasses import dataclass

from mcpworkload.api.entries import BadEntry
from mcpworkload.api.rules import is_subdomain

_FORMS = "write /path, /source:/target or scheme://resource:/target"
_MEANINGFUL = (
    "write volume://CLAIM:/target, configmap://NAME:/target, secret://NAME:/target, "
    "emptydir://NAME:/target or /source:/target"
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_RESOURCE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<resource>.*):(?P<target>[^:]*)")
_EMPTYDIR = "emptydir"
# No path needs them, and a shell that ever gets one runs what they say.
_SHELL = "$&;|`"
_CONTROL = frozenset({"Cc", "Zl", "Zp"})


@dataclass(frozen=True)
class Declared:
    """A declaration, with paths as short as they can be written."""

    #: A path, or `scheme://resource`.
    source: str
    target: str


@dataclass(frozen=True)
class ClaimSource:
    """A PersistentVolumeClaim of the workload's namespace."""

    name: str


@dataclass(frozen=True)
class ConfigMapSource:
    """A ConfigMap of the workload's namespace."""

    name: str


@dataclass(frozen=True)
class SecretSource:
    """A Secret of the workload's namespace."""

    name: str


@dataclass(frozen=True)
class EmptyDirSource:
    """A directory that lives as long as the pod; mounts of one name share it."""

    #: Empty for a directory that nothing shares.
    name: str = ""


@dataclass(frozen=True)
class HostPath:
    """An absolute path of the node."""

    path: str


MountSource = ClaimSource | ConfigMapSource | SecretSource | EmptyDirSource | HostPath

_KINDS: dict[str, type[ClaimSource | ConfigMapSource | SecretSource]] = {
    "volume": ClaimSource,
    "configmap": ConfigMapSource,
    "secret": SecretSource,
}


def parse_mount(declaration: str) -> Declared:
    """
    Return *declaration*, taken apart.

    Raises:
        BadEntry: it has none of the three forms, or a path that nothing can be mounted at.
    """
    if not declaration.strip():
        raise BadEntry(f"it is empty; {_FORMS}")
    if any(unicodedata.category(char) in _CONTROL for char in declaration):
        raise BadEntry("a path has no control characters")
    if found := next((char for char in declaration if char in _SHELL), ""):
        raise BadEntry(f"a path has no {found!r}, which a shell would act upon")
    return _split(declaration)


def mount_source(source: str) -> MountSource:
    """
    Return what the *source* of a `Declared` is on Kubernetes.

    Raises:
        BadEntry: it has a scheme or a path that has no meaning there.
    """
    scheme, separator, resource = source.partition("://")
    if not separator:
        if not source.startswith("/"):
            raise BadEntry(f"a path on a node begins with a slash; {_MEANINGFUL}")
        return HostPath(source)
    scheme = scheme.lower()
    if scheme == _EMPTYDIR:
        return EmptyDirSource(_object_name(resource) if resource else "")
    if scheme not in _KINDS:
        raise BadEntry(f"the scheme {scheme}:// has no meaning on Kubernetes; {_MEANINGFUL}")
    return _KINDS[scheme](_object_name(resource))


def _object_name(resource: str) -> str:
    if not is_subdomain(resource):
        raise BadEntry(
            "write the name of an object of this namespace after the scheme: lower-case letters, "
            "digits, dashes and dots"
        )
    return resource


def _split(declaration: str) -> Declared:
    if "://" in declaration:
        return _resource(declaration)
    drive = _DRIVE.match(declaration)
    start = drive.end() if drive else 0
    head, *rest = declaration[start:].split(":")
    source = declaration[:start] + head
    if len(rest) > 1:
        raise BadEntry(f"it has too many colons; {_FORMS}")
    if drive and not rest:
        # Docker makes a folder of that name, and so do profiles that are in use.
        return Declared(source, source)
    target = _target(rest[0] if rest else source)
    return Declared(_source(source, is_foreign=bool(drive)), target)


def _resource(declaration: str) -> Declared:
    found = _RESOURCE.fullmatch(declaration)
    if found is None:
        raise BadEntry(f"it is no resource with a target; {_FORMS}")
    resource = found["resource"]
    drive = _DRIVE.match(resource)
    is_named = bool(resource) or found["scheme"].lower() == _EMPTYDIR
    if not is_named or ":" in resource[drive.end() if drive else 0 :]:
        raise BadEntry(f"it names no one resource; {_FORMS}")
    if ".." in re.split(r"[\\/]", resource):
        raise BadEntry("a resource has a name, not a way up (..)")
    return Declared(f"{found['scheme']}://{resource}", _target(found["target"]))


def _source(path: str, *, is_foreign: bool) -> str:
    if not path.strip():
        raise BadEntry(f"nothing stands before the colon; {_FORMS}")
    cleaned = path if is_foreign else _cleaned(path)
    if cleaned.split("/")[0] == "..":
        raise BadEntry("the source leads out of a folder that nothing names (..)")
    return cleaned


def _target(path: str) -> str:
    if "\\" in path:
        raise BadEntry("a path in a container has no backslashes")
    if not path.startswith("/"):
        raise BadEntry("a path in a container begins with a slash")
    cleaned = _cleaned(path)
    if cleaned == "/":
        raise BadEntry("nothing can be mounted over the whole container (/)")
    return cleaned


def _cleaned(path: str) -> str:
    cleaned = posixpath.normpath(path)
    # Two slashes in front mean something to POSIX, and nothing to Linux.
    return f"/{cleaned.lstrip('/')}" if cleaned.startswith("/") else cleaned
