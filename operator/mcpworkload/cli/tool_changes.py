"""What differs between a list of tools that was saved and another one."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcpworkload.cli.codes import ExitCode, Failure

Tools = Sequence[Mapping[str, Any]]


def read_saved(path: str) -> Tools:
    """
    Return the list that `tools -o json` has written into a file, or into - for standard input.

    Raises:
        Failure: there is none.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise Failure(f"--diff: {path} cannot be read: {error}", ExitCode.USAGE) from None
    if not isinstance(found, list) or not all(map(_is_tool, found)):
        words = (
            f"--diff: {path} has no list of tools: write one with mcpworkload tools NAME -o json"
        )
        raise Failure(words, ExitCode.USAGE)
    return found


def _is_tool(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str)


def changes(before: Tools, after: Tools) -> list[str]:
    """Return a line for each tool that was added, removed or changed; none for equal lists."""
    from mcpworkload.verification.tools import compare, digest_tools

    old, new = digest_tools(before), digest_tools(after)
    change = compare(old, new)
    lines = [
        *(f"+ {name}" for name in change.added),
        *(f"- {name}" for name in change.removed),
        *(f"~ {name} ({', '.join(_members(before, after, name))})" for name in change.changed),
    ]
    if not lines and old.digest != new.digest:
        return ["~ tools of which several have the same name, or beyond the first 4096"]
    return lines


def _members(before: Tools, after: Tools, name: str) -> list[str]:
    """Return which members of the tool of that name, as far as it is kept, are not the same."""
    from mcpworkload.verification.tools import MEMBERS, NAME_CHARACTERS
    from mcpworkload.verification.words import cut

    def members_of(tools: Tools) -> dict[str, str]:
        found = [tool for tool in tools if cut(tool["name"], NAME_CHARACTERS) == name]
        tool: Mapping[str, Any] = found[-1] if found else {}
        return {key: json.dumps(tool.get(key), sort_keys=True) for key in MEMBERS}

    old, new = members_of(before), members_of(after)
    return [key for key in old if old[key] != new[key]]
