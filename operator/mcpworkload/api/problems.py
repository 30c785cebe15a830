"""
Describe what is wrong with a spec so that its author can act on it.

Every problem reads "path: found this; write that", with the path as it is in the manifest:
`spec.transport.port`, not `spec.transport_port` and not a Python type's name.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_snake
from pydantic_core import ErrorDetails

from mcpworkload.api.base import RULE_ERROR, Needed

# A message goes into a condition: enough to act on, not the whole manifest.
_MAX_PROBLEMS = 5
_MAX_FOUND = 60

#: What to write instead, by pydantic's type of the error; braces stand for its context.
REMEDIES: Final = {
    "string_type": "write text (in quotes, if it looks like a number or like true)",
    "int_type": "write a whole number, without quotes",
    "bool_type": "write true or false, without quotes",
    "tuple_type": "write a list",
    "list_type": "write a list",
    "dict_type": "write a mapping of keys to values",
    "model_type": "write a mapping of fields to values",
    "literal_error": "write {expected}",
    "greater_than_equal": "write {ge} or more",
    "less_than_equal": "write {le} or less",
    "string_too_short": "write at least {min_length} character, or leave it out",
    "string_too_long": "write at most {max_length} characters",
    "string_pattern_mismatch": "write text that matches {pattern}",
    "too_long": "write at most {max_length} entries",
    "too_short": "write at least {min_length} entry, or leave it out",
}


def describe(error: ValidationError, model: type[BaseModel], root: str) -> str:
    """
    Return the problems in *error*, which arose when *model* was parsed at *root* ("spec").

    An empty *root* leaves the paths relative. A missing required field has the message of its
    `Needed` marker.
    """
    details = error.errors(include_url=False)
    problems = [_describe_one(detail, model, root) for detail in details[:_MAX_PROBLEMS]]
    if len(details) > _MAX_PROBLEMS:
        problems.append(f"and {len(details) - _MAX_PROBLEMS} more")
    return "; ".join(problems)


def _describe_one(detail: ErrorDetails, model: type[BaseModel], root: str) -> str:
    path, culprit = _place(root, detail)
    if detail["type"] == "missing":
        return f"{path}: missing; {_needed(model, detail['loc'])}"
    context = detail.get("ctx", {})
    return f"{path}: found {found(context.get('culprit', culprit))}; {_remedy(detail)}"


def paths(error: ValidationError, root: str) -> tuple[str, ...]:
    """Return the paths of the fields that are wrong, as `describe` shows them."""
    return tuple(_place(root, detail)[0] for detail in error.errors(include_url=False))


def _place(root: str, detail: ErrorDetails) -> tuple[str, Any]:
    """Return the path of what is wrong, and what is found there."""
    path, culprit = _path(root, detail["loc"]), detail["input"]
    # A rule about several fields names the one that is to be changed.
    for field in detail.get("ctx", {}).get("field_path", "").split(".")[1:]:
        # Models take their fields' names as well as the aliases.
        spelling = to_snake(field)
        if not isinstance(culprit, Mapping) or spelling not in culprit:
            spelling = field
        path = f"{path}.{spelling}".lstrip(".")
        culprit = culprit.get(spelling) if isinstance(culprit, Mapping) else culprit
    return path, culprit


def _remedy(detail: ErrorDetails) -> str:
    if detail["type"] == RULE_ERROR:
        return detail["msg"]
    template = REMEDIES.get(detail["type"])
    if template is None:
        return detail["msg"]
    return template.format(**detail.get("ctx", {}))


def found(value: Any, *, is_hidden: bool = False) -> str:
    """
    Return *value* as JSON, cut short; a list or a mapping as no more than its kind.

    Their content may be long, and may be a secret. With *is_hidden*, so may texts and numbers,
    which then appear as no more than their kind.
    """
    if is_hidden and isinstance(value, str | int | float) and not isinstance(value, bool):
        return "a text" if isinstance(value, str) else "a number"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _MAX_FOUND else f"{text[:_MAX_FOUND]}..."


def _path(root: str, location: Sequence[int | str]) -> str:
    path = root
    for step in location:
        path += f"[{step}]" if isinstance(step, int) or not step.isidentifier() else f".{step}"
    return path.lstrip(".")


def _needed(model: type[BaseModel], location: Sequence[int | str]) -> str:
    steps = [step for step in location if isinstance(step, str)]
    fields = {info.alias: info for info in model.model_fields.values()}
    info = fields[steps[0]]
    nested = _model_in(info.annotation)
    if len(steps) > 1 and nested:
        return _needed(nested, steps[1:])
    messages = [mark.message for mark in info.metadata if isinstance(mark, Needed)]
    return messages[0] if messages else "write it"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in a field's type, which may be optional or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
