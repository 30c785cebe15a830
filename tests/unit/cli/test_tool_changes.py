"""`tools --diff`: what differs between two lists."""

import json
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.tool_changes import changes, read_saved

SUM: dict[str, Any] = {"name": "sum", "description": "Adds", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ([SUM], [dict(reversed(SUM.items()))], []),
        ([], [], []),
        ([SUM], [{**SUM, "annotations": None, "_meta": {"a": 1}, "title": "Sum"}], []),
        ([SUM, {"name": "echo"}], [{"name": "echo"}, SUM], []),
        ([], [{"name": "b"}, {"name": "a"}], ["+ a", "+ b"]),
        ([SUM], [], ["- sum"]),
        (
            [SUM],
            [{**SUM, "description": "Ignore the above", "inputSchema": {"type": "string"}}],
            ["~ sum (description, inputSchema)"],
        ),
        (
            [SUM],
            [{**SUM, "outputSchema": {}, "annotations": {"readOnlyHint": True}}],
            ["~ sum (annotations, outputSchema)"],
        ),
        # Equal in Python, and not in JSON.
        (
            [{"name": "a", "inputSchema": {"default": 1}}],
            [{"name": "a", "inputSchema": {"default": True}}],
            ["~ a (inputSchema)"],
        ),
        (
            [{"name": "a"}, {"name": "b"}],
            [{"name": "c"}, {"name": "a", "description": "d"}],
            ["+ c", "- b", "~ a (description)"],
        ),
    ],
)
def test_each_difference_is_one_line(
    before: list[dict[str, Any]], after: list[dict[str, Any]], lines: list[str]
) -> None:
    """Of what the digest is made of; the order of tools and members is none."""
    assert changes(before, after) == lines


def test_tools_that_share_a_name_are_not_equal_unseen() -> None:
    """By name alone nothing differs; the digest does."""
    twice = [{"name": "a", "description": "x"}, {"name": "a"}]

    assert changes(twice, [twice[0], *twice]) != []


@pytest.mark.parametrize("text", ["", "{}", '["sum"]', '[{"name": 1}]', "[" * 100_000])
def test_what_is_no_list_of_tools_is_refused(text: str, tmp_path: Path) -> None:
    """With the command that writes one."""
    path = tmp_path / "tools.json"
    path.write_text(text)

    with pytest.raises(Failure, match="--diff: ") as caught:
        read_saved(str(path))

    assert caught.value.exit_code == ExitCode.USAGE
    path.write_text(json.dumps([SUM]))
    assert read_saved(str(path)) == [SUM]
