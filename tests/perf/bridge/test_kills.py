"""
Kill the server under load, many times: everybody hears of it at once, and it is told truly.

BRIDGE_KILLS says how often.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from tests.perf.bridge.load import Client, Failed
from tests.support.bridges import Bridge, running

KILLS = int(os.environ.get("BRIDGE_KILLS", "20"))
CLIENTS = 16
SERVER = (sys.executable, "-S", "-I", str(Path(__file__).with_name("echo.py")))
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM)


class Waits:
    """When each client began to wait for what it waits for, and the longest that any did."""

    def __init__(self) -> None:
        self.answered = self.failed = 0
        self.longest = 0.0


async def use(bridge: Bridge, waits: Waits, dice: random.Random) -> None:
    """Call until there is nobody any more."""
    loop = asyncio.get_running_loop()
    client = Client(bridge.port, is_modern=True)
    begin = loop.time()
    try:
        while True:
            begin = loop.time()
            await client.echo("x" * dice.choice([1, 1000, 200_000]))
            waits.answered += 1
    except (Failed, OSError, asyncio.IncompleteReadError):
        waits.failed += 1
    finally:
        waits.longest = max(waits.longest, loop.time() - begin)
        client.drop()


async def kill_one(seed: int) -> Waits:
    """Run a bridge under load, kill its server, and look how that is told."""
    dice = random.Random(seed)  # noqa: S311
    number = dice.choice(SIGNALS)
    waits = Waits()
    async with running(*SERVER) as bridge:
        server = bridge.children()[0]
        clients = [asyncio.create_task(use(bridge, waits, dice)) for _ in range(CLIENTS)]
        await asyncio.sleep(dice.random() / 4)
        os.kill(server, number)
        code = await bridge.ended(within=2)
        async with asyncio.timeout(2):
            await asyncio.gather(*clients)

    assert code == 128 + number, bridge.log
    assert f"server ended by {number.name} ({number.value})" in bridge.log
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server, 0)
        raise AssertionError(f"process group {server} is left")
    return waits


@pytest.mark.timeout(KILLS * 6 + 10)
async def test_every_kill_is_reported_to_every_client() -> None:
    """Each client gets an answer or an error within a second, and the exit code is the server's."""
    found = [await kill_one(seed) for seed in range(KILLS)]

    sys.stdout.write(
        f"\n{KILLS} kills: {sum(w.answered for w in found)} calls answered,"
        f" {sum(w.failed for w in found)} clients told, the longest wait"
        f" {max(w.longest for w in found):.2f} s\n"
    )
    assert all(w.failed == CLIENTS for w in found)
    assert max(w.longest for w in found) < 1.0
