"""
Clients that come and go for minutes: memory stays flat, no process and no descriptor is left.

SOAK_SECONDS says how long; the short form finds what leaks with every client.
"""

import asyncio
import contextlib
import os
import random
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.perf.bridge.load import Client
from tests.support.bridges import Bridge, head, running

SECONDS = float(os.environ.get("SOAK_SECONDS", "30"))
CLIENTS = 50
SERVER = (sys.executable, "-S", "-I", str(Path(__file__).with_name("echo.py")))
#: Sessions that nobody ends, end by themselves soon.
OPTIONS = ("--idle-timeout", "2", "--max-sessions", "30", "--grace", "5")


async def visit(bridge: Bridge, dice: random.Random) -> None:
    """Come, do something, go; not always politely."""
    client = Client(bridge.port, is_modern=dice.random() < 0.8)
    async with asyncio.timeout(20):
        await client.open()
        for _ in range(dice.randint(1, 30)):
            await client.echo("x" * dice.choice([10, 100, 1000, 100_000]))
        way = dice.random()
        if client.session is not None and way < 0.3:
            _, listener = await asyncio.open_connection("127.0.0.1", bridge.port)
            listening = {"accept": "text/event-stream", "mcp-session-id": client.session}
            listener.write(head("GET", "/mcp", None, listening))
            await asyncio.sleep(0.1)
            listener.close()
        if way < 0.7:
            await client.close()
        else:
            client.drop()


@asynccontextmanager
async def watched(bridge: Bridge) -> AsyncIterator[list[float]]:
    """Note once a second how much memory of its own the bridge has, in MB."""
    found: list[float] = []

    async def note() -> None:
        while True:
            status = Path(f"/proc/{bridge.process.pid}/status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines())
            found.append(int(fields["RssAnon"].split()[0]) / 1024)
            await asyncio.sleep(1)

    noting = asyncio.create_task(note())
    yield found
    noting.cancel()


def left(bridge: Bridge) -> tuple[int, int]:
    """Return how many processes and descriptors the bridge has."""
    descriptors = list(Path(f"/proc/{bridge.process.pid}/fd").iterdir())
    return len(bridge.children()), len(descriptors)


@pytest.mark.timeout(SECONDS + 60)
async def test_clients_leave_nothing_behind() -> None:
    """Whether they close their sessions, forget them, or vanish."""
    loop = asyncio.get_running_loop()
    visits = refused = 0

    async def come_and_go(number: int) -> None:
        nonlocal visits, refused
        dice = random.Random(number)  # noqa: S311
        while loop.time() < end:
            # Too many sessions at a time are refused; that is how the limit is met.
            try:
                await visit(bridge, dice)
                visits += 1
            except (ConnectionError, RuntimeError, asyncio.IncompleteReadError):
                refused += 1
            await asyncio.sleep(dice.random() / 5)

    async with running(*SERVER, options=OPTIONS) as bridge:
        await visit(bridge, random.Random(0))  # noqa: S311
        await asyncio.sleep(3)
        before = left(bridge)
        end = loop.time() + SECONDS
        async with watched(bridge) as memory:
            await asyncio.gather(*(come_and_go(number) for number in range(CLIENTS)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while left(bridge) != before:
                    await asyncio.sleep(0.1)
        after = left(bridge)

    third = len(memory) // 3
    early, late = statistics.median(memory[third : 2 * third]), statistics.median(memory[-third:])
    sys.stdout.write(
        f"\n{SECONDS:g} s, {visits} visits, {refused} refused; memory of its own: {early:.1f} MB"
        f" in the second third, {late:.1f} MB in the last; at most {max(memory):.1f} MB\n"
    )
    assert after == before
    assert late < early * 1.05 + 1
    assert visits > SECONDS * 5
    assert "Traceback" not in bridge.log
