"""
The objects that a pod template refers to, which of them exist, and a digest of their content.

Pure. Only a digest of a value is ever kept, keyed with the UID of the object that holds it: a user
who may read the StatefulSet could guess a short secret from a plain hash.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

ReferredKind = Literal["ConfigMap", "Secret"]

# A message goes into a condition: enough to act on, not a listing.
_MAX_MISSING = 5
_DIGITS = 10


class ObjectId(NamedTuple):
    """An object of the workload's namespace that its pods read."""

    kind: ReferredKind
    name: str

    def __str__(self) -> str:
        """Return the kind, then the name, as in a sentence."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Reference:
    """One place of a pod template that reads an object."""

    object: ObjectId
    #: The one key that is read; empty for all that there are.
    key: str
    is_optional: bool
    #: Its path: in the spec where the spec asks for it, else in the pod template.
    field: str
    #: Whether pods do not start without the key, where the object is there.
    is_needed: bool = True
    #: Whether any container sees the key, so that its content matters.
    is_read: bool = True


@dataclass(frozen=True)
class Content:
    """An object as it is remembered: a digest for each of its keys."""

    uid: str
    digests: Mapping[str, bytes]


class Absence(Enum):
    """The reason why the content of a ConfigMap or Secret is not known."""

    MISSING = "missing"
    #: The operator has no right to read it; it may exist.
    UNREADABLE = "unreadable"


Found = Content | Absence


def digest_content(uid: str, values: Mapping[str, str]) -> Content:
    """Return the content of the object with that UID, its values replaced by digests."""
    return Content(uid, {key: _digest(uid, [key, value]) for key, value in values.items()})


def describe_missing(references: Iterable[Reference], found: Mapping[ObjectId, Found]) -> str:
    """Return what is needed and does not exist, each with its path; empty for nothing."""
    gaps = dict.fromkeys(
        gap
        for reference in references
        if not reference.is_optional and (gap := _gap(reference, found[reference.object]))
    )
    parts = list(gaps)[:_MAX_MISSING]
    if len(gaps) > _MAX_MISSING:
        parts.append(f"and {len(gaps) - _MAX_MISSING} more")
    return "; ".join(parts)


def _gap(reference: Reference, found: Found) -> str:
    if found is Absence.MISSING:
        return f"there is no {reference.object} ({reference.field})"
    is_needed = reference.key and reference.is_needed
    if isinstance(found, Content) and is_needed and reference.key not in found.digests:
        return f"{reference.object} has no key {reference.key} ({reference.field})"
    return ""


def digest_references(
    references: Sequence[Reference], found: Mapping[ObjectId, Found]
) -> str | None:
    """
    Return ten characters that change with the content of what *references* read; None without any.

    An optional object or key that is absent counts as absent, so that its appearance is a change;
    an object that the operator may not read does not count at all.
    """
    facts: set[tuple[str, str, str, str]] = set()
    uids: set[str] = set()
    for reference in references:
        content = found[reference.object]
        if content is Absence.UNREADABLE or not reference.is_read:
            continue
        digests = content.digests if isinstance(content, Content) else {}
        if isinstance(content, Content):
            uids.add(content.uid)
        # The empty key stands for the object as a whole, which may have no key at all.
        keys = (reference.key,) if reference.key else ("", *digests)
        facts |= {(*reference.object, key, digests.get(key, b"").hex()) for key in keys}
    if not facts:
        return None
    return _digest("/".join(sorted(uids)), sorted(facts)).hex()[:_DIGITS]


def describe_unknown(found: Mapping[ObjectId, Found]) -> tuple[str, ...]:
    """Return what the operator cannot know without the rights, and what does not work then."""
    kinds = {each.kind for each, content in found.items() if content is Absence.UNREADABLE}
    return tuple(
        f"the operator is not allowed to read {kind}s: it cannot tell whether those that are "
        "referred to exist, and changes of their content do not restart the pods"
        for kind in sorted(kinds)
    )


def _digest(key: str, content: object) -> bytes:
    return hmac.new(key.encode(), json.dumps(content).encode(), hashlib.sha256).digest()
