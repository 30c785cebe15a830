"""Takes out of a live child what keeps the operator's part of it from being applied."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from mcpworkload.api import names
from mcpworkload.controller.desired import Child
from mcpworkload.controller.plan.comparison import Judge
from mcpworkload.controller.plan.mending import Extent, mended, stripped
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.errors import Conflict, Refused
from mcpworkload.kube.objects import LiveChild, Metadata

_TRIES = 5
log = logging.getLogger(__name__)


async def clear_the_way(
    writer: Writer, child: Child, uid: str, extents: Sequence[Extent]
) -> Metadata | None:
    """
    Take out of the live *child* what others put in the way; return the metadata after that.

    None is returned where nothing was written.

    The *extents* are tried one after the other until the API server takes one. An object that
    only the operator has written to is left as it is.

    Raises:
        Conflict: the object has changed meanwhile.
        ApiError: as the API server answered.
    """
    live = await writer.read_whole(child)
    if live is None or live["metadata"]["uid"] != uid or not _has_other_authors(live):
        return None
    tried: list[dict[str, Any]] = [{field: live.get(field) for field in child.content}]
    for extent in extents:
        content = mended(child.content, live, extent)
        if content in tried:
            continue
        tried.append(content)
        try:
            return await writer.put_back(child, live, content)
        except Refused as error:
            log.info("%s without %s additions: %s", child.id, extent.value, error)
    return None


async def let_go(writer: Writer, child: Child, stored: LiveChild) -> LiveChild | None:
    """
    Give up the fields of *child* that the operator holds by an update.

    Return *stored* with the version after it; None where each try met a conflict, or there is no
    such object.
    The StatefulSet controller writes its status at the same moment, so a conflict is no surprise.
    """
    for _ in range(_TRIES):
        with suppress(Conflict):
            found = await writer.disown_updates(child)
            return None if found is None else _at(stored, found.resource_version)
    return None


def _at(live: LiveChild, version: str) -> LiveChild:
    metadata = msgspec.structs.replace(live.metadata, resource_version=version)
    return msgspec.structs.replace(live, metadata=metadata)


async def take_out(writer: Writer, child: Child, uid: str, judge: Judge) -> Metadata | None:
    """
    Write the pod template of the live *child* without what *judge* finds in it.

    Return the metadata after that; None where nothing was written, as where the API server refuses
    that update.

    Raises:
        Conflict: the object has changed meanwhile.
        ApiError: as the API server answered.
    """
    live = await writer.read_whole(child)
    if live is None or live["metadata"]["uid"] != uid:
        return None
    wanted = child.content
    findings = judge(live["spec"]["template"], wanted["spec"]["template"])
    paths = [("spec", "template", *finding.path) for finding in findings]
    content = stripped(wanted, live, paths)
    if content != {field: live.get(field) for field in content}:
        with suppress(Refused):
            return await writer.put_back(child, live, content)
    return None


def _has_other_authors(live: dict[str, Any]) -> bool:
    """Return whether another manager has written to the object, subresources apart."""
    return any(
        entry.get("manager") != names.FIELD_MANAGER and not entry.get("subresource")
        for entry in live["metadata"].get("managedFields") or ()
    )
