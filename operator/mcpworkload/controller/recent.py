"""
What came of the specs that were looked at last.

A workload is looked at five to eight times while it starts or rolls out, and its spec is the same
each time. Kept is what the next look needs of it, a kilobyte, and not what it was computed with:
the template and the manifests are made anew where a child has to be written.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mcpworkload.api.names import ChildId
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import (
    Check,
    Child,
    Draft,
    Grants,
    Policy,
    Surroundings,
    build_draft,
)
from mcpworkload.controller.parse import Parsed, Wish, parse
from mcpworkload.controller.references import Reference
from mcpworkload.controller.status import Amounts, StatusInput, names_of
from mcpworkload.controller.store import Body
from mcpworkload.kube.redaction import Secrets

#: The workloads of a large burst, in two megabytes.
_MOST: Final = 2000


@dataclass(slots=True)
class _Entry:
    """What is kept of one spec."""

    uid: str
    generation: int
    surroundings: Surroundings
    #: Without the stored status, and what is made from the template.
    inputs: StatusInput
    facts: tuple[tuple[Reference, ...], Grants, Check]
    #: Of what the pods read, when the children were built last.
    content: str | None = None
    #: Of the children; None until they have been built.
    digests: Mapping[ChildId, str] | None = None


class Recent:
    """The specs that were looked at last, under one *policy*."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def parse(self, key: str, body: Body, surroundings: Surroundings) -> Parsed:
        """Return what `parse` does, without parsing a spec that is known."""
        entry = self._entries.get(key)
        metadata = body["metadata"]
        known = (metadata["uid"], metadata.get("generation", 0), surroundings)
        if entry is not None and (entry.uid, entry.generation, entry.surroundings) == known:
            self._entries.move_to_end(key)
            return _remake(entry, body, self._policy)
        parsed = parse(body, self._policy, surroundings)
        self.forget(key)
        if isinstance(parsed.wish, Wish):
            plain = replace(parsed.inputs, status={}, secrets=Secrets(), amounts=Amounts())
            wish = parsed.wish
            facts = (wish.references, wish.grants, wish.check)
            self._entries[key] = _Entry(*known, plain, facts)
            if len(self._entries) > _MOST:
                self._entries.popitem(last=False)
        return parsed

    def digests(self, key: str, content: str | None) -> Mapping[ChildId, str] | None:
        """Return the digests of the children that read that *content*; None where unknown."""
        entry = self._entries.get(key)
        return entry.digests if entry is not None and entry.content == content else None

    def keep(self, key: str, content: str | None, children: Sequence[Child]) -> None:
        """Note the *children* that were built of the spec that was parsed last."""
        if (entry := self._entries.get(key)) is not None:
            entry.content = content
            entry.digests = {child.id: child.digest for child in children}

    def forget(self, key: str) -> None:
        """Drop what is kept of a workload that is deleted."""
        self._entries.pop(key, None)


def _remake(entry: _Entry, body: Body, policy: Policy) -> Parsed:
    """Return what was parsed, for a *body* with the same spec; the draft is made where needed."""
    made: list[tuple[Workload, Draft]] = []

    def draft() -> tuple[Workload, Draft]:
        if not made:
            workload = Workload.parse(body)
            made.append((workload, build_draft(workload, policy, entry.surroundings)))
        return made[0]

    def amounts() -> tuple[dict[str, object], Mapping[str, object]]:
        workload, drafted = draft()
        return drafted.template, workload.spec.resources

    metadata = body["metadata"]
    inputs = replace(
        entry.inputs,
        status=body.get("status") or {},
        secrets=Secrets(lambda: body["spec"], names_of(metadata["namespace"], metadata["name"])),
        amounts=Amounts(amounts),
    )
    return Parsed(inputs, Wish(*entry.facts, draft))
