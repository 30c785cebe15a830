"""
The CPU time of a verification, of the asking process alone.

Usage: python -m tests.perf.verification.cost [COUNT]. It asks COUNT (2000) times, 8 at a time, a
server of each era that lists nothing, and prints the milliseconds of CPU time of one verification;
then how many sessions and sockets are left.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import aiohttp

from mcpworkload.verification.exchange import open_session
from mcpworkload.verification.probe import probe
from mcpworkload.verification.target import Target
from tests.support.api import open_sockets

AT_ONCE = 8
Era = Literal["modern", "legacy"]


@contextmanager
def serving(era: Era) -> Iterator[int]:
    """Start a server of *era* in a process of its own; give its port."""
    command = [sys.executable, "-m", "tests.perf.verification.server", era]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


async def _sessions(session: aiohttp.ClientSession, port: int) -> int:
    async with session.get(f"http://127.0.0.1:{port}/sessions") as response:
        return int(await response.text())


async def cost(era: Era, known: Era | None, count: int) -> str:
    """Return the line about *count* verifications of a server of *era*."""
    with serving(era) as port:
        async with open_session() as session:
            target = Target("127.0.0.1", port)
            left = iter(range(count))

            async def ask() -> None:
                for _ in left:
                    found = await probe(target, session=session, era=known)
                    assert found.server is not None, found
                    assert found.server.era == era

            await probe(target, session=session, era=known)
            await asyncio.sleep(0.05)
            sockets = open_sockets()
            before, begun = time.process_time(), time.monotonic()
            await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
            spent, seconds = time.process_time() - before, time.monotonic() - begun
            await asyncio.sleep(0.05)
            open_here, open_there = open_sockets() - sockets, await _sessions(session, port)
    return (
        f"{era}, {known or 'unknown'} before: {spent / count * 1000:.2f} ms CPU, "
        f"{count / seconds:.0f} a second; left: {open_there} sessions, {open_here} sockets\n"
    )


async def main(count: int) -> None:
    """Measure all."""
    for era, known in (("modern", "modern"), ("legacy", "legacy"), ("legacy", None)):
        sys.stdout.write(await cost(era, known, count))  # type: ignore[arg-type]


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 2000))
