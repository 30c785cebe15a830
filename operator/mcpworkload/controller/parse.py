"""
What the author of a workload asks for, as far as it can be understood.

Pure. The draft of the pod template is part of it: it names the ConfigMaps and Secrets that the
pods read, and so says what there is to observe.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mcpworkload.api.refusals import Refusal
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import (
    UNKNOWN_SURROUNDINGS,
    Check,
    Draft,
    Grants,
    Policy,
    Surroundings,
    build_check,
    build_draft,
)
from mcpworkload.controller.references import Reference
from mcpworkload.controller.status import Amounts, StatusInput
from mcpworkload.controller.store import Body


@dataclass(frozen=True, slots=True)
class Wish:
    """A workload whose spec is accepted so far."""

    #: What its pods read, and may do.
    references: tuple[Reference, ...]
    grants: Grants
    check: Check
    #: Returns the workload, and the draft of its pod template.
    draft: Callable[[], tuple[Workload, Draft]]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body of which a status can be written in any case, and children only for a wish."""

    inputs: StatusInput
    wish: Wish | Refusal

    @property
    def is_isolated(self) -> bool:
        """True if pods are to be isolated, or were, as far as is known."""
        return isinstance(self.wish, Refusal) or self.wish.grants.isolation is not None


def parse(body: Body, policy: Policy, surroundings: Surroundings = UNKNOWN_SURROUNDINGS) -> Parsed:
    """Return what *body* asks for in *surroundings*, or why that is refused under *policy*."""
    try:
        workload = Workload.parse(body)
    except Refusal as refusal:
        return Parsed(StatusInput.of_invalid(body), refusal)
    try:
        draft = build_draft(workload, policy, surroundings)
    except Refusal as refusal:
        return Parsed(StatusInput.of(workload), refusal)
    amounts = Amounts(lambda: (draft.template, workload.spec.resources))
    check = build_check(workload, policy)
    inputs = StatusInput.of(
        workload, amounts, draft.grants, check, is_gated=policy.is_gate_required
    )
    wish = Wish(draft.references, draft.grants, check, lambda: (workload, draft))
    return Parsed(inputs, wish)
