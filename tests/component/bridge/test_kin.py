"""What servers start ends with them, wherever it went."""

import asyncio
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.bridge import procfs
from mcpworkload.bridge.kin import Kin, marked
from tests.support.bridges import SERVERS, Bridge, running, tool

PARENT = (sys.executable, "-S", "-I", str(SERVERS / "parent.py"))
WAYS = ("group", "setsid", "setpgid", "daemon", "bare", "forks", "shell")


def helpers(bridge: Bridge) -> set[int]:
    """Return the helpers that were ever started."""
    # A shell writes its complaints in pieces: a helper's line may begin behind one.
    return {int(pid) for pid in re.findall(r"helper (\d+)$", bridge.log, re.MULTILINE)}


def running_of(bridge: Bridge) -> list[int]:
    """Return all processes below a bridge that run."""
    return [p.pid for p in procfs.descendants(bridge.process.pid) if not p.has_ended]


async def nothing_runs(bridge: Bridge, *, but: int = 0) -> None:
    """Wait until no more than *but* processes are below the bridge."""
    async with asyncio.timeout(40):
        while len(running_of(bridge)) > but:
            await asyncio.sleep(0.05)


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("end", ["ends", "crashes", "dies", "lingers"])
async def test_what_a_session_started_ends_with_it(end: str) -> None:
    """In whatever group, session and environment it is; the log says what it was."""
    async with running(*PARENT, *WAYS, end, ready=False) as bridge:
        await bridge.ready(within=20)
        await nothing_runs(bridge)
        # Of the one that was asked at the start some may have ended before they said anything.
        known = len(helpers(bridge))
        session, other = await bridge.open(), await bridge.open()
        async with asyncio.timeout(20):
            # The helpers of the one at the start may be counted late, in place of these, and a look
            # at what runs misses those that are forked meanwhile.
            while (
                len(helpers(bridge)) < known + 2 * len(WAYS)
                or (before := len(running_of(bridge))) < 2 * len(WAYS) + 2
            ):
                await asyncio.sleep(0.02)
        if end in ("crashes", "dies"):
            await bridge.in_session(session, tool("go"))
        else:
            await bridge.end(session)
        await nothing_runs(bridge, but=len(WAYS) + 1)
        # Long enough for a helper of the other one to be missed.
        await asyncio.sleep(0.3)
        looks = []
        for _ in range(5):
            # A single one may miss a helper that forks meanwhile.
            looks.append(running_of(bridge))
            await asyncio.sleep(0.05)
        left = max(looks, key=len)
        if end == "ends":
            answer = await bridge.in_session(other, tool("go"))
        await bridge.end(other)
        await nothing_runs(bridge)
        said = re.findall(rf"session {session[:8]}: its server left (.*); ended", bridge.log)

    # The other's server and each of its helpers, of which one is two for a moment when it forks.
    assert before in range(2 * len(WAYS) + 2, 2 * len(WAYS) + 5)
    assert len(left) in (len(WAYS) + 1, len(WAYS) + 2)
    if end == "ends":
        assert answer.last["result"]["pid"] in left
    assert len(said) == (1 if end != "lingers" else len(said))
    assert all("python" in line for line in said)
    assert not [pid for pid in helpers(bridge) if Path(f"/proc/{pid}").exists()]


async def test_a_session_that_left_nothing_is_no_matter_for_the_log() -> None:
    """Nor are those whose processes ended with their pipes."""
    async with running(*PARENT, "ends") as bridge:
        await bridge.end(await bridge.open())
        await nothing_runs(bridge)

    assert "its server left" not in bridge.log


@pytest.mark.timeout(40)
async def test_the_end_of_a_shared_server_is_that_of_its_processes() -> None:
    """Also where no PID namespace ends with the bridge."""
    async with running(*PARENT, *WAYS, "crashes", options=("--sessions", "Shared")) as bridge:
        session = await bridge.open()
        async with asyncio.timeout(15):
            while len(helpers(bridge)) < len(WAYS):
                await asyncio.sleep(0.02)
        await bridge.in_session(session, tool("go"))
        code = await bridge.ended()

    assert code == 3
    assert not [pid for pid in helpers(bridge) if Path(f"/proc/{pid}").exists()]


