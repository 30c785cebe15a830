"""
Compare bridges: what each adds to a call, how many calls it takes, what it costs to have it.

Usage: python -m tests.perf.bridge.compare [--quick] [--only NAME]

All in one run, on one machine, around the same server; what counts are the ratios. The server
alone, on a pipe, is the first line.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.perf.bridge.installed import PLACE, node_program, python_program
from tests.perf.bridge.load import Client, Failed, latencies, rate
from tests.support.bridges import free_port

SERVER = [sys.executable, "-S", "-I", str(Path(__file__).with_name("echo.py"))]
TEXT = "x" * 100
CLIENTS = (1, 16, 64)
START_SECONDS = 60.0


@dataclass(frozen=True)
class Subject:
    """A bridge in one of its ways to work."""

    name: str
    command: Callable[[int], list[str]]
    is_modern: bool
    #: Where each call costs a process, fewer calls have to do.
    is_slow: bool = False


@dataclass(frozen=True)
class Measurement:
    """What was measured; times in milliseconds, memory in MB."""

    name: str
    p50: float
    p99: float
    rates: tuple[float, ...]
    rss: float = 0.0
    anonymous: float = 0.0
    start: float = 0.0


def ours(*options: str) -> Callable[[int], list[str]]:
    """Return the command of our own bridge."""
    start = [sys.executable, "-I", "-m", "mcpworkload.bridge", "serve"]
    return lambda port: [*start, "--port", str(port), *options, "--", *SERVER]


def subjects() -> list[Subject]:
    """Return all bridges, installed."""
    proxy = str(python_program("mcp-proxy") / "mcp-proxy")
    http_proxy = str(python_program("mcp-streamablehttp-proxy") / "mcp-streamablehttp-proxy")
    gateway, node_proxy = node_program("supergateway"), node_program("mcp-proxy")
    fastmcp = str(python_program("fastmcp") / "fastmcp")
    config = PLACE / "fastmcp.json"
    config.write_text(
        json.dumps({"mcpServers": {"echo": {"command": SERVER[0], "args": SERVER[1:]}}})
    )

    def super_gateway(port: int) -> list[str]:
        options = ["--outputTransport", "streamableHttp", "--port", str(port), "--stateful"]
        return [*gateway, "--stdio", " ".join(SERVER), "--logLevel", "none", *options]

    def fast_mcp(port: int) -> list[str]:
        options = ["--transport", "http", "--host", "127.0.0.1", "--port", str(port)]
        return [fastmcp, "run", str(config), *options, "--no-banner", "--log-level", "ERROR"]

    def mcp_proxy(port: int) -> list[str]:
        return [proxy, "--port", str(port), "--log-level", "ERROR", "--", *SERVER]

    def streamable(port: int) -> list[str]:
        return [http_proxy, "--host", "127.0.0.1", "--port", str(port), *SERVER]

    def npm_proxy(port: int) -> list[str]:
        return [*node_proxy, "--server", "stream", "--port", str(port), "--", *SERVER]

    return [
        Subject("ours, 2026-07-28", ours(), is_modern=True),
        Subject("ours, sessions", ours("--max-sessions", "100"), is_modern=False),
        Subject("ours, shared session", ours("--sessions", "Shared", "--max-sessions", "100"),
                is_modern=False),
        Subject("mcp-proxy (PyPI), sessions", mcp_proxy, is_modern=False),
        Subject("mcp-streamablehttp-proxy, sessions", streamable, is_modern=False),
        Subject("mcp-proxy (npm), sessions", npm_proxy, is_modern=False),
        Subject("mcp-proxy (npm), 2026-07-28", npm_proxy, is_modern=True),
        Subject("supergateway, sessions", super_gateway, is_modern=False),
        Subject("supergateway, 2026-07-28", super_gateway, is_modern=True, is_slow=True),
        Subject("fastmcp, sessions", fast_mcp, is_modern=False),
        Subject("fastmcp, 2026-07-28", fast_mcp, is_modern=True),
    ]  # fmt: skip


async def measure(subject: Subject, calls: int, seconds: float) -> Measurement:
    """Run *subject* and measure it."""
    port = free_port()
    begin = time.perf_counter()
    process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        subject.command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        client = await _first(subject, port, process)
        start = time.perf_counter() - begin
        if subject.is_slow:
            calls, seconds = 5, 1.0
        await latencies(client, min(calls, 50), TEXT)
        times = await latencies(client, calls, TEXT)
        rates = [await _rate(subject, port, number, seconds) for number in CLIENTS]
        memory = _memory(process.pid)
        return Measurement(
            subject.name, 1000 * times[len(times) // 2], 1000 * times[int(len(times) * 0.99)],
            tuple(rates), memory["VmRSS"], memory["RssAnon"], start,
        )  # fmt: skip
    finally:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _first(subject: Subject, port: int, process: "subprocess.Popen[bytes]") -> Client:
    end = time.perf_counter() + START_SECONDS
    while True:
        client = Client(port, subject.is_modern)
        try:
            await client.open()
            await client.echo(TEXT)
        except (OSError, Failed, asyncio.IncompleteReadError) as error:
            if time.perf_counter() > end or process.poll() is not None:
                raise RuntimeError(f"{subject.name} does not serve: {error!r}") from error
            await asyncio.sleep(0.01)
        else:
            return client


async def _rate(subject: Subject, port: int, number: int, seconds: float) -> float:
    clients = [Client(port, subject.is_modern) for _ in range(number)]
    try:
        for client in clients:
            await client.open()
        return await rate(clients, seconds, TEXT)
    except (OSError, Failed, asyncio.IncompleteReadError):
        return 0.0
    finally:
        for client in clients:
            with suppress(OSError, asyncio.IncompleteReadError):
                await client.close()


def _memory(pid: int) -> dict[str, float]:
    """Return what a process has in memory, in MB; of a launcher, what it launched."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = dict(line.split(":", 1) for line in text.splitlines())
    return {name: int(found[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")}


async def on_a_pipe(calls: int) -> Measurement:
    """Measure the server itself."""
    process = await asyncio.create_subprocess_exec(
        *SERVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"arguments": {"text": TEXT}},
    }
    line = json.dumps(call).encode() + b"\n"
    times = []
    for _ in range(calls):
        begin = time.perf_counter()
        process.stdin.write(line)
        await process.stdout.readline()
        times.append(time.perf_counter() - begin)
    process.stdin.close()
    await process.wait()
    times.sort()
    p50, p99 = times[calls // 2], times[int(calls * 0.99)]
    return Measurement("on a pipe", 1000 * p50, 1000 * p99, (1 / (sum(times) / calls),))


def table(found: list[Measurement]) -> str:
    """Return the figures as a table; latencies are what each bridge adds to the pipe."""
    pipe, first = found[0], found[1]
    heads = ["", "+p50 ms", "+p99 ms", "x ours", *(f"calls/s @{n}" for n in CLIENTS), "x ours",
             "RSS MB", "anon MB", "ours/RSS", "start s"]  # fmt: skip
    rows = [heads]
    for one in found[1:]:
        best = max(one.rates)
        rows.append([
            one.name, f"{one.p50 - pipe.p50:.2f}", f"{one.p99 - pipe.p99:.2f}",
            f"{(one.p50 - pipe.p50) / (first.p50 - pipe.p50 or 1):.1f}",
            *(f"{r:.0f}" if r else "failed" for r in one.rates),
            f"{best / (max(first.rates) or 1):.2f}", f"{one.rss:.1f}", f"{one.anonymous:.1f}",
            f"{first.rss / one.rss:.2f}", f"{one.start:.2f}",
        ])  # fmt: skip
    widths = [max(len(row[n]) for row in rows) for n in range(len(heads))]
    lines = [
        "  ".join(
            c.ljust(w) if n == 0 else c.rjust(w)
            for n, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    said = f"the server on a pipe: p50 {pipe.p50:.3f} ms, p99 {pipe.p99:.3f} ms"
    return "\n".join([said, "", *lines])


async def main(*, is_quick: bool, only: str) -> None:
    """Measure everything whose name begins with *only*, and print it."""
    calls, seconds = (200, 1.0) if is_quick else (2000, 4.0)
    found, none = [await on_a_pipe(calls)], (0.0,) * len(CLIENTS)
    for subject in [one for one in subjects() if one.name.startswith(only)]:
        try:
            found.append(await measure(subject, calls, seconds))
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            found.append(replace(found[0], name=f"{subject.name}: fails", rates=none, rss=1.0))
    sys.stdout.write(table(found) + "\n")


if __name__ == "__main__":
    chosen = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    asyncio.run(main(is_quick="--quick" in sys.argv, only=chosen))
