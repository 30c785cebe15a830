"""
Which requests would make the live children what they should be.

No field is compared here: the digest tells whether our wishes changed, `Drift` whether
somebody changed the live object, `find_replacement` whether an update can do what is wanted,
and server-side apply finds the rest.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from mcpworkload.api import names
from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.api.refusals import ChildConflict
from mcpworkload.controller.children import CHILD_TYPES, Pruning
from mcpworkload.controller.desired import Child
from mcpworkload.controller.plan.comparison import Compare, Drift, Judge, allow_all, compare_child
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.plan.replacement import Replacement, find_replacement
from mcpworkload.kube.objects import LiveChild, Metadata, StatefulSet


@dataclass(frozen=True)
class Apply:
    """One server-side apply."""

    child: Child
    #: The live object's UID; None when there is none as far as we know.
    uid: str | None
    #: Whether to take fields from other managers: only on an object that is ours.
    force: bool
    because: str
    #: When it is to mend a difference: the live object's version and fingerprint.
    version: int = 0
    fingerprint: str = ""
    #: And the path of the field that somebody else changed.
    changed: str = ""
    #: Whether what somebody made of an entry of ours has to go first.
    is_renamed: bool = False
    #: What others added and may not stay, in words, and what finds it in a template.
    forbidden: str = ""
    judge: Judge = allow_all

    @property
    def kind(self) -> ChildKind:
        """The kind of the child."""
        return self.child.id.kind


@dataclass(frozen=True)
class Replace:
    """The deletion of a StatefulSet, but not of its pods: they wait for the next one."""

    child: Child
    uid: str
    #: The version that was looked at: no other is deleted.
    version: int
    #: As an apply would do.
    force: bool
    replacement: Replacement


Step = Apply | Replace


@dataclass(frozen=True)
class Prune:
    """The deletion of a child that is ours and no longer asked for."""

    id: ChildId
    uid: str


def plan(
    owner_uid: str,
    children: Sequence[Child],
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    judge: Judge = allow_all,
    compare: Compare = compare_child,
) -> tuple[Step, ...]:
    """
    The steps that are needed, none when the live children are as they should be.

    *judge* finds what may not stay of what others added to the pods' template; *compare* finds the
    drift of a child that was applied as it should be, and may remember it.

    Raises:
        ChildConflict: a child's name is taken by an object of somebody else.
        InvalidSpec: a claim would have to shrink.
    """
    steps = (
        _plan_child(owner_uid, child, observation, applied.get(child.id), judge, compare)
        for child in children
    )
    return tuple(step for step in steps if step is not None)


def _plan_child(
    owner_uid: str,
    child: Child,
    observation: Observation,
    last: Applied | None,
    judge: Judge,
    compare: Compare,
) -> Step | None:
    live = observation.children.get(child.id)
    if last is not None and observation.is_behind(child.id, last):
        # Our own write has not come back by the watch yet; what the cache shows is the past.
        if last.digest == child.digest or _is_to_be_seen(child, live, last):
            return None
        return _feasible(Apply(child, last.uid, force=True, because="the workload changed"), live)
    if live is None:
        return Apply(child, None, force=False, because="it does not exist")
    metadata = live.metadata
    if not is_ours_or_nobodys(metadata, owner_uid):
        raise ChildConflict(describe_conflict(child, metadata))
    if metadata.deletion_timestamp is not None:
        return None  # its disappearance is an event, and brings us back
    if metadata.controller is None:
        return _feasible(_adoption(child, metadata, owner_uid), live)
    if not child.is_applied_to(metadata.annotations):
        return _feasible(Apply(child, metadata.uid, True, "the workload changed"), live)
    drift = compare(child, live, judge)
    if not (drift.difference or drift.forbidden) or (last and last.was_futile(child.digest, drift)):
        return None
    return _feasible(_repair(child, metadata, drift, judge), live)


def _repair(child: Child, metadata: Metadata, drift: Drift, judge: Judge) -> Apply:
    """Return what undoes *drift* of the live object with that *metadata*."""
    return Apply(
        child,
        metadata.uid,
        force=True,
        because=f"{drift.difference or 'what is not allowed'} was changed by somebody else",
        version=metadata.version,
        fingerprint=drift.fingerprint,
        changed=drift.difference,
        is_renamed=drift.is_renamed,
        forbidden=drift.forbidden,
        judge=judge,
    )


def _adoption(child: Child, metadata: Metadata, owner_uid: str) -> Apply:
    """What makes *child* ours again; by force where it still names us, if not as its controller."""
    is_ours = any(reference.uid == owner_uid for reference in metadata.owner_references)
    changed = f"metadata.ownerReferences[{owner_uid}].controller" if is_ours else ""
    because = f"{changed} was changed by somebody else" if is_ours else "it has lost its owner"
    return Apply(child, metadata.uid, is_ours, because, metadata.version, changed=changed)


def _feasible(step: Apply, live: LiveChild | None) -> Step | None:
    """*step*, or the replacement of *live* where no apply can do it; None where that is early."""
    if not isinstance(live, StatefulSet):
        return step
    wanted, fixed = step.child.manifest["spec"], live.fixed_fields()
    replacement = find_replacement(live.metadata.name, wanted, fixed)
    if replacement is None:
        return step
    metadata = live.metadata
    if live.status.observed_generation < metadata.generation:
        # It may be adopting pods just now: the garbage collector, which releases what it knows
        # of, would take those along (tried). What its controller says then brings us back.
        return None
    return Replace(step.child, metadata.uid, metadata.version, step.force, replacement)


def _is_to_be_seen(child: Child, live: LiveChild | None, last: Applied) -> bool:
    """Whether the object that we made must be seen first: an update may not be what it needs."""
    is_seen = live is not None and live.metadata.uid == last.uid
    return child.id.kind == "StatefulSet" and not is_seen


def plan_prunes(
    owner_uid: str,
    children: Sequence[Child],
    observation: Observation,
    pruned: Container[str],
    applied: Mapping[ChildId, Applied],
) -> tuple[Prune, ...]:
    """
    The deletions of children that are no longer desired, those in *pruned* (UIDs) apart.

    Only what carries our label and names the workload as its controller is ever deleted, and
    only of kinds that hold nothing: a StatefulSet stands for pods and volumes. The account that
    pods run as stays as long as they do.
    """
    desired = {child.id for child in children}
    due = {Pruning.AT_ONCE}
    if not _has_older_pods(observation, applied):
        due.add(Pruning.AFTER_PODS)
    return tuple(
        Prune(child_id, live.metadata.uid)
        for child_id, live in observation.children.items()
        if child_id not in desired
        and CHILD_TYPES[child_id.kind].pruning in due
        and (owner := live.metadata.controller) is not None
        and owner.uid == owner_uid
        and live.metadata.deletion_timestamp is None
        and live.metadata.uid not in pruned
    )


def _has_older_pods(observation: Observation, applied: Mapping[ChildId, Applied]) -> bool:
    """Whether there are pods of another template than the newest, as far as we can know."""
    if observation.unreadable or observation.is_settling(applied):
        return True
    return len(observation.pods_of_update()) < len(observation.pods)


def is_ours_or_nobodys(metadata: Metadata, owner_uid: str) -> bool:
    """Whether an object that carries our label may be applied to by the owner with that UID."""
    return metadata.controller is None or metadata.controller.uid == owner_uid


def describe_conflict(child: Child, metadata: Metadata) -> str:
    """Who has the name that *child* needs, and what can be done."""
    owner = metadata.controller
    if owner and (owner.kind, owner.name) == (names.KIND, child.workload):
        # Deleted and made anew: the garbage collector is not done with the first one's children.
        return f"the {child.id} of an earlier MCPWorkload is still there"
    holder = f"belongs to {owner.kind} {owner.name}" if owner else "belongs to no MCPWorkload"
    return (
        f"the {child.id} exists and {holder}: it was left alone; "
        "delete or rename it, or give this MCPWorkload another name"
    )
