"""A log that is read slowly, or not at all."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.bridge.outlet import KEPT_BYTES, Outlet
from tests.support.bridges import PLAIN, Bridge, free_port, running, tool


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe."""
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


async def test_nothing_waits_and_lines_stay_whole(pipe: tuple[int, int]) -> None:
    """What does not fit is dropped and counted; what comes out is in order, in whole lines."""
    reading, writing = pipe
    outlet = Outlet(writing)
    begin = time.process_time()
    for number in range(3000):
        outlet.write(b"%d %s\n" % (number, b"x" * 990))
    took = time.process_time() - begin
    found = bytearray()
    while b"lines were dropped" not in found or not found.endswith(b"\n"):
        os.set_blocking(reading, False)
        try:
            found += os.read(reading, 1 << 20)
        except BlockingIOError:
            await asyncio.sleep(0.001)
    outlet.write(b"after\n")
    found += os.read(reading, 1 << 20)

    *lines, notice, after = found.decode().splitlines()
    numbers = [int(re.fullmatch(r"(\d+) x{990}", line)[1]) for line in lines]  # type: ignore[index]
    assert numbers == list(range(len(numbers)))
    assert KEPT_BYTES / 1000 < len(numbers) < 1500
    said = f"mcpw WARNING: {3000 - len(numbers)} lines were dropped: the log is read too slowly"
    assert (notice, after) == (said, "after")
    assert took < 1


async def test_a_file_takes_all_and_a_closed_pipe_none(tmp_path: Path) -> None:
    """At once; whose reader is gone costs nobody anything."""
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    Outlet(file).write(b"line\n" * 500_000)
    os.close(file)
    reading, writing = os.pipe()
    os.close(reading)
    gone = Outlet(writing)
    for _ in range(100):
        gone.write(b"x" * 100_000 + b"\n")
    os.close(writing)

    assert (tmp_path / "log").stat().st_size == 2_500_000
    assert gone._size == 0


def test_the_last_words_have_a_moment(pipe: tuple[int, int]) -> None:
    """Without a loop, and not longer."""
    reading, writing = pipe
    outlet = Outlet(writing)
    outlet.write(b"y" * 200_000 + b"\n")
    begin = time.monotonic()
    outlet.flush(0.2)
    stuck = time.monotonic() - begin
    reader = subprocess.Popen(["wc", "-c"], stdin=reading, stdout=subprocess.PIPE)
    outlet.flush(5)
    left = outlet._size
    os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    assert reader.stdout is not None
    counted = int(reader.stdout.read())
    reader.stdout.close()
    reader.wait()

    assert 0.15 < stuck < 2
    assert (left, counted) == (0, 200_001)


NOISY = """
import json, sys, threading
def shout():
    while True:
        HOW
def send(number, **what):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": number, **what}) + "\\n")
for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if method == "initialize":
        send(message["id"], result={"protocolVersion": "2025-11-25", "capabilities": {},
                                    "serverInfo": {"name": "n", "version": "1"}})
    elif method == "tools/call":
        if message["params"]["name"] == "shout":
            threading.Thread(target=shout, daemon=True).start()
        send(message["id"], result={})
    elif "id" in message:
        send(message["id"], error={"code": -32601, "message": "?"})
    sys.stdout.flush()
"""
SHOUTS = {
    "errors": "sys.stderr.write('e' * 99 + '\\n')",
    "garbage": "sys.stdout.write('no json\\n' * 5000)",
    "messages": 'sys.stdout.write(\'{{"jsonrpc":"2.0","method":"x"}}\\n\' * 5000)',
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("shout", SHOUTS)
async def test_a_slow_log_and_a_loud_server_slow_no_other_session(shout: str) -> None:
    """The log is read at 100 kB/s; a call of another session takes what it takes without them."""
    script = NOISY.replace("HOW", SHOUTS[shout])
    reader = slow_reader()
    assert reader.stdin is not None
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mcpworkload.bridge", "serve", "--port", str(port), "--grace", "0.8",
        "--", sys.executable, "-S", "-I", "-c", script, stderr=reader.stdin,
    )  # fmt: skip
    bridge = Bridge(process, port)
    try:
        await bridge.ready(within=20)
        quiet, loud = await bridge.open(), await bridge.open()
        calm = await pace(bridge, quiet)
        await bridge.in_session(loud, tool("shout"))
        busy = await pace(bridge, quiet)
    finally:
        process.terminate()
        await bridge.ended(within=10)
        reader.stdin.close()
        reader.wait()

    # Who waits for the log waits for seconds; the loud server takes a processor of its own, and
    # ours shares the other one with all tests that run beside this one.
    assert busy < max(1.5, 20 * calm)


def slow_reader() -> "subprocess.Popen[bytes]":
    """Read 100 kB a second."""
    script = "import os, time\nwhile os.read(0, 10000): time.sleep(0.1)"
    return subprocess.Popen([sys.executable, "-S", "-c", script], stdin=subprocess.PIPE)


async def pace(bridge: Bridge, session: str) -> float:
    """Return how long a call takes of which one in four takes longer."""
    took = []
    for number in range(24):
        begin = time.perf_counter()
        await bridge.in_session(session, tool("echo", number))
        took.append(time.perf_counter() - begin)
        await asyncio.sleep(0.03)
    return sorted(took)[18]


async def test_servers_words_and_ours_are_in_order() -> None:
    """Each line whole, whoever writes it."""
    async with running(*PLAIN, "modern") as bridge:
        lines: list[Any] = [json.dumps(line) for line in ("one", "two")]
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        await bridge.stateless(tool("garbage", meta=meta, lines=lines))
        await bridge.stateless(tool("exit", meta=meta, code=3))
        await bridge.ended()

    said = bridge.log.splitlines()
    assert "last words" in said
    assert said[-1].startswith("mcpw ERROR: server exited with code 3")
