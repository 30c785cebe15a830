"""What was accepted, and what its author should know of it all the same."""

from collections.abc import Iterator, Mapping
from typing import Any

from mcpworkload.models import Bridge, Workload
from mcpworkload.quantity import parse_quantity

_BYTES = ("memory", "ephemeral-storage")
# No container starts with less: somebody wrote no unit, or `m`, which is a thousandth.
_MIN_BYTES = 2**20
_SESSIONS = (
    "sessions: with several replicas and no session affinity, requests of one MCP session reach "
    "different pods, and a server that keeps sessions in memory answers them with 400 or 404 "
    "(session not found): write service: {type: ClusterIP, sessionAffinity: ClientIP}; a "
    "stateless server needs nothing"
)


def notes_of(workload: Workload) -> tuple[str, ...]:
    """What `Accepted` says beside that the objects are as asked for; each in a few words."""
    return tuple(_notes(workload))


def _notes(workload: Workload) -> Iterator[str]:
    spec = workload.spec
    if spec.bridge is not None:
        yield _way_of_serving(workload)
    elif spec.wanted_replicas > 1 and spec.service.session_affinity != "ClientIP":
        yield _SESSIONS
    yield from _amounts("spec", spec.resources)
    for field, containers in (
        ("sidecars", spec.sidecars),
        ("initContainers", spec.init_containers),
    ):
        for each in containers:
            yield from _amounts(f"spec.{field}[{each.get('name')}]", each.get("resources"))


def _way_of_serving(workload: Workload) -> str:
    """How a stdio server is served, why so, and how it could be served better."""
    bridge, has_command = workload.spec.bridge, bool(workload.spec.command)
    if bridge is Bridge.NONE:
        return "nothing is served (bridge is None): attach to the server's standard input"
    is_open = (workload.spec.transport.stdio.bridge or "Auto") == "Auto"
    why = f"because command is {'set' if has_command else 'not set'}" if is_open else "as asked for"
    if bridge is Bridge.INJECT:
        return f"the bridge is in the server's container (Inject, {why})"
    remedy = "leave bridge out" if has_command else "write the image's entry point in command"
    return (
        f"the bridge is in a sidecar and attaches to the server (Attach, {why}); to have it in "
        f"the server's container, faster and without rights, {remedy}"
    )


def _amounts(owner: str, resources: Any) -> Iterator[str]:
    """Amounts of bytes with which nothing runs, though Kubernetes takes them."""
    for kind in ("requests", "limits"):
        given = resources.get(kind) if isinstance(resources, Mapping) else None
        for name in _BYTES:
            value = given.get(name) if isinstance(given, Mapping) else None
            if value is not None and _is_too_small(value):
                yield (
                    f"{owner}.resources.{kind}.{name}: {value} is less than a mebibyte; write "
                    f"{_digits(str(value))}Mi if that is meant"
                )


def _is_too_small(value: Any) -> bool:
    try:
        return 0 < parse_quantity(value) < _MIN_BYTES
    except ValueError:
        return False


def _digits(value: str) -> str:
    return value.rstrip("numkKi")
