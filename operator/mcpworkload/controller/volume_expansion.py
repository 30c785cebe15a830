"""
Makes a workload's claims larger, before the StatefulSet that asks for it is applied.

Claims belong to pods, not to the operator: only their storage request is ever written, and only
to those with the workload's label and the name that a StatefulSet gives to a pod's claim.
"""

import re
from collections.abc import Mapping, Sequence

from mcpworkload.api import names
from mcpworkload.api.refusals import ChildForbidden
from mcpworkload.controller.plan.replacement import claim_path
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.errors import Forbidden, Refused
from mcpworkload.kube.keys import split_key
from mcpworkload.kube.objects import Claim
from mcpworkload.kube.quantity import parse_quantity

# In the API server's refusal of a new size where the StorageClass lacks allowVolumeExpansion.
_NO_EXPANSION = "must support resize"


async def grow_claims(writer: Writer, key: str, sizes: Mapping[str, str]) -> None:
    """
    Make the claims of the workload *key* as large as *sizes*, by the name of the claim template.

    No claim is changed before a dry run has judged all; larger ones stay.

    Raises:
        ChildForbidden: the API server does not let one grow; the message says what to do.
        ApiError: as the API server answered; claims that grew before stay so.
    """
    namespace, workload = split_key(key)
    try:
        found = await writer.read_claims(namespace, workload)
    except Forbidden as error:
        raise ChildForbidden(f"the claims of the workload cannot be read: {error}") from error
    growing = _select(found, workload, sizes)
    for dry_run in (True, False):
        for claim, template in growing:
            await _grow(writer, claim, template, sizes[template], dry_run)


def _select(
    found: Sequence[Claim], workload: str, sizes: Mapping[str, str]
) -> list[tuple[Claim, str]]:
    """Return the claims that have to grow, each with the name of its template."""
    selected = []
    for claim in found:
        template = _template_of(claim, workload)
        if template not in sizes or claim.metadata.deletion_timestamp is not None:
            continue
        if parse_quantity(claim.size) < parse_quantity(sizes[template]):
            selected.append((claim, template))
    return selected


def _template_of(claim: Claim, workload: str) -> str:
    """Return the claim template that a claim of the workload was made from; empty without."""
    if claim.metadata.labels.get(names.WORKLOAD_LABEL) != workload:
        return ""
    match = re.fullmatch(rf"(.+)-{re.escape(workload)}-\d+", claim.metadata.name)
    return match[1] if match else ""


async def _grow(writer: Writer, claim: Claim, template: str, size: str, dry_run: bool) -> None:
    try:
        await writer.grow_claim(claim, size, dry_run=dry_run)
    except (Forbidden, Refused) as error:
        storage_class = f"the StorageClass {claim.spec.storage_class_name}"
        cure = f"mend what stops it ({storage_class})"
        if _NO_EXPANSION in str(error):
            cure = f"have {storage_class} allow it (allowVolumeExpansion: true)"
        raise ChildForbidden(
            f"{claim_path(template)}: found {size}; write {claim.size} again, or {cure}: "
            f"the claim {claim.metadata.name} cannot grow: {error}"
        ) from error
