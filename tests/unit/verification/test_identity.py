"""What is taken from a server's own words, and how much of it."""

from typing import Any

import pytest

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.verification.finding import Server
from mcpworkload.verification.identity import SERVER_KEY, legacy_server, modern_server


def message(**members: Any) -> Message:
    """The members of a result."""
    return {name: jsonrpc.raw(what) for name, what in members.items()}


def test_a_modern_server_names_itself_in_its_metadata() -> None:
    """The versions that it speaks are in the result."""
    result = message(
        supportedVersions=["2026-07-28", "2025-11-25"],
        capabilities={"tools": {"listChanged": True}, "prompts": {}, "logging": None},
        instructions="Be kind",
        _meta={SERVER_KEY: {"name": "weather", "title": "Weather", "version": "1.2"}},
    )
    assert modern_server(result) == Server(
        era="modern",
        protocol_version="2026-07-28",
        supported_versions=("2025-11-25", "2026-07-28"),
        name="weather",
        title="Weather",
        version="1.2",
        instructions_length=7,
        capabilities=("prompts", "tools"),
    )


def test_a_legacy_server_names_itself_in_its_result() -> None:
    """The version is the one that it chose."""
    result = message(
        protocolVersion="2025-06-18", capabilities={"tools": {}}, serverInfo={"name": "weather"}
    )
    assert legacy_server(result) == Server(
        era="legacy", protocol_version="2025-06-18", name="weather", capabilities=("tools",)
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"name": "n" * 500}, "n" * 128),
        ({"name": "a\nb\x1b[31m\u202e\0"}, "a?b?[31m??"),
        ({"name": "héllo wörld"}, "héllo wörld"),
        ({"name": 7}, ""),
        ({"name": None}, ""),
        ({}, ""),
        ([], ""),
        ("weather", ""),
    ],
)
def test_a_name_is_short_and_printable(said: object, kept: str) -> None:
    """Whatever the server sends."""
    assert legacy_server(message(serverInfo=said)).name == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "1999-01-01"),
        ("2025-11-25\n", ""),
        ("\u0662025-11-25", ""),
        ("1.0", ""),
        (20251125, ""),
        ("2025-11-25" * 100, ""),
    ],
)
def test_a_protocol_version_has_the_shape_of_a_date(said: object, kept: str) -> None:
    """It goes into a header of ours."""
    assert legacy_server(message(protocolVersion=said)).protocol_version == kept


def test_everything_is_bounded() -> None:
    """A server cannot make a status large."""
    found = modern_server(
        message(
            supportedVersions=[f"{2000 + number}-01-01{'x' * 90}" for number in range(90)],
            capabilities={f"{number:03}{'c' * 900}": {} for number in range(90)},
            instructions="i" * 900_000,
            serverInfo={"name": "n" * 9000, "title": "t" * 9000, "version": "v" * 9000},
        )
    )
    assert (len(found.name), len(found.title), len(found.version)) == (128, 128, 64)
    assert {len(each) for each in found.capabilities} == {64}
    assert {len(each) for each in found.supported_versions} == {32}
    assert (len(found.capabilities), len(found.supported_versions)) == (16, 16)
    assert found.instructions_length == 900_000


@pytest.mark.parametrize("wrong", [None, 7, "x", [1, {}, None], {"a": 1}, [[[[]]]]])
def test_wrong_types_are_left_out(wrong: object) -> None:
    """Nothing is raised, and nothing of it is kept."""
    names = ("capabilities", "serverInfo", "supportedVersions", "_meta")
    result = message(**dict.fromkeys(names, wrong))
    assert modern_server(result) == Server(era="modern")
    assert legacy_server(result) == Server(era="legacy")
