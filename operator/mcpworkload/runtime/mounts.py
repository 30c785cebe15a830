"""
Pure: the mount declarations of a permission profile, taken apart.

`path`, `source:target` or `scheme://resource:target`, where a source may be a path of Windows. They
are text until something mounts them, and that is too late to find out what one means.
"""

import posixpath
import re
import unicodedata
from typing import Any

from mcpworkload.runtime.arguments import filled, refused
from mcpworkload.runtime.types import Mount

_FORMS = "write /path, /source:/target or scheme://resource:/target"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_RESOURCE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<resource>.*):(?P<target>[^:]*)")
# No path needs them, and a shell that ever gets one runs what they say.
_SHELL = "$&;|`"
_CONTROL = frozenset({"Cc", "Zl", "Zp"})


def mount_of(declaration: str, *, read_only: bool = False) -> Mount:
    """
    Return the mount of *declaration*, with paths as short as they can be written.

    Raises:
        WorkloadInvalid: it has none of the three forms, or a path that nothing can be mounted at.
    """
    return mount(declaration, "declaration", read_only=read_only)


def declarations(value: Any, where: str) -> tuple[str, ...]:
    """Return a list of declarations, each checked and as it was written."""
    if not isinstance(value, (list, tuple)):
        raise refused(where, "write a list of declarations")
    for number, item in enumerate(value):
        mount(item, f"{where}[{number}]", read_only=True)
    return tuple(value)


def mount(value: Any, where: str, *, read_only: bool) -> Mount:
    """Return the mount that the declaration at *where* stands for."""
    declaration = filled(value, where)
    if any(unicodedata.category(char) in _CONTROL for char in declaration):
        raise refused(where, "a path has no control characters")
    if found := next((char for char in declaration if char in _SHELL), ""):
        raise refused(where, f"a path has no {found!r}, which a shell would act upon")
    source, target = _split(declaration, where)
    return Mount(source, target, read_only)


def _split(declaration: str, where: str) -> tuple[str, str]:
    if "://" in declaration:
        return _resource(declaration, where)
    drive = _DRIVE.match(declaration)
    start = drive.end() if drive else 0
    head, *rest = declaration[start:].split(":")
    source = declaration[:start] + head
    if len(rest) > 1:
        raise refused(where, f"it has too many colons; {_FORMS}")
    if drive and not rest:
        # Docker makes a folder of that name, and so do profiles that are in use.
        return source, source
    target = _target(rest[0] if rest else source, where)
    return _source(source, where, is_foreign=bool(drive)), target


def _resource(declaration: str, where: str) -> tuple[str, str]:
    found = _RESOURCE.fullmatch(declaration)
    if found is None:
        raise refused(where, f"it is no resource with a target; {_FORMS}")
    resource = found["resource"]
    drive = _DRIVE.match(resource)
    if not resource or ":" in resource[drive.end() if drive else 0 :]:
        raise refused(where, f"it names no one resource; {_FORMS}")
    if ".." in re.split(r"[\\/]", resource):
        raise refused(where, "a resource has a name, not a way up (..)")
    return f"{found['scheme']}://{resource}", _target(found["target"], where)


def _source(path: str, where: str, *, is_foreign: bool) -> str:
    if not path.strip():
        raise refused(where, f"nothing stands before the colon; {_FORMS}")
    cleaned = path if is_foreign else _cleaned(path)
    if cleaned.split("/")[0] == "..":
        raise refused(where, "the source leads out of a folder that nothing names (..)")
    return cleaned


def _target(path: str, where: str) -> str:
    if "\\" in path:
        raise refused(where, "a path in a container has no backslashes")
    if not path.startswith("/"):
        raise refused(where, "a path in a container begins with a slash")
    cleaned = _cleaned(path)
    if cleaned == "/":
        raise refused(where, "nothing can be mounted over the whole container (/)")
    return cleaned


def _cleaned(path: str) -> str:
    cleaned = posixpath.normpath(path)
    # Two slashes in front mean something to POSIX, and nothing to Linux.
    return f"/{cleaned.lstrip('/')}" if cleaned.startswith("/") else cleaned
