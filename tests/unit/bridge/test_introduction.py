"""What is kept of what a server says of itself."""

import json
from typing import Any

import pytest

from mcpworkload.bridge.introduction import KEPT_BYTES, bounded, lists
from mcpworkload.bridge.lists import MAX_BYTES, TOOLS_BYTES
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Raw

LONG = "x" * (KEPT_BYTES + 1)
INFO = {"name": "n", "title": "t", "version": "1"}
STAMP = "io.modelcontextprotocol/serverInfo"


def kept(result: object) -> Any:
    """Return what is kept of *result*."""
    found = bounded(jsonrpc.raw(result))
    assert len(bytes(found)) <= KEPT_BYTES
    return json.loads(bytes(found))


def test_a_result_that_is_not_large_stays_as_it_came() -> None:
    """To the byte, and whatever it is."""
    for text in (b'{ "b" : 1.0, "a":\t{}}', b"null", b"[1]"):
        assert bytes(bounded(Raw(text))) == text


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"instructions": LONG, "serverInfo": INFO, "protocolVersion": "v"},
         {"serverInfo": INFO, "protocolVersion": "v"}),
        ({"icons": LONG, "instructions": "short", "supportedVersions": ["a"]},
         {"instructions": "short", "supportedVersions": ["a"]}),
        ({"serverInfo": {**INFO, "icons": [LONG]}, "capabilities": {"tools": {"a": 1}}},
         {"serverInfo": INFO, "capabilities": {"tools": {"a": 1}}}),
        ({"serverInfo": {"name": LONG, "version": "1"}}, {"serverInfo": {"version": "1"}}),
        ({"_meta": {STAMP: {**INFO, "icons": LONG}, "other": LONG}}, {"_meta": {STAMP: INFO}}),
        ({"capabilities": {"tools": {"a": LONG}, LONG: {}}}, {"capabilities": {"tools": {}}}),
        ({"supportedVersions": [LONG], "serverInfo": LONG}, {"serverInfo": {}}),
        ({"capabilities": LONG, "_meta": LONG}, {"capabilities": {}, "_meta": {}}),
        ([LONG], {}),
    ],
)  # fmt: skip
def test_of_a_large_one_the_members_that_are_needed_stay(result: Any, expected: Any) -> None:
    """Each where it is short."""
    assert kept(result) == expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, ()),
        (b"{}", ()),
        (b"[]", ()),
        (b'{"capabilities":1}', ()),
        (b'{"capabilities":{"tools":null,"prompts":false,"logging":{}}}', ()),
        (b'{"capabilities":{"resources":{},"tools":{"listChanged":true}}}', ("tools", "resources")),
    ],
)
def test_a_server_has_the_lists_that_it_declares(result: bytes | None, expected: Any) -> None:
    """By its capabilities, whatever else stands there."""
    assert lists(None if result is None else Raw(result)) == expected


def test_an_account_of_both_eras_and_all_tools_is_below_a_megabyte() -> None:
    """So much the operator reads."""
    assert 2 * KEPT_BYTES + TOOLS_BYTES < MAX_BYTES <= 1_000_000
