"""The official Python client, through a bridge, in every mode that it has."""

import asyncio
from typing import Any

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.support.bridges import DUAL, PLAIN, running

MODES = [("auto", "2026-07-28"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")]


@pytest.mark.parametrize("sessions", ["PerSession", "Shared"])
async def test_every_mode_works_with_a_server_of_both_eras(sessions: str) -> None:
    """List, call, progress, a failing call; all modes at the same time."""
    async with running(*DUAL, options=("--sessions", sessions)) as bridge:

        async def use(mode: Any, version: str) -> None:
            steps: list[float] = []

            async def note(progress: float, total: Any, message: Any) -> None:
                assert (total, message) == (3, f"number {progress:g}")
                steps.append(progress)

            async with Client(bridge.url, mode=mode) as client:
                assert client.protocol_version == version
                tools = [tool.name for tool in (await client.list_tools()).tools]
                assert tools == ["echo", "pid", "environment", "count"]
                result = await client.call_tool("count", {"upto": 3}, progress_callback=note)
                assert result.content[0].text == "3"  # type: ignore[union-attr]
                assert steps == [1, 2, 3]
                failed = await client.call_tool("echo", {})
                assert failed.is_error
                large = "é" * 500_000
                echoed = await client.call_tool("echo", {"text": large})
                assert echoed.content[0].text == large  # type: ignore[union-attr]

        await asyncio.gather(*(use(mode, version) for mode, version in MODES))


# A shared server that is silent is given half a minute before another one takes its place.
@pytest.mark.long
@pytest.mark.timeout(90)
@pytest.mark.parametrize("sessions", ["PerSession", "Shared"])
@pytest.mark.parametrize("era", ["legacy", "mute"])
async def test_every_mode_works_with_a_server_that_has_sessions(era: str, sessions: str) -> None:
    """The mode that looks for the best finds sessions; the one that insists is translated."""
    async with running(*PLAIN, era, options=("--sessions", sessions), within=60) as bridge:

        async def use(mode: Any, version: str) -> None:
            steps: list[float] = []

            async def note(progress: float, total: Any, message: Any) -> None:
                assert (total, message) == (None, None)
                steps.append(progress)

            async with Client(bridge.url, mode=mode) as client:
                assert client.protocol_version == version
                assert "echo" in [tool.name for tool in (await client.list_tools()).tools]
                result = await client.call_tool("echo", {"text": mode})
                assert result.content[0].text == mode  # type: ignore[union-attr]
                sleep = {"seconds": 0.1, "steps": 3}
                await client.call_tool("sleep", sleep, progress_callback=note)
                assert steps == [1, 2, 3]
                with pytest.raises(MCPError, match="no tool missing"):
                    await client.call_tool("missing", {})

        modes = [("auto", "2025-11-25"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")]
        for mode, version in modes:
            await use(mode, version)
        await asyncio.gather(*(use(mode, version) for mode, version in modes * 2))


async def test_a_client_that_insists_on_sessions_is_refused_where_there_are_none() -> None:
    """In words; the other modes find that era."""
    async with running(*PLAIN, "modern") as bridge:
        for mode in ("auto", "2026-07-28"):
            async with Client(bridge.url, mode=mode) as client:
                result = await client.call_tool("echo", {"text": mode})
                assert result.content[0].text == mode  # type: ignore[union-attr]
        with pytest.RaisesGroup(
            pytest.RaisesExc(MCPError, match="no sessions"), flatten_subgroups=True,
            allow_unwrapped=True,
        ):  # fmt: skip
            async with Client(bridge.url, mode="legacy"):
                pass


async def test_a_client_hears_what_is_for_it_alone() -> None:
    """Log messages of its session, in the era that has them."""
    async with running(*PLAIN, "legacy") as bridge:
        heard: dict[str, list[Any]] = {"a": [], "b": []}

        async def use(name: str) -> None:
            async def note(params: Any) -> None:
                heard[name].append(params.data)

            async with Client(bridge.url, mode="legacy", logging_callback=note) as client:
                await client.call_tool("log", {"text": name, "lines": 3})
                await asyncio.sleep(0.1)

        await asyncio.gather(use("a"), use("b"))

    assert heard == {name: [f"{name} {n}" for n in range(3)] for name in "ab"}


async def test_a_client_that_leaves_ends_its_server() -> None:
    """By DELETE, as clients do when they close."""
    async with running(*PLAIN, "legacy") as bridge:
        async with Client(streamable_http_client(bridge.url), mode="legacy") as client:
            await client.list_tools()
            during = len(bridge.children())
        async with asyncio.timeout(15):
            while bridge.children():
                await asyncio.sleep(0.02)

    assert during == 1
