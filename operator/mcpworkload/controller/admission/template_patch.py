"""
Apply the user's own operations to the pod template.

This module only decides whether they can be applied; `policy` decides whether the result may run.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from jsonpatch import JsonPatch, JsonPatchException
from jsonpointer import JsonPointerException

from mcpworkload.api.patch import PatchOperation
from mcpworkload.api.problems import found
from mcpworkload.api.refusals import PatchRejected
from mcpworkload.controller.admission import pointer
from mcpworkload.kube.manifest import Manifest
from mcpworkload.kube.redaction import is_secretive

# Copying doubles: thirty operations would fill the memory. etcd takes 1.5 MB.
MAX_SIZE = 1_000_000
# The deepest field of a pod template is about 15 levels down; a recursion ends at some hundreds.
MAX_DEPTH = 64


def apply_template_patch(template: Manifest, operations: Sequence[PatchOperation]) -> Manifest:
    """
    Return a copy of *template* with *operations* applied one by one.

    Values are copied: the result shares nothing with *operations*.

    Raises:
        PatchRejected: names the first operation that fails, its path and what stood there, or
            the one that leaves something that is no mapping, or is too large to be stored.
    """
    template = deepcopy(template) if operations else template
    for index, operation in enumerate(operations):
        try:
            template = _apply(template, operation)
        except _Failure as failure:
            raise PatchRejected(index, operation.op, operation.path, str(failure)) from failure
    return template


class _Failure(Exception):
    """The reason why an operation cannot be applied, as text for its author."""


def _apply(template: Manifest, operation: PatchOperation) -> Manifest:
    """Return *template* itself, changed by *operation*, or as it was if that fails."""
    _refuse_excess(operation.value, "value")
    try:
        patch = JsonPatch([operation.as_json()])
        result = patch.apply(template, in_place=True, atomic=True)
    except (JsonPatchException, JsonPointerException) as error:
        # Their own messages quote the whole document.
        raise _Failure(_explain(template, operation)) from error
    if not isinstance(result, dict):
        raise _Failure(
            f"this leaves {pointer.kind(result)}; leave a mapping with metadata and spec"
        )
    _refuse_excess(result, "the template")
    return result


def _refuse_excess(value: Any, what: str) -> None:
    """Refuse a *value* that is larger or deeper than a template can be."""
    size, level, depth = 0, [value], 0
    while level:
        depth += 1
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                size += sum(map(len, node))
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
            elif isinstance(node, str):
                size += len(node)
        size += len(level)
        if size > MAX_SIZE:
            raise _Failure(f"{what} becomes larger than can be stored; write or copy less")
        if depth > MAX_DEPTH:
            raise _Failure(f"{what} is nested more than {MAX_DEPTH} levels deep")
        level = below


def _explain(template: Manifest, operation: PatchOperation) -> str:
    """Return why *operation* cannot be applied to *template*."""
    steps = pointer.split(operation.path)
    adding = operation.op in ("add", "move", "copy")
    if operation.from_ is not None:
        source = pointer.split(operation.from_)
        if absence := pointer.describe_absence(template, source):
            return f"from: {absence}"
        if operation.op == "move" and steps[: len(source)] == source:
            return f"from: {operation.from_ or 'the template'} cannot be moved into itself"
    if absence := pointer.describe_absence(template, steps, adding=adding):
        return f"{absence}{_hint(template, steps) if adding else ''}"
    if operation.op == "test":
        return _explain_mismatch(pointer.resolve(template, steps), operation.value, steps)
    if operation.op == "move":
        return f"once {operation.from_} is taken away, there is no such place any more"
    return "it cannot be removed"


def _hint(template: Manifest, steps: Sequence[str]) -> str:
    """Return what to add first, where only the parent of the place at *steps* is missing."""
    parent = steps[:-1]
    is_missing = pointer.describe_absence(template, parent) is not None
    is_possible = pointer.describe_absence(template, parent, adding=True) is None
    return f"; add {pointer.join(parent)} first" if is_missing and is_possible else ""


def _explain_mismatch(stands: Any, tested: Any, steps: Sequence[str]) -> str:
    is_hidden = is_secretive(steps)
    here, there = (found(value, is_hidden=is_hidden) for value in (stands, tested))
    return (
        f"found {here} instead of {there}" if here != there else f"found {here} with other content"
    )
