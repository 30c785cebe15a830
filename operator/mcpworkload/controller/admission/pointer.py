"""JSON pointers (RFC 6901): their steps, and which of them do not exist in a document."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from mcpworkload.api.problems import found
from mcpworkload.kube.redaction import is_secretive

#: The step that names the place after a list's last entry.
END = "-"
_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_MAX_KEYS = 8
_MAX_KEY = 40


def split(pointer: str) -> tuple[str, ...]:
    """Return the steps of *pointer*, unescaped; none for the whole document."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def join(steps: Iterable[str]) -> str:
    """Return the pointer made of *steps*; that of the whole document is empty."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def describe_absence(document: Any, steps: Sequence[str], *, adding: bool = False) -> str | None:
    """
    Return where the path *steps* ends in *document*, and what is there; None if it exists.

    With *adding* the last step need not exist, only be possible.
    """
    node = document
    for number, step in enumerate(steps):
        may_be_new = adding and number == len(steps) - 1
        here, there = join(steps[:number]) or "the template", join(steps[: number + 1])
        if isinstance(node, dict):
            if step not in node:
                return None if may_be_new else f"there is no {there}; {_describe(node, here)}"
            node = node[step]
        elif isinstance(node, list):
            if step == END:
                return None if may_be_new else f"{there} is the place after the last entry"
            if not _INDEX.fullmatch(step):
                return f"{_describe(node, here)}, which are numbered from 0"
            if int(step) >= len(node) + may_be_new:
                return f"there is no {there}; {_describe(node, here)}"
            if may_be_new:
                return None
            node = node[int(step)]
        else:
            what = found(node, is_hidden=True) if is_secretive(steps) else kind(node)
            return f"there is no {there}; {here} is {what}"
    return None


def resolve(document: Any, steps: Iterable[str]) -> Any:
    """Return the value at *steps*, which must exist."""
    node = document
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    return node


def _describe(node: dict[str, Any] | list[Any], here: str) -> str:
    if isinstance(node, list):
        return f"{here} has {len(node)} {'entry' if len(node) == 1 else 'entries'}"
    if not node:
        return f"{here} is empty"
    keys = [str(key)[:_MAX_KEY] for key in list(node)[:_MAX_KEYS]]
    more = f" and {len(node) - _MAX_KEYS} more" if len(node) > _MAX_KEYS else ""
    return f"{here} has {', '.join(keys)}{more}"


def kind(node: Any) -> str:
    """Return the kind of *node* in words; a text is not quoted, because it may be a secret."""
    return "a text" if isinstance(node, str) else found(node)
