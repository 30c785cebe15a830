"""Carry out what was planned for the children of one workload."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import ChildConflict, ChildForbidden, Rejected
from mcpworkload.controller.children import CHILD_TYPES
from mcpworkload.controller.desired import Child
from mcpworkload.controller.plan.mending import Extent
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.plan.plan import Apply, Prune, Replace, Step, describe_conflict
from mcpworkload.controller.repair import clear_the_way, let_go, take_out
from mcpworkload.controller.state import DriftBackoff, WorkloadState
from mcpworkload.controller.status import of_denial, of_reversion
from mcpworkload.controller.volume_expansion import grow_claims
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.errors import Conflict, Forbidden, Refused
from mcpworkload.kube.keys import split_key
from mcpworkload.kube.objects import Metadata

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


async def execute(
    writer: Writer, key: str, steps: Sequence[Step], state: WorkloadState
) -> float | None:
    """
    Do what *steps* say, side by side; in how many seconds the rest is due, None for no rest.

    Whose all names are is known before the first of them is written to. The account that pods
    run as comes first: none can be made without it.

    Raises:
        Refusal: a name is taken, or the API server refuses a child.
        ApiError: the world's fault; what was applied before stays, and is remembered.
    """
    waits = [_wait(step, state) for step in steps]
    due = [step for step, wait in zip(steps, waits, strict=True) if not wait]
    for step in due:
        _raise_known(step.child.id, step.child.digest, state)
    applies = [step for step in due if isinstance(step, Apply)]
    replaces = [step for step in due if isinstance(step, Replace)]
    claimed = await _all(_claim(writer, key, step, state.uid) for step in applies)
    ordered: list[Step] = sorted([*claimed, *replaces], key=_stage)
    for _, group in groupby(ordered, key=_stage):
        await _all(
            _apply(writer, key, step, state)
            if isinstance(step, Apply)
            else _replace(writer, key, step, state)
            for step in group
        )
    return min((wait for wait in waits if wait), default=None)


async def prune(
    writer: Writer, key: str, prunes: Sequence[Prune], state: WorkloadState
) -> float | None:
    """
    Delete what *prunes* say, side by side; in how many seconds the rest is due, None for no rest.

    Somebody may make anew, as stubbornly as with repairs, what we delete.

    Raises:
        Refusal: the API server refuses a deletion.
        ApiError: the world's fault; what was deleted before is remembered.
    """
    waits = [_backoff(step.id, state).wait(state.monotonic()) for step in prunes]
    due = [step for step, wait in zip(prunes, waits, strict=True) if not wait]
    for step in due:
        _raise_known(step.id, step.uid, state)
    await _all(_prune(writer, key, step, state) for step in due)
    return min((wait for wait in waits if wait), default=None)


def _stage(step: Step) -> int:
    return CHILD_TYPES[step.child.id.kind].stage


def _wait(step: Step, state: WorkloadState) -> float:
    """In how many seconds *step* is due: with what somebody undoes we slow down."""
    is_repair = isinstance(step, Replace) or step.fingerprint
    return _backoff(step.child.id, state).wait(state.monotonic()) if is_repair else 0.0


async def _claim(writer: Writer, key: str, step: Apply, owner_uid: str) -> Apply:
    """*step* with the live object that it is for, which our cache may not show."""
    child = step.child
    if step.uid is not None:
        return step
    try:
        found = await writer.read_child(child)
    except Forbidden as error:
        raise ChildForbidden(f"the {child.id} cannot be read: {error}") from error
    if found is None:
        return step
    is_ours = found.controller is not None and found.controller.uid == owner_uid
    if not is_ours and not _is_orphan(found, key):
        raise ChildConflict(describe_conflict(child, found))
    is_lost = is_ours and found.labels.get(names.WORKLOAD_LABEL) != child.workload
    changed = f"metadata.labels.{names.WORKLOAD_LABEL}" if is_lost else ""
    return Apply(child, found.uid, is_ours, step.because, found.version, changed=changed)


def _is_orphan(found: Metadata, key: str) -> bool:
    """Whether it is a child that this workload, or one of its name, has left behind."""
    name = split_key(key)[1]
    return found.controller is None and found.labels.get(names.WORKLOAD_LABEL) == name


async def _apply(writer: Writer, key: str, step: Apply, state: WorkloadState) -> None:
    child = step.child
    if step.is_renamed and step.uid:
        await clear_the_way(writer, child, step.uid, (Extent.RENAMED,))
    if step.forbidden and step.uid:
        await take_out(writer, child, step.uid, step.judge)
    stored = await _send(writer, child, step, state)
    log.info("applied %s: %s", child.id, step.because, extra={"workload": key})
    if step.fingerprint:
        _backoff(child.id, state).note(state.monotonic())
    futile = step.fingerprint if stored.version == step.version else ""
    if step.changed and not futile:
        state.news.append(of_reversion(split_key(key)[1], child.id, step.changed))
    if step.forbidden and not futile:
        state.news.append(of_denial(child.id, step.forbidden))
    state.applied[child.id] = Applied(child.digest, stored.uid, stored.version, futile)


async def _send(
    writer: Writer, child: Child, step: Step, state: WorkloadState, *, dry_run: bool = False
) -> Metadata:
    """Apply *child* to the object that *step* is for; the metadata of the result."""
    if not step.force:
        _raise_known(child.id, _version_of(step), state)
    try:
        return await _apply_by_force(writer, child, step, dry_run=dry_run)
    except (Refused, Forbidden) as error:
        message = f"the API server refuses the {child.id}: {error}"
        raise _refusal(error, message, child.id, child.digest, state) from error
    except Conflict as error:
        if step.force:
            raise
        conflict = ChildConflict(f"the {child.id} is managed by somebody else: {error}")
        state.refuse(child.id, _version_of(step), conflict, lasting=True)
        raise conflict from error


async def _apply_by_force(writer: Writer, child: Child, step: Step, *, dry_run: bool) -> Metadata:
    """Apply *child*; where others' changes keep it from being applied, without those."""
    uid, force = step.uid, step.force
    is_cleared = isinstance(step, Apply) and step.is_renamed
    try:
        stored = await writer.apply_child(child, uid=uid, force=force, dry_run=dry_run)
    except Refused:
        if uid is None or not force:
            raise
        if not await clear_the_way(writer, child, uid, (Extent.BESIDE, Extent.ALL)):
            raise
        stored = await writer.apply_child(child, uid=uid, force=force, dry_run=dry_run)
        is_cleared = True
    return (await let_go(writer, child) if is_cleared else None) or stored