def spawn(*command: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a process that is not the bridge's."""
    return subprocess.Popen(command, **options)


@pytest.fixture
def crowd() -> Iterator[None]:
    """Two hundred processes that are nobody's."""
    all_of_it = subprocess.Popen(
        ["sh", "-c", "for n in $(seq 200); do sleep 60 & done; wait"], start_new_session=True
    )
    while len(procfs.descendants(all_of_it.pid)) < 200:
        time.sleep(0.02)
    yield
    for each in procfs.descendants(all_of_it.pid):
        subprocess.run(["kill", "-9", str(each.pid)], check=True)
    all_of_it.kill()
    all_of_it.wait()


@pytest.mark.usefixtures("crowd")
async def test_a_search_for_processes_costs_little() -> None:
    """One look for each end, among two hundred that are none of ours; others get their turn."""
    with marked() as mark:
        server = spawn("true")
    server.wait()
    turns, before = 0, time.process_time()
    clearing = asyncio.ensure_future(Kin(server.pid, mark).clear())
    while not clearing.done():
        await asyncio.sleep(0)
        turns += 1
    took = time.process_time() - before

    assert clearing.result() == ()
    assert took < 0.1
    assert turns >= 3


async def test_without_a_mark_sessions_and_parents_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no such limit: all but daemons that were never seen are found."""
    monkeypatch.setattr(resource, "setrlimit", lambda *_: (_ for _ in ()).throw(ValueError))
    with marked() as mark:
        script = "sleep 61 & setsid sleep 62 & setsid sh -c 'sleep 63 & sleep 64' & wait"
        server = spawn("sh", "-c", script, start_new_session=True)
    found = Kin(server.pid, mark)
    async with asyncio.timeout(15):
        while sorted(p.name for p in procfs.descendants(server.pid)) != ["sh", *4 * ["sleep"]]:
            await asyncio.sleep(0.02)
    below = procfs.descendants(server.pid)
    found.remember()
    server.kill()
    server.wait()
    left = await found.clear()

    # A shell ends by itself when what it waits for is gone, maybe before it is looked at.
    assert mark is None
    assert len(left) >= 4
    assert not [p for p in below if (now := procfs.process(p.pid)) and not now.has_ended]


async def test_a_process_number_used_again_is_another_process() -> None:
    """A process is known by its number and its start."""
    innocent = spawn("sleep", "60", start_new_session=True)
    found = Kin(1 << 30, None)
    found._seen[innocent.pid] = 1
    left = await found.signal(signal.SIGKILL)
    is_there = innocent.poll() is None
    innocent.kill()
    innocent.wait()

    assert (left, is_there) == ({}, True)


async def test_marks_differ_and_leave_no_trace_in_us() -> None:
    """Each server has one, and what the bridge starts besides has none."""
    before = resource.getrlimit(resource.RLIMIT_RTTIME)
    with marked() as one:
        first = spawn("sleep", "60")
    with marked() as two:
        pass
    seen = procfs.realtime_limit(first.pid)
    first.kill()
    first.wait()

    assert seen == one != two
    assert resource.getrlimit(resource.RLIMIT_RTTIME) == before


async def test_a_search_without_descriptors_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken for gone because it could not be seen."""
    with marked() as mark:
        server = spawn("sh", "-c", "setsid sleep 60 & echo; read line",
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert server.stdout
    assert server.stdin
    server.stdout.readline()
    looks = iter([OSError(24, "Too many open files")] * 3)
    real = procfs.pids

    def pids() -> list[int]:
        for error in looks:
            raise error
        return real()

    monkeypatch.setattr(procfs, "pids", pids)
    server.stdin.close()
    server.wait()
    left = await Kin(server.pid, mark).clear()
    server.stdout.close()

    assert [line.split()[1] for line in left] == ["sleep"]
