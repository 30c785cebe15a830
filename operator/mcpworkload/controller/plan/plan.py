"""
Find the requests that would turn the live children into the desired ones.

No field is compared here: the digest shows whether the desired child changed, `Drift` whether
another client changed the live object, `find_replacement` whether an update can do it, and
server-side apply finds the rest.
"""

from collections.abc import Callable, Container, Mapping, Sequence
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
    #: The live object's UID; None when none is known: the apply then creates, or fails.
    uid: str | None
    #: Whether to take fields from other managers: only on an object that the workload owns.
    force: bool
    because: str
    #: The live object's version: no other is changed.
    version: int = 0
    #: When it is to mend a difference: the live object's fingerprint.
    fingerprint: str = ""
    #: And the path of the field that another client changed.
    changed: str = ""
    #: Whether another client's copy of an entry under another key has to go first.
    is_renamed: bool = False
    #: What other clients added and may not stay, as text, and what finds it in a template.
    forbidden: str = ""
    judge: Judge = allow_all

    @property
    def kind(self) -> ChildKind:
        """The kind of the child."""
        return self.child.id.kind


@dataclass(frozen=True)
class Replace:
    """The deletion of a StatefulSet without its pods: the next StatefulSet adopts them."""

    child: Child
    uid: str
    #: The version that was compared: no other is deleted.
    version: int
    #: As an apply would do.
    force: bool
    replacement: Replacement


Step = Apply | Replace


@dataclass(frozen=True)
class Prune:
    """The deletion of a child that the workload owns and no longer asks for."""

    id: ChildId
    uid: str
    #: The version in which it is not asked for: a newer one is another leader's, or in use.
    version: int = 0


def plan(
    owner_uid: str,
    children: Sequence[Child],
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    judge: Judge = allow_all,
    compare: Compare = compare_child,
) -> tuple[Step, ...]:
    """
    Return the steps that are needed, none when the live children are as they should be.

    *judge* finds what other clients added to the pod template and may not stay; *compare* finds the
    drift of a child that was applied as it should be, and may remember it.

    Raises:
        ChildConflict: the name of a child belongs to an object of another owner.
        InvalidSpec: a claim would have to shrink.
    """
    steps = (
        _plan_child(owner_uid, child, observation, applied.get(child.id), judge, compare)
        for child in children
    )
    return tuple(step for step in steps if step is not None)


def is_done(
    owner_uid: str,
    digests: Mapping[ChildId, str],
    observation: Observation,
    applied: Mapping[ChildId, Applied],
    recall: Callable[[str, LiveChild], Drift | None],
) -> bool:
    """
    Return whether it is known that `plan` has no step for children with those *digests*.

    *recall* returns the drift of a live child from the one with a digest, None where it is unknown.
    """
    return all(
        _is_done(owner_uid, digest, child_id, observation, applied.get(child_id), recall)
        for child_id, digest in digests.items()
    )


def _is_done(
    owner_uid: str,
    digest: str,
    child_id: ChildId,
    observation: Observation,
    last: Applied | None,
    recall: Callable[[str, LiveChild], Drift | None],
) -> bool:
    if last is not None and observation.is_behind(child_id, last):
        return True
    live = observation.children.get(child_id)
    if live is None or live.metadata.annotations.get(names.HASH_ANNOTATION) != digest:
        return False
    owner = live.metadata.controller
    if owner is None or owner.uid != owner_uid or live.metadata.deletion_timestamp is not None:
        return False
    drift = recall(digest, live)
    return drift is not None and not (drift.difference or drift.forbidden)


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
        # Our own write has not come back by the watch yet; what the cache shows is the past, and
        # its next event requeues the workload.
        return None
    if live is None:
        return Apply(child, None, force=False, because="it does not exist")
    metadata = live.metadata
    if not has_no_other_controller(metadata, owner_uid):
        raise ChildConflict(describe_conflict(child, metadata))
    if metadata.deletion_timestamp is not None:
        return None  # its disappearance is an event, which requeues the workload
    if metadata.controller is None:
        return _feasible(_adoption(child, metadata, owner_uid), live)
    if not child.is_applied_to(metadata.annotations):
        because = "the workload changed"
        return _feasible(Apply(child, metadata.uid, True, because, metadata.version), live)
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
        because=f"another client {_deed(drift)}",
        version=metadata.version,
        fingerprint=drift.fingerprint,
        changed=drift.difference,
        is_renamed=drift.is_renamed,
        forbidden=drift.forbidden,
        judge=judge,
    )


