"""Notes on an accepted spec: a likely mistake, or a choice that the operator made."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import Grants, meaningless_options
from mcpworkload.kube.quantity import parse_quantity

_BYTES = ("memory", "ephemeral-storage")
# No container starts with less: the unit is missing, or is `m`, which is a thousandth.
_MIN_BYTES = 2**20
_SESSIONS = (
    "sessions: with several replicas and no session affinity, requests of one MCP session reach "
    "different pods, and a server that keeps sessions in memory answers them with 400 or 404 "
    "(session not found): {remedy}; a stateless server needs nothing"
)
_NEW_SERVICE = "write service: {type: ClusterIP, sessionAffinity: ClientIP}"
_OWN_SERVICE = "add service.sessionAffinity: ClientIP"
# What is written for so many Mi, and is less: a thousandth of a byte, and the smaller units.
_SMALLER_UNIT = re.compile(r"(?P<digits>[0-9.]+)(?:m|k|Ki)")
# A volume of less holds no file at all.
_MIN_VOLUME = 2**12


def notes_of(workload: Workload) -> tuple[str, ...]:
    """Return what `Accepted` adds about an accepted spec, one phrase a fact."""
    return tuple(_notes(workload))


def notes_of_grants(grants: Grants | None) -> tuple[str, ...]:
    """Return the security options of a profile that have no effect, as one phrase."""
    permissions = grants.permissions if grants is not None else None
    entries = meaningless_options(permissions)
    if not entries:
        return ()
    return (f"securityOpt: {', '.join(entries)} has no meaning on Kubernetes, and no effect",)


def _notes(workload: Workload) -> Iterator[str]:
    spec = workload.spec
    if spec.bridge is not None:
        yield _way_of_serving(workload)
    elif spec.wanted_replicas > 1 and spec.service.session_affinity != "ClientIP":
        remedy = _OWN_SERVICE if spec.service.has_own_service else _NEW_SERVICE
        yield _SESSIONS.replace("{remedy}", remedy)
    yield from _amounts("spec", spec.resources)
    for field, containers in (
        ("sidecars", spec.sidecars),
        ("initContainers", spec.init_containers),
    ):
        for each in containers:
            yield from _amounts(f"spec.{field}[{each.get('name')}]", each.get("resources"))
    for each in spec.volumes:
        limit = (each.get("emptyDir") or {}).get("sizeLimit")
        if limit is not None and _is_below(limit, _MIN_VOLUME):
            path = f"spec.volumes[{each.get('name')}].emptyDir.sizeLimit"
            yield f"{path}: {limit} holds no file; {_meant(str(limit))}"


def _way_of_serving(workload: Workload) -> str:
    """Return where the bridge of a stdio server runs, why there, and what would be better."""
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
    """Yield the limits in bytes with which no container starts, though Kubernetes accepts them."""
    # A small request hinders nothing: it is what the scheduler keeps free.
    given = resources.get("limits") if isinstance(resources, Mapping) else None
    for name in _BYTES:
        value = given.get(name) if isinstance(given, Mapping) else None
        if value is not None and _is_below(value, _MIN_BYTES):
            yield (
                f"{owner}.resources.limits.{name}: {value} is less than a mebibyte; "
                f"{_meant(str(value))}"
            )


def _is_below(value: Any, least: int) -> bool:
    try:
        return 0 < parse_quantity(value) < least
    except ValueError:
        return False


def _meant(value: str) -> str:
    """Return what to write in place of *value*, which is too small to be intended."""
    match = _SMALLER_UNIT.fullmatch(value)
    return f"write {match['digits']}Mi if that is meant" if match else "write it with Mi or Gi"