async def _replace(writer: Writer, key: str, step: Replace, state: WorkloadState) -> None:
    """
    Delete a StatefulSet without its pods; the event of its end brings the next reconcile.

    Before that, all that can be refused has been judged: the new spec as far as the old object
    takes it, and the growth of claims.
    """
    child, wanted = step.child, step.replacement
    trial = replace(child, manifest={**child.manifest, "spec": wanted.applicable})
    await _send(writer, trial, step, state, dry_run=True)
    if wanted.sizes:
        try:
            await grow_claims(writer, key, wanted.sizes)
        except ChildForbidden as refusal:
            state.refuse(child.id, child.digest, refusal)
            raise
    try:
        stored = await writer.orphan_child(child, uid=step.uid, version=step.version)
    except (Refused, Forbidden) as error:
        message = f"the API server refuses the replacement of the {child.id}: {error}"
        raise _refusal(error, message, child.id, child.digest, state) from error
    log.info("deleted %s, but not its pods: %s", child.id, wanted.path, extra={"workload": key})
    _backoff(child.id, state).note(state.monotonic())
    # Until the cache shows that it is on its way out, what it shows is the past.
    state.applied[child.id] = Applied(child.digest, stored.uid, stored.version)


async def _prune(writer: Writer, key: str, step: Prune, state: WorkloadState) -> None:
    namespace, _ = split_key(key)
    try:
        await writer.delete_child(namespace, step.id, step.uid)
    except (Refused, Forbidden) as error:
        message = f"the API server refuses the deletion of the {step.id}: {error}"
        raise _refusal(error, message, step.id, step.uid, state) from error
    log.info("deleted %s: no longer asked for", step.id, extra={"workload": key})
    _backoff(step.id, state).note(state.monotonic())
    state.pruned.add(step.uid)
    state.applied.pop(step.id, None)


def _version_of(step: Step) -> str:
    """What is applied, and to which version: who manages that does not change."""
    return f"{step.child.digest} {step.uid} {step.version}"


def _raise_known(child_id: ChildId, content: str, state: WorkloadState) -> None:
    """Do not ask again what the API server has just refused."""
    if refusal := state.refusal_of(child_id, content):
        raise refusal


def _refusal(
    error: Refused | Forbidden, message: str, child_id: ChildId, content: str, state: WorkloadState
) -> Rejected | ChildForbidden:
    """What to tell: that a later reconcile may help, or that none will, which is remembered."""
    if isinstance(error, Forbidden):
        return ChildForbidden(message)
    refusal = Rejected(message)
    state.refuse(child_id, content, refusal)
    return refusal


def _backoff(child_id: ChildId, state: WorkloadState) -> DriftBackoff:
    return state.repairs.setdefault(child_id, DriftBackoff())


async def _all(parts: Iterable[Coroutine[Any, Any, ResultT]]) -> list[ResultT]:
    """All results, or the first failure once every part has ended; further ones are logged."""
    results = await asyncio.gather(*parts, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures[1:]:
        log.warning("failed as well: %s", failure)
    if failures:
        raise failures[0]
    return [result for result in results if not isinstance(result, BaseException)]
