"""One operation of `spec.podTemplatePatch`, as RFC 6902 has them."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from mcpworkload.api.base import Model, Needed, Rule, refusal

Op = Literal["add", "remove", "replace", "move", "copy", "test"]

#: Operations that take what they write from elsewhere in the template.
FROM_OPS: Final = ("move", "copy")
VALUE_OPS: Final = ("add", "replace", "test")

MAX_OPERATIONS: Final = 100
# Names of containers and keys of annotations fit, whatever their length.
MAX_POINTER_LENGTH: Final = 1024
_POINTER_PATTERN = r"(/([^/~]|~[01])*)*"
_POINTER = Rule(
    message=(
        'write a JSON pointer: a slash before each step, as in "/spec/nodeSelector", with ~1 for '
        "a slash in a key and ~0 for a tilde"
    ),
    cel=f"self.matches('^{_POINTER_PATTERN}$')",
    holds=lambda pointer: bool(re.fullmatch(_POINTER_PATTERN, pointer)),
)
Pointer = Annotated[str, Field(max_length=MAX_POINTER_LENGTH), _POINTER]
_HAS_FROM_OP = f"self.op in [{', '.join(repr(op) for op in FROM_OPS)}]"


class PatchOperation(Model):
    """One operation on the pod template."""

    op: Annotated[Op, Needed("write add, remove, replace, move, copy or test")] = Field(
        description=(
            "What to do at path: add, remove, replace, move, copy, or test, which changes "
            "nothing and refuses the whole patch unless value stands there. Required."
        )
    )
    path: Annotated[
        Pointer, Needed('write a JSON pointer into the pod template, as "/spec/nodeSelector"')
    ] = Field(
        description=(
            "Where, as a JSON pointer that starts at the pod template: /spec/containers/0 is the "
            'container of the server, "-" the place after the last entry of a list; write ~1 for '
            "a slash in a key and ~0 for a tilde. Required."
        )
    )
    from_: Pointer | None = Field(
        default=None,
        alias="from",
        description="For move and copy: where to take the value from, a JSON pointer as in path.",
    )
    value: Any = Field(
        default=None,
        description=(
            "For add, replace and test: a value of any type; left out, it is null. Client-side "
            "apply loses a null that stands inside of a mapping; server-side apply keeps it."
        ),
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True, "nullable": True},
    )

    def as_json(self) -> dict[str, Any]:
        """Return the operation as a member of an RFC 6902 document."""
        operation: dict[str, Any] = {"op": self.op, "path": self.path}
        if self.op in VALUE_OPS:
            operation["value"] = self.value
        elif self.op in FROM_OPS:
            operation["from"] = self.from_
        return operation


_FROM_NEEDED = Rule(
    message="write from: move and copy take the value from there",
    cel=f"!has(self.op) || !({_HAS_FROM_OP}) || has(self.from)",
    holds=lambda operation: operation.op not in FROM_OPS or operation.from_ is not None,
    field_path=".from",
)
_FROM_REFUSED = Rule(
    message="leave from out: only move and copy take a value from elsewhere",
    cel=f"!has(self.op) || {_HAS_FROM_OP} || !has(self.from)",
    holds=lambda operation: operation.op in FROM_OPS or operation.from_ is None,
    field_path=".from",
)


def _check_value(operation: PatchOperation) -> PatchOperation:
    """
    Refuse a value where none is used.

    Not a `Rule`: the API server hides a field of unknown type from CEL.
    """
    if operation.op not in VALUE_OPS and operation.value is not None:
        raise refusal(
            "leave value out: only add, replace and test take one",
            culprit=f"{operation.op} with a value",
        )
    return operation


TemplatePatch = Annotated[
    tuple[
        Annotated[PatchOperation, _FROM_NEEDED, _FROM_REFUSED, AfterValidator(_check_value)], ...
    ],
    Field(strict=False, max_length=MAX_OPERATIONS),
]


class PatchFields(Model):
    """The part of the spec that changes the template after all other fields."""

    pod_template_patch: TemplatePatch = Field(
        default=(),
        description=(
            "Operations of a JSON patch (RFC 6902) on the pod template, for what no other field "
            "sets: applied in order, after everything else. Paths start at the template, as in "
            "/spec/nodeSelector. What pods may ask for is limited by the installation's policy."
        ),
    )
