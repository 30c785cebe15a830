"""
Compares a live child with the desired one, and remembers the result instead of the content.

`compare_child` is pure. `DriftCache` keeps what it returned, by UID, resource version and digest;
the comparisons go into the workload's state, so that the content of a live object, which is
large, is decoded once and then given up.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import msgspec

from mcpworkload.api import names
from mcpworkload.api.problems import found
from mcpworkload.controller.desired import Child, Finding, describe_forbidden
from mcpworkload.controller.plan.additions import find_additions
from mcpworkload.controller.plan.drift import Change, find_changes
from mcpworkload.controller.plan.mending import is_renamed
from mcpworkload.kube.manifest import Manifest, digest_of
from mcpworkload.kube.objects import LiveChild, StatefulSet
from mcpworkload.kube.redaction import discreet, is_secretive

_STEP = re.compile("[A-Za-z]+")
_METADATA = ("labels", "annotations", "ownerReferences")

#: Finds what may not stay in a live template of pods, beside the one that is wanted.
Judge = Callable[[Manifest, Manifest], Sequence[Finding]]


def allow_all(_live: Manifest, _wanted: Manifest) -> Sequence[Finding]:
    """Find nothing: everything may stay."""
    return ()


@dataclass(frozen=True, slots=True)
class Drift:
    """The difference between a live child and the desired one; empty fields are no difference."""

    #: The path of the first field that differs.
    difference: str = ""
    #: That field as it should be and as it is, in words; nothing for one that is not there.
    values: tuple[str, str] = ("", "")
    #: Tells the live content from any other, where an apply is to mend it.
    fingerprint: str = ""
    #: The first field that this cluster has no feature for, which is no difference.
    unsupported: str = ""
    #: Whether an entry of ours stands in the live object under another key.
    is_renamed: bool = False
    #: The places of what others added, and who did.
    additions: tuple[str, ...] = ()
    #: What others added to a pod template and may not stay, in words.
    forbidden: str = ""


#: Shared by all children without one, which nearly all are.
NO_DRIFT = Drift()

#: Returns how the live child differs from the desired one.
Compare = Callable[[Child, LiveChild, Judge], Drift]


def compare_child(child: Child, live: LiveChild, judge: Judge = allow_all) -> Drift:
    """Return how *live*, which still has its content, differs from *child*."""
    desired = child.manifest
    content = {name: desired[name] for name in live.CONTENT if name in desired}
    # Of the metadata, name and namespace are settled before.
    wanted = {"metadata": {part: desired["metadata"][part] for part in _METADATA}, **content}
    there = {
        "metadata": {
            "labels": live.metadata.labels,
            "annotations": live.metadata.annotations,
            "ownerReferences": msgspec.to_builtins(live.metadata.owner_references),
        },
        **live.content(),
    }
    change, unsupported = find_changes(wanted, there)
    forbidden = _forbidden_in(live, there, content, judge)
    drift = Drift(
        difference=change.path if change else "",
        values=_values_of(change) if change else ("", ""),
        fingerprint=digest_of(there) if change or forbidden else "",
        unsupported=unsupported,
        is_renamed=change is not None and is_renamed(content, there),
        additions=find_additions(
            msgspec.json.decode(live.metadata.managed_fields or b"[]"), content
        ),
        forbidden=forbidden,
    )
    return NO_DRIFT if drift == NO_DRIFT else drift


def _forbidden_in(
    live: LiveChild, there: Mapping[str, Any], wanted: Mapping[str, Any], judge: Judge
) -> str:
    if not isinstance(live, StatefulSet):
        return ""
    template = there.get("spec", {}).get("template") or {}
    return describe_forbidden(judge(template, wanted.get("spec", {}).get("template", {})))


def _values_of(change: Change) -> tuple[str, str]:
    """Return both values of *change* as text, without what may be secret."""
    is_hidden = is_secretive(_STEP.findall(change.path))
    wanted, live = (
        "" if value is None else discreet(found(value, is_hidden=is_hidden))
        for value in (change.wanted, change.found)
    )
    return wanted, live


@dataclass(frozen=True, slots=True)
class Compared:
    """The drift of a live child at one version from the desired child with one digest."""

    version: str
    digest: str
    drift: Drift
    #: Tells the content from any other, in this process: a status makes a new version of it.
    content: int = 0


#: The drift of each live child when it was last compared, by the live child's UID.
Comparisons = Mapping[str, Compared]


def find_drift(comparisons: Comparisons, live: LiveChild) -> Drift | None:
    """Return the drift of that version of *live*; None where it was not compared."""
    known = comparisons.get(live.metadata.uid)
    if known is None or known.version != live.metadata.resource_version:
        return None
    return known.drift


def _content_of(live: LiveChild) -> int:
    """Return a number for all of *live* that is compared."""
    metadata = live.metadata
    parts = [bytes(getattr(live, field)) for field in live.CONTENT.values()]
    others = [
        (entry.get("manager"), entry.get("fieldsV1"))
        for entry in msgspec.json.decode(metadata.managed_fields or b"[]")
        if entry.get("manager") != names.FIELD_MANAGER and not entry.get("subresource")
    ]
    named = (metadata.labels, metadata.annotations, metadata.owner_references, others)
    return hash((*parts, msgspec.json.encode(named)))


class DriftCache:
    """
    The comparisons of one plan: those that are known before it, and those that it makes.

    A live object whose content was given up is never compared anew: a workload of another UID
    wants another owner, hence another digest, and applies before it compares.
    """

    __slots__ = ("_compared",)

    def __init__(self, known: Comparisons = MappingProxyType({})) -> None:
        self._compared = dict(known)

    @property
    def comparisons(self) -> Comparisons:
        """The comparisons made so far, by the live object's UID."""
        return self._compared

    def compare(self, child: Child, live: LiveChild, judge: Judge = allow_all) -> Drift:
        """Return the drift of *live* from *child*, computed once for each content and digest."""
        known = self.recall(child.digest, live)
        if known is not None:
            return known
        drift = compare_child(child, live, judge)
        version = live.metadata.resource_version
        self._compared[live.metadata.uid] = Compared(
            version, child.digest, drift, _content_of(live)
        )
        return drift

    def recall(self, digest: str, live: LiveChild) -> Drift | None:
        """Return the drift of *live* from the child with that digest; None where it is unknown."""
        known = self._compared.get(live.metadata.uid)
        if known is None or known.digest != digest:
            return None
        version = live.metadata.resource_version
        if known.version != version:
            if not live.has_content or _content_of(live) != known.content:
                return None
            known = replace(known, version=version)
            self._compared[live.metadata.uid] = known
        return known.drift

    def keep(self, uids: Iterable[str]) -> None:
        """Forget all live objects but those with *uids*."""
        for uid in self._compared.keys() - set(uids):
            del self._compared[uid]
