"""The official TypeScript clients, through a bridge, in every mode that they have."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.perf.bridge.installed import node, npm_folder
from tests.support.bridges import PLAIN as SERVER
from tests.support.bridges import Bridge, running

SCRIPT = Path(__file__).with_name("client.mjs")


async def clients(bridge: Bridge) -> Any:
    """Return what each of them got."""
    process = await asyncio.create_subprocess_exec(
        str(node()), str(SCRIPT), bridge.url, str(npm_folder()), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return json.loads(output)


@pytest.mark.timeout(120)  # the first run installs them
@pytest.mark.parametrize("sessions", ["PerSession", "Shared"])
async def test_every_mode_finds_its_era(sessions: str) -> None:
    """Where the server speaks both, each gets its own; where not, all that can fall back do."""
    npm_folder()
    options = ("--sessions", sessions)
    async with running(*SERVER, "dual", options=options) as bridge:
        both = await clients(bridge)
    async with running(*SERVER, "legacy", options=options) as bridge:
        old = await clients(bridge)

    assert both == {
        "1.x": ["2025-11-25", "1.x"],
        "legacy": ["2025-11-25", "legacy"],
        "auto": ["2026-07-28", "auto"],
        "pinned": ["2026-07-28", "pinned"],
    }
    assert old.pop("pinned")[0] == "error"
    assert old == {mode: ["2025-11-25", mode] for mode in ("1.x", "legacy", "auto")}
