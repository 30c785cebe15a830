"""Headers that repeat arguments of a tool."""

from typing import Any

import pytest

from mcpworkload.bridge.param_headers import Repeated, _difference, repeated_arguments
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.headers import decoded
from mcpworkload.protocol.http.request import Request

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "deep": {
            "type": "object",
            "properties": {"count": {"type": "integer", "x-mcp-header": "Count"}},
        },
        "flag": {"type": "boolean", "x-mcp-header": "Flag"},
        "free": {"type": "string"},
    },
}
FOUND = (
    Repeated(("region",), "region", "string"),
    Repeated(("deep", "count"), "count", "integer"),
    Repeated(("flag",), "flag", "boolean"),
)


def test_annotations_are_found_along_properties() -> None:
    """And nowhere else."""
    assert repeated_arguments(SCHEMA) == FOUND
    assert repeated_arguments({"type": "object"}) == repeated_arguments(None) == ()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "number", "x-mcp-header": "A"},
        {"type": "string", "x-mcp-header": "a b"},
        {"type": "string", "x-mcp-header": ""},
        {"type": "string", "x-mcp-header": 5},
        {"type": "string", "x-mcp-header": "region"},
        {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}},
        {"anyOf": [{"type": "string", "x-mcp-header": "A"}]},
    ],
)
def test_one_bad_annotation_spoils_all(part: Any) -> None:
    """Clients drop such a tool, so there is nothing to be checked."""
    schema = {"properties": {**SCHEMA["properties"], "bad": part}}  # type: ignore[dict-item]

    assert repeated_arguments(schema) == ()


#: More than are looked at.
MANY = {f"a{n}": n for n in range(5000)}


class Anywhere:
    """A connection that nothing is written to."""

    is_chunked = is_last = True

    def write(self, *parts: bytes) -> None:
        """Nothing."""

    async def drained(self) -> None:
        """Nothing."""

    def finished(self) -> None:
        """Nothing."""

    def abort(self) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("arguments", "headers", "reason"),
    [
        ({}, {}, None),
        ({"region": "eu", "free": "x"}, {"region": "eu"}, None),
        ({"region": "é"}, {"region": "=?base64?w6k=?="}, None),
        ({"region": "eu"}, {"region": "=?base64?ZXU=?="}, None),
        ({"deep": {"count": 42}}, {"count": "42"}, None),
        ({"deep": {"count": 42.0}}, {"count": "42"}, None),
        ({"deep": {"count": 9007199254740993}}, {"count": "9007199254740993.0"}, None),
        ({"flag": True}, {"flag": "true"}, None),
        ({"region": None}, {}, None),
        ({"region": "eu"}, {"region": " eu "}, None),
        ({"region": "eu"}, {}, "is missing"),
        ({}, {"region": "eu"}, "is there"),
        ({"region": "eu"}, {"region": "us"}, "differs"),
        ({"region": "eu"}, {"region": "EU"}, "differs"),
        ({"region": "eu"}, {"region": "=?base64?ZXV=?="}, "differs"),
        ({"region": "eu"}, {"region": "=?base64?!!?="}, "differs"),
        ({"deep": {"count": 9007199254740993}}, {"count": "9007199254740992"}, "differs"),
        ({"flag": True}, {"flag": "True"}, "differs"),
        ({"region": ["eu"]}, {"region": "eu"}, "is there"),
        (None, {"region": "eu"}, "is there"),
        (MANY, {}, "more than 4096 members"),
        (MANY, {"region": "eu"}, "more than 4096 members"),
        ({"deep": MANY}, {}, "arguments.deep has more than 4096 members"),
        ({"Region": "us"}, {}, "write 'region'"),
        ({"region": "eu", "REGION": "us"}, {"region": "eu"}, "write 'region'"),
        ({"region": "eu", "region\0": "us"}, {"region": "eu"}, "write 'region'"),
        ({"deep": {"\u0063ount": 1, "Count": 2}}, {"count": "1"}, "write 'count'"),
        ({"DEEP": {"count": 2}}, {}, "write 'deep'"),
        (jsonrpc.Raw(b'{"region":"us","region":"eu"}'), {"region": "eu"}, "twice"),
        (jsonrpc.Raw(b'{"deep":{"count":2},"deep":{"count":1}}'), {"count": "1"}, "twice"),
        ({"Free": "x", "FREE": "y", "free": "z"}, {}, None),
    ],
)
def test_head_and_body_have_to_agree(
    arguments: Any, headers: dict[str, str], reason: str | None
) -> None:
    """Present together and equal, or absent together."""
    fields = [(f"mcp-param-{name}".encode(), value.encode()) for name, value in headers.items()]
    found = _difference(FOUND, jsonrpc.raw(arguments), Request(Anywhere(), "POST", b"/", fields))

    assert found == reason if reason is None else reason in str(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?base64?ZWNobw==?=", "echo"),
        ("=?base64??=", ""),
        ("=?base64?ZWNobw=?=", None),
        ("=?base64?ZWNob9==?=", None),
        ("=?base64?/w==?=", None),
        ("=?base64?ZWNobw==", "=?base64?ZWNobw=="),
    ],
)
def test_header_values_are_decoded_in_one_way_only(value: str, text: str | None) -> None:
    """Two ways to write a value would let two readers see two."""
    assert decoded(value) == text
