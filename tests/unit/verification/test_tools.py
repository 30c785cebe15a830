"""The digest of a list of tools, and what differs between two."""

import hashlib
import json
from typing import Any

import msgspec
import pytest

from mcpworkload.verification.finding import ToolList
from mcpworkload.verification.tools import (
    MAX_NAMES,
    ToolChange,
    compare,
    digest_tools,
    read_tools,
    unfinished,
)

ECHO = {"name": "echo", "description": "Say it", "inputSchema": {"type": "object"}}
ADD = {"name": "add", "inputSchema": {"type": "object", "properties": {"b": {}, "a": {}}}}


def digest(*tools: dict[str, Any]) -> str:
    """The digest of *tools*."""
    return digest_tools(tools).digest


def test_the_digest_is_of_canonical_json() -> None:
    """Anyone can compute it: tools by name, keys sorted, no spaces, UTF-8."""
    tools = [{**ECHO, "description": "Sag's: grüß"}, ADD]
    ordered = sorted(tools, key=lambda tool: str(tool["name"]))
    text = json.dumps(ordered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest(*tools) == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.mark.parametrize(
    "same",
    [
        (ADD, ECHO),
        (ECHO, {"inputSchema": ADD["inputSchema"], "name": "add"}),
        ({**ECHO, "title": "Echo", "icons": [], "_meta": {"x": 1}}, ADD),
        ({**ECHO, "outputSchema": None, "annotations": None}, ADD),
        (
            ECHO,
            {"name": "add", "inputSchema": {"properties": {"a": {}, "b": {}}, "type": "object"}},
        ),
    ],
    ids=["order", "members", "members that do not count", "null", "keys within"],
)
def test_what_means_the_same_has_one_digest(same: tuple[dict[str, Any], ...]) -> None:
    """Order, spelling and members for people change nothing."""
    assert digest(*same) == digest(ECHO, ADD)


@pytest.mark.parametrize(
    "other",
    [
        {**ECHO, "name": "Echo"},
        {**ECHO, "description": "Say it."},
        {**ECHO, "inputSchema": {}},
        {**ECHO, "outputSchema": {}},
        {**ECHO, "annotations": {"readOnlyHint": True}},
    ],
)
def test_each_part_counts(other: dict[str, Any]) -> None:
    """Another name, description, schema or annotation is another list."""
    assert digest(other) != digest(ECHO)


def test_a_page_and_dictionaries_have_one_digest() -> None:
    """What was read from a server equals what a client's library gives."""
    page = b' [ {"inputSchema":{"type":"object"}, "description":"Say it","name":"echo"} ]'
    assert digest_tools(read_tools(page)) == digest_tools([ECHO])


@pytest.mark.parametrize(
    "page", [b"{}", b"[1]", b"null", b'["echo"]', b"[{]", b'[{"name":"\xff"}]']
)
def test_what_is_no_page_is_refused(page: bytes) -> None:
    """Only an array of objects is one."""
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        read_tools(page)


def test_a_page_that_is_nested_too_deeply_is_refused() -> None:
    """It would end the process in another language."""
    with pytest.raises(RecursionError):
        read_tools(b'[{"inputSchema":' + b"[" * 100_000 + b"]" * 100_000 + b"}]")


def test_half_a_character_is_mended() -> None:
    """JavaScript writes half a surrogate pair as it is."""
    assert read_tools(rb'[{"name":"a\ud83d"}]')[0].name == "a\ufffd"


def test_an_unfinished_list_has_a_count_and_no_digest() -> None:
    """It equals no list that was read to its end."""
    found = unfinished(read_tools(b'[{"name":"a"},{"name":"b"}]'))
    assert (found.count, found.digest, sorted(found.tools)) == (2, "", ["a", "b"])


def test_names_are_few_and_short() -> None:
    """A server chooses them."""
    found = digest_tools([{"name": f"{number}" + "x" * 500} for number in range(MAX_NAMES + 5)])
    assert found.count == MAX_NAMES + 5
    assert len(found.tools) == MAX_NAMES
    assert {len(name) for name in found.tools} == {128}
    assert list(digest_tools([{"name": "a\x1b[2J\n"}]).tools) == ["a?[2J?"]


@pytest.mark.parametrize("name", [None, 5, ["a"], {}])
def test_a_tool_without_a_name_counts(name: object) -> None:
    """It is in count and digest, under no name."""
    found = digest_tools([{"name": name}])
    assert found.count == 1
    assert list(found.tools) == [""]


def listing(**tools: bytes) -> ToolList:
    """A list of tools with these digests."""
    return ToolList(len(tools), "", tools)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (listing(), listing(), ToolChange()),
        (listing(a=b"1"), listing(a=b"1"), ToolChange()),
        (listing(a=b"1"), listing(a=b"2"), ToolChange(changed=("a",))),
        (listing(), listing(b=b"1", a=b"1"), ToolChange(added=("a", "b"))),
        (listing(b=b"1", a=b"1"), listing(), ToolChange(removed=("a", "b"))),
        (
            listing(a=b"1", b=b"1", c=b"1"),
            listing(b=b"2", c=b"1", d=b"1"),
            ToolChange(("d",), ("a",), ("b",)),
        ),
    ],
)
def test_a_change_is_named(before: ToolList, after: ToolList, change: ToolChange) -> None:
    """By name, sorted."""
    assert compare(before, after) == change
    assert bool(change) == (before != after)
