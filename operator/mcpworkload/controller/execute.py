"""Carries out what was planned for the children of one workload, and returns what that showed."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import ChildConflict, ChildForbidden, Refusal, Rejected
from mcpworkload.controller.children import CHILD_TYPES
from mcpworkload.controller.desired import Child
from mcpworkload.controller.plan.mending import Extent
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.plan.plan import Apply, Prune, Replace, Step, describe_conflict
from mcpworkload.controller.repair import clear_the_way, let_go, take_out
from mcpworkload.controller.state import KnownRefusal, Learned, WorkloadState
from mcpworkload.controller.status import of_denial, of_reversion
from mcpworkload.controller.volume_expansion import grow_claims
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.errors import Conflict, ExplainedError, Forbidden, Refused
from mcpworkload.kube.keys import split_key
from mcpworkload.kube.objects import LiveChild, Metadata

log = logging.getLogger(__name__)

# What of a child is refused where another object has its name.
_NAME = "name"

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Executed:
    """The result of a plan; what was written before a failure stays, and is in *learned*."""

    learned: tuple[Learned, ...]
    #: In how many seconds the steps are due that were put off; None without any.
    rest: float | None = None
    #: The first failure: a Refusal, or an ApiError that is worth a retry.
    failure: ExplainedError | None = None


class Executor:
    """Carries out steps for the workload *key*, whose state before them is *state*."""

    def __init__(
        self, writer: Writer, key: str, state: WorkloadState, monotonic: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._key = key
        self._state = state
        self._monotonic = monotonic
        self._learned: list[Learned] = []

    async def execute(self, steps: Sequence[Step]) -> Executed:
        """Apply and replace what *steps* say, one stage after the other."""
        waits = [self._wait(step) for step in steps]
        due = [step for step, wait in zip(steps, waits, strict=True) if not wait]
        return await self._conclude(self._write_all(due), waits)

    async def prune(self, prunes: Sequence[Prune]) -> Executed:
        """
        Delete what *prunes* say, side by side.

        Others may create anew what the operator deletes, as stubbornly as with repairs.
        """
        now = self._monotonic()
        waits = [self._state.repair_wait(step.id, now) for step in prunes]
        due = [step for step, wait in zip(prunes, waits, strict=True) if not wait]
        return await self._conclude(self._delete_all(due), waits)

    async def _conclude(self, work: Coroutine[Any, Any, None], waits: Iterable[float]) -> Executed:
        try:
            await work
        except ExplainedError as failure:
            return Executed(tuple(self._learned), failure=failure)
        rest = min((wait for wait in waits if wait), default=None)
        return Executed(tuple(self._learned), rest)

    async def _write_all(self, due: Sequence[Step]) -> None:
        for step in due:
            self._raise_known(step.child.id, step.child.digest)
        for _, group in groupby(sorted(due, key=_stage), key=_stage):
            await _all(
                self._apply(step) if isinstance(step, Apply) else self._replace(step)
                for step in group
            )

    async def _delete_all(self, due: Sequence[Prune]) -> None:
        for step in due:
            self._raise_known(step.id, step.uid)
        await _all(self._prune(step) for step in due)

    def _wait(self, step: Step) -> float:
        """Return in how many seconds *step* is due: what others undo is done ever less often."""
        is_repair = isinstance(step, Replace) or step.fingerprint
        return self._state.repair_wait(step.child.id, self._monotonic()) if is_repair else 0.0

    async def _claim(self, step: Apply) -> Apply:
        """
        Return the apply to the live object that has the child's name, and is not in the cache.

        Where there is none, *step* itself is returned.

        Raises:
            ChildConflict: it is not the workload's.
        """
        child = step.child
        try:
            found = await self._writer.read_child(child)
        except Forbidden as error:
            raise ChildForbidden(f"the {child.id} cannot be read: {error}") from error
        if found is None:
            return step
        is_ours = found.controller is not None and found.controller.uid == self._state.uid
        if not is_ours and not _is_orphan(found, self._key):
            conflict = ChildConflict(describe_conflict(child, found))
            self._remember(child.id, _NAME, conflict, lasting=True)
            raise conflict
        is_lost = is_ours and found.labels.get(names.WORKLOAD_LABEL) != child.workload
        changed = f"metadata.labels.{names.WORKLOAD_LABEL}" if is_lost else ""
        return Apply(child, found.uid, is_ours, step.because, found.version, changed=changed)

    async def _apply(self, step: Apply) -> None:
        child = step.child
        if step.uid is None and self._state.refusal_of(child.id, _NAME, self._monotonic()):
            # The name was taken a moment ago: to look again needs no write.
            step = await self._claim(step)
        try:
            stored = await self._send(child, await self._mend(step))
        except Conflict:
            claimed = await self._claim(step) if step.uid is None else step
            if claimed is step:
                raise
            step = claimed
            stored = await self._send(child, step)
        log.info("applied %s: %s", child.id, step.because, extra={"workload": self._key})
        result = stored.metadata
        futile = step.fingerprint if result.version == step.version else ""
        news = []
        if step.changed and not futile:
            news.append(of_reversion(split_key(self._key)[1], child.id, step.changed))
        if step.forbidden and not futile:
            news.append(of_denial(child.id, step.forbidden))
        self._learned.append(
            Learned(
                child.id,
                applied=Applied(child.digest, result.uid, result.version, futile),
                stored=stored,
                repaired_at=self._monotonic() if step.fingerprint else None,
                news=tuple(news),
            )
        )

    async def _mend(self, step: Apply) -> Apply:
        """Take out of the live object what an apply does not; return the *step* that is left."""
        mended = None
        if step.is_renamed and step.uid:
            mended = await clear_the_way(self._writer, step.child, step.uid, (Extent.RENAMED,))
        if step.forbidden and step.uid:
            mended = await take_out(self._writer, step.child, step.uid, step.judge) or mended
        return replace(step, version=mended.version) if mended else step

    async def _replace(self, step: Replace) -> None:
        """
        Delete a StatefulSet without its pods; the event of its end brings the next reconcile.

        Before that, the API server has judged by dry runs the new spec, as far as the old object
        takes it, and the growth of claims.
        """
        child, wanted = step.child, step.replacement
        trial = replace(child, manifest={**child.manifest, "spec": wanted.applicable})
        await self._send(trial, step, dry_run=True)
        if wanted.sizes:
            try:
                await grow_claims(self._writer, self._key, wanted.sizes)
            except ChildForbidden as refusal:
                self._remember(child.id, child.digest, refusal)
                raise
        try:
            stored = await self._writer.orphan_child(child, uid=step.uid, version=step.version)
        except (Refused, Forbidden) as error:
            message = f"the API server refuses the replacement of the {child.id}: {error}"
            raise self._refusal(error, message, child.id, child.digest) from error
        what = f"deleted {child.id}, but not its pods"
        log.info("%s: %s", what, wanted.path, extra={"workload": self._key})
        # Until the cache shows that it is on its way out, what it shows is the past.
        applied = Applied(child.digest, stored.uid, stored.version)
        self._learned.append(Learned(child.id, applied=applied, repaired_at=self._monotonic()))

    async def _prune(self, step: Prune) -> None:
        namespace, _ = split_key(self._key)
        try:
            is_gone = await self._writer.delete_child(
                namespace, step.id, uid=step.uid, version=step.version
            )
        except (Refused, Forbidden) as error:
            message = f"the API server refuses the deletion of the {step.id}: {error}"
            raise self._refusal(error, message, step.id, step.uid) from error
        if not is_gone:
            return  # the watch brings the newer version, and the next reconcile
        log.info("deleted %s: no longer asked for", step.id, extra={"workload": self._key})
        self._learned.append(Learned(step.id, pruned=step.uid, repaired_at=self._monotonic()))

    async def _send(self, child: Child, step: Step, *, dry_run: bool = False) -> LiveChild:
        """Apply *child* to the object that *step* is for; return the result."""
        if not step.force and step.uid is not None:
            self._raise_known(child.id, _version_of(step))
        try:
            return await self._apply_by_force(child, step, dry_run=dry_run)
        except (Refused, Forbidden) as error:
            message = f"the API server refuses the {child.id}: {error}"
            raise self._refusal(error, message, child.id, child.digest) from error
        except Conflict as error:
            if step.uid is None or not error.is_about_fields:
                # There is such an object, or a newer version of it.
                raise
            conflict = ChildConflict(f"another client manages fields of the {child.id}: {error}")
            self._remember(child.id, _version_of(step), conflict, lasting=True)
            raise conflict from error

    async def _apply_by_force(self, child: Child, step: Step, *, dry_run: bool) -> LiveChild:
        """Apply *child*; where others' changes are in its way, take those out first."""
        writer, uid, version = self._writer, step.uid, step.version
        send = partial(writer.apply_child, child, uid=uid, force=step.force, dry_run=dry_run)
        is_cleared = isinstance(step, Apply) and step.is_renamed
        try:
            stored = await send(version=version)
        except Refused:
            if uid is None or not step.force:
                raise
            cleared = await clear_the_way(writer, child, uid, (Extent.BESIDE, Extent.ALL))
            if cleared is None:
                raise
            stored = await send(version=cleared.version)
            is_cleared = True
        return (await let_go(writer, child, stored) if is_cleared else None) or stored

    def _raise_known(self, child_id: ChildId, content: str) -> None:
        """Raise the refusal of that very content where it is too early to ask again."""
        if refusal := self._state.refusal_of(child_id, content, self._monotonic()):
            raise refusal

    def _refusal(
        self, error: Refused | Forbidden, message: str, child_id: ChildId, content: str
    ) -> Rejected | ChildForbidden:
        """Return the refusal to report; one that no later reconcile changes is remembered."""
        if isinstance(error, Forbidden):
            return ChildForbidden(message)
        refusal = Rejected(message)
        self._remember(child_id, content, refusal)
        return refusal

    def _remember(
        self, child_id: ChildId, content: str, refusal: Refusal, *, lasting: bool = False
    ) -> None:
        known = KnownRefusal.of(content, refusal, self._monotonic(), lasting=lasting)
        self._learned.append(Learned(child_id, refusal=known))


def _stage(step: Step) -> int:
    return CHILD_TYPES[step.child.id.kind].stage


def _is_orphan(found: Metadata, key: str) -> bool:
    """Return whether it is a child that this workload, or one of its name, has left behind."""
    name = split_key(key)[1]
    return found.controller is None and found.labels.get(names.WORKLOAD_LABEL) == name


def _version_of(step: Step) -> str:
    """Return what is applied, and to which version: who manages that does not change."""
    return f"{step.child.digest} {step.uid} {step.version}"


async def _all(parts: Iterable[Coroutine[Any, Any, ResultT]]) -> list[ResultT]:
    """
    Return all results.

    Raises:
        BaseException: the first failure, once every part has ended; further ones are logged.
    """
    results = await asyncio.gather(*parts, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures[1:]:
        log.warning("failed as well: %s", failure)
    if failures:
        # What ends the process, such as the loss of leadership, goes before what is tried again.
        raise next((each for each in failures if not isinstance(each, Exception)), failures[0])
    return [result for result in results if not isinstance(result, BaseException)]
