"""What is there: one frozen snapshot of a workload's live children and pods."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mcpworkload.api import names
from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.api.problems import found
from mcpworkload.controller.plan.additions import find_additions
from mcpworkload.controller.plan.drift import Change, first_change, first_refused
from mcpworkload.controller.plan.mending import is_renamed
from mcpworkload.exits import Sighting
from mcpworkload.kube.manifest import Manifest, digest_of
from mcpworkload.kube.objects import FIXED_FIELDS, Child, Event, Pod, StatefulSet
from mcpworkload.kube.redaction import discreet, is_secretive

_STEP = re.compile("[A-Za-z]+")
_METADATA = ("labels", "annotations", "ownerReferences")


@dataclass(frozen=True)
class Applied:
    """What we applied last to a child, and what came of it."""

    digest: str
    uid: str
    version: int
    #: The fingerprint of the live object if the apply left it as it was; else empty.
    futile: str = ""

    def was_futile(self, digest: str, live: Child) -> bool:
        """Whether the same apply to the same live object was tried, and changed nothing."""
        return self.digest == digest and bool(self.futile) and self.futile == live.fingerprint


@dataclass(frozen=True)
class Observation:
    """The live objects of one workload, and how new each cache is."""

    #: What carries our label, by kind and name, whoever owns it.
    children: Mapping[ChildId, Child] = field(default_factory=dict)
    #: The one of them that makes the pods.
    statefulset: StatefulSet | None = None
    #: The pods of our StatefulSet, by name; not those that merely carry our label.
    pods: Mapping[str, Pod] = field(default_factory=dict)
    #: Why there may be others, or none of those: pods can't be read; empty when they can.
    unreadable: str = ""
    #: The resource version that each kind's cache has reached.
    versions: Mapping[ChildKind, int] = field(default_factory=dict)
    #: What could not be looked at, and what does not work because of it; in words.
    unknown: tuple[str, ...] = ()
    #: What was said of pods that our StatefulSet could not make, however long ago.
    refusals: Sequence[Event] = ()
    #: Every pod that carries our label, by name, whoever made it.
    labelled: Mapping[str, Pod] = field(default_factory=dict)
    #: What was seen of containers' ends and not yet accounted for, by the pod's UID.
    seen: Mapping[str, Sighting] = field(default_factory=dict)
    #: Events of pods, by UID, where they were asked for.
    told: Mapping[str, Sequence[Event]] = field(default_factory=dict)

    def is_behind(self, child_id: ChildId, applied: Applied) -> bool:
        """Whether the cache of that child's kind does not show yet what that apply did."""
        return self.versions.get(child_id.kind, 0) < applied.version

    def is_settling(self, applied: Mapping[ChildId, Applied]) -> bool:
        """Whether what we see is about to be overtaken by the effects of our last applies."""
        if any(self.is_behind(child_id, last) for child_id, last in applied.items()):
            return True
        live = self.statefulset
        if live is None:
            return any(child_id.kind == "StatefulSet" for child_id in applied)
        if live.metadata.deletion_timestamp is not None:
            # It gives up its pods one by one, and a new one takes them over.
            return True
        return live.status.observed_generation < live.metadata.generation

    def pods_of_update(self) -> list[Pod]:
        """The pods that were made from the newest template, those on their way out excluded."""
        if self.statefulset is None:
            return []
        revision = self.statefulset.status.update_revision
        return [
            pod
            for pod in self.pods.values()
            if pod.metadata.labels.get(names.REVISION_LABEL) == revision
            and pod.metadata.deletion_timestamp is None
        ]


def controlled_by(pods: Mapping[str, Pod], statefulset: StatefulSet | None) -> dict[str, Pod]:
    """The *pods* that *statefulset* made, in the order of their names."""
    if statefulset is None:
        return {}
    uid = statefulset.metadata.uid
    return {
        name: pod
        for name, pod in sorted(pods.items())
        if (owner := pod.metadata.controller) is not None and owner.uid == uid
    }


def difference_to(
    desired: Mapping[str, Any],
    digest: str,
    live: Child,
    judge: Callable[[Manifest], str] = lambda _: "",
) -> str:
    """
    The path of the first field in which *live* differs from *desired*; empty when none does.

    The answer is kept with the live object in place of its content, which is decoded this once;
    so are the first field that this cluster does not take (`refused`), which is no difference, and
    what *judge* says of the template of pods in a StatefulSet (`forbidden`), and what others have
    added (`additions`).
    """
    if live.judged_for != digest:
        content = {name: desired[name] for name in live.CONTENT if name in desired}
        # Of the metadata, name and namespace are settled before anybody asks.
        wanted = {"metadata": {part: desired["metadata"][part] for part in _METADATA}, **content}
        there = {
            "metadata": {
                "labels": live.metadata.labels,
                "annotations": live.metadata.annotations,
                "ownerReferences": msgspec.to_builtins(live.metadata.owner_references),
            },
            **live.content(),
        }
        change = first_change(wanted, there)
        live.difference = change.path if change else ""
        live.values = _values_of(change) if change else ("", "")
        if isinstance(live, StatefulSet):
            live.forbidden = judge(there.get("spec", {}).get("template") or {})
        live.fingerprint = digest_of(there) if live.difference or live.forbidden else ""
        live.is_renamed = bool(live.difference) and is_renamed(content, there)
        live.refused = first_refused(content, there)
        managed = msgspec.json.decode(live.metadata.managed_fields or b"[]")
        live.additions = find_additions(managed, content)
        live.judged_for = digest
        if isinstance(live, StatefulSet):
            fixed_fields_of(live)
        live.drop_content()
    return live.difference


def _values_of(change: Change) -> tuple[str, str]:
    """Both values of *change* in words, without what may be secret."""
    is_hidden = is_secretive(_STEP.findall(change.path))
    wanted, live = (
        "" if value is None else discreet(found(value, is_hidden=is_hidden))
        for value in (change.wanted, change.found)
    )
    return wanted, live


def fixed_fields_of(live: StatefulSet) -> dict[str, Any]:
    """
    What no update can change of the spec of *live*.

    Kept when the rest is dropped, because the next spec has to be compared with it as well.
    """
    if not live.fixed:
        spec = msgspec.json.decode(live.spec or b"{}")
        live.fixed = msgspec.json.encode({key: spec[key] for key in FIXED_FIELDS if key in spec})
    fields: dict[str, Any] = msgspec.json.decode(live.fixed)
    return fields