def _deed(drift: Drift) -> str:
    if drift.difference:
        return f"changed {drift.difference}"
    return "added what the installation's policy forbids"


def _adoption(child: Child, metadata: Metadata, owner_uid: str) -> Apply:
    """Return the apply that makes the workload the controller of *child* again."""
    is_ours = any(reference.uid == owner_uid for reference in metadata.owner_references)
    changed = f"metadata.ownerReferences[{owner_uid}].controller" if is_ours else ""
    because = f"another client changed {changed}" if is_ours else "it has lost its owner"
    return Apply(child, metadata.uid, is_ours, because, metadata.version, changed=changed)


def _feasible(step: Apply, live: LiveChild | None) -> Step | None:
    """Return *step*, the replacement of *live* if no apply can do it, or None if too early."""
    if not isinstance(live, StatefulSet):
        return step
    wanted, fixed = step.child.manifest["spec"], live.fixed_fields()
    replacement = find_replacement(live.metadata.name, wanted, fixed)
    if replacement is None:
        return step
    metadata = live.metadata
    if live.status.observed_generation < metadata.generation:
        # It may be adopting pods just now: the garbage collector, which releases what it knows
        # of, would delete those as well (tried). Its controller's next status requeues the key.
        return None
    return Replace(step.child, metadata.uid, metadata.version, step.force, replacement)


def plan_prunes(
    owner_uid: str,
    desired: Container[ChildId],
    observation: Observation,
    pruned: Container[str],
    applied: Mapping[ChildId, Applied],
) -> tuple[Prune, ...]:
    """
    Return the deletions of children that are not *desired* any more, but for those in *pruned*.

    The operator only deletes what carries its label and names the workload as its controller, and
    only kinds that hold nothing: a StatefulSet stands for pods and volumes. What the pods need
    while they run, such as their ServiceAccount, stays as long as they do. *pruned* are UIDs.
    """
    due = {Pruning.AT_ONCE}
    if not _has_older_pods(observation, applied):
        due.add(Pruning.AFTER_PODS)
    return tuple(
        Prune(child_id, live.metadata.uid, live.metadata.version)
        for child_id, live in observation.children.items()
        if child_id not in desired
        and _pruning_of(child_id) in due
        and (owner := live.metadata.controller) is not None
        and owner.uid == owner_uid
        and live.metadata.deletion_timestamp is None
        and live.metadata.uid not in pruned
    )


def _pruning_of(child_id: ChildId) -> Pruning:
    # The Service of an egress proxy goes when the proxy does.
    is_of_proxy = child_id.name.endswith(names.EGRESS_SUFFIX)
    return Pruning.AFTER_PODS if is_of_proxy else CHILD_TYPES[child_id.kind].pruning


def _has_older_pods(observation: Observation, applied: Mapping[ChildId, Applied]) -> bool:
    """Return whether there are, or may be, pods of another template than the newest."""
    if observation.unreadable or observation.is_settling(applied):
        return True
    return len(observation.pods_of_update()) < len(observation.pods)


def has_no_other_controller(metadata: Metadata, owner_uid: str) -> bool:
    """Return whether the owner with that UID may apply to an object that carries our label."""
    return metadata.controller is None or metadata.controller.uid == owner_uid


def describe_conflict(child: Child, metadata: Metadata) -> str:
    """Return who has the name that *child* needs, and what can be done."""
    owner = metadata.controller
    if owner and (owner.kind, owner.name) == (names.KIND, child.workload):
        # Deleted and made anew: the garbage collector is not done with the first one's children.
        return f"the {child.id} of an earlier MCPWorkload is still to be garbage-collected"
    holder = f"belongs to {owner.kind} {owner.name}" if owner else "belongs to no MCPWorkload"
    return (
        f"the {child.id} exists and {holder}: the operator left it alone; "
        "delete or rename it, or give this MCPWorkload another name"
    )
