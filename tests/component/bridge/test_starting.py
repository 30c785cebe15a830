"""What a bridge does before a server has answered, and when none ever does."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mcpworkload.bridge import candidate, era
from mcpworkload.bridge.background import Background
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.message_router import NoClients
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.servers import Servers
from mcpworkload.bridge.spawn import PipeSource
from mcpworkload.controller.desired.probes import STARTUP_PROBE
from mcpworkload.protocol import jsonrpc
from tests.support.bridges import (
    META,
    PLAIN,
    Bridge,
    initialize,
    running,
    tool,
)


async def test_it_is_ready_when_a_server_has_answered() -> None:
    """Until then requests are refused, and the probe says why."""
    late = f"sleep 0.5; exec {' '.join(PLAIN)} modern"
    async with running("/bin/sh", "-c", late, ready=False) as bridge:
        before = await answering(bridge)
        refused = await bridge.stateless(tool("echo", meta=META))
        await bridge.ready()
        after = await bridge.request("GET", "/readyz", headers={"host": "whatever.example"})

    assert (before, refused.status, after.status) == (503, 503, 200)
    assert "has not answered yet" in refused.last["error"]["message"]


async def answering(bridge: Bridge) -> int:
    """Return what readiness is as soon as HTTP is served."""
    async with asyncio.timeout(15):
        while True:
            try:
                return (await bridge.request("GET", "/readyz")).status
            except OSError:
                await asyncio.sleep(0.02)


async def test_silence_at_discover_means_initialize() -> None:
    """A server that knows no other first message gets a process where that is the first."""
    async with running(*PLAIN, "mute") as bridge:
        session = await bridge.open()
        answer = await bridge.in_session(session, tool("echo", text="at last"))
        children = len(bridge.children())

    assert answer.last["result"]["content"][0]["text"] == "at last"
    assert children == 1


async def test_a_server_may_fail_to_start_a_few_times(tmp_path: Path) -> None:
    """Two ends before an answer are forgiven."""
    count = tmp_path / "starts"
    command = (*PLAIN, "modern", "--die-after", "2", str(count), "3")
    async with running(*command) as bridge:
        answer = await bridge.stateless(tool("echo", meta=META))

    assert answer.status == 200
    assert "server exited with code 3 before it answered" in bridge.log
    assert "cannot open the database" in bridge.log


async def test_a_server_that_never_answers_takes_the_bridge_down(tmp_path: Path) -> None:
    """With its exit code, so that the container tells the truth."""
    command = (*PLAIN, "modern", "--die-after", "99", str(tmp_path / "starts"), "3")
    async with running(*command, ready=False) as bridge:
        code = await bridge.ended()

    assert code == 3
    assert bridge.log.count("before it answered") == 3


async def test_a_server_has_as_long_to_start_as_the_kubelet_gives_it(
    monkeypatch: pytest.MonkeyPatch, background: Background
) -> None:
    """It may install itself; a second start would only do that again."""
    allowed = STARTUP_PROBE["periodSeconds"] * STARTUP_PROBE["failureThreshold"]
    assert 0.9 * allowed < era.START_SECONDS + era.SILENCE_SECONDS < allowed

    monkeypatch.setattr(era, "START_SECONDS", 0.5)
    monkeypatch.setattr(era, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(candidate, "FAREWELL_SECONDS", 0.5)
    source = PipeSource(("sleep", "60"), {b"PATH": os.environb[b"PATH"]}, Outlet(2))
    servers = Servers(Options(), source, NoClients(), NoClients(), background, Changes())
    async with asyncio.timeout(15):
        await servers.start()
        end, reason = await servers.over

    assert end.exit_status == 1
    assert reason == "server answered neither server/discover nor initialize as MCP servers do"


@pytest.mark.parametrize(
    ("command", "code"),
    [(["/no/such/program"], 127), (["/etc/passwd"], 126), (["false"], 1)],
)
async def test_what_is_no_server_ends_the_bridge(command: list[str], code: int) -> None:
    """As a shell would end."""
    async with running(*command, ready=False) as bridge:
        ended = await bridge.ended()

    assert ended == code, bridge.log


async def test_servers_that_stop_to_answer_take_the_bridge_down(tmp_path: Path) -> None:
    """A bridge whose every new session fails is not ready, looks again, and gives up."""
    broken = tmp_path / "broken"
    script = f"test -e {broken} && exit 7; exec {' '.join(PLAIN)} legacy"
    async with running("/bin/sh", "-c", script) as bridge:
        await bridge.end(await bridge.open())
        broken.touch()
        failed = await bridge.in_session(None, initialize())
        unready = await bridge.request("GET", "/readyz")
        code = await bridge.ended()

    assert failed.last["error"]["message"] == "server exited with code 7 before it answered"
    assert (unready.status, code) == (503, 7)


async def test_a_program_that_is_gone_takes_the_bridge_down(tmp_path: Path) -> None:
    """It is not ready from the first session on that got none, and ends as a shell would."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nexec {' '.join(PLAIN)} legacy\n")
    program.chmod(0o755)
    async with running(str(program)) as bridge:
        program.unlink()
        failed = await bridge.in_session(None, initialize())
        unready = await bridge.request("GET", "/readyz")
        code = await bridge.ended()

    assert "No such file" in failed.last["error"]["message"]
    assert (unready.status, code) == (503, 127)


async def test_a_server_that_hangs_makes_the_bridge_unready(tmp_path: Path) -> None:
    """From the first session on that waited in vain, until one answers again."""
    mute = tmp_path / "mute"
    script = f"test -e {mute} && rm {mute} && exec sleep 60; exec {' '.join(PLAIN)} legacy"
    options = ("--request-timeout", "2")
    async with running("/bin/sh", "-c", script, options=options) as bridge:
        mute.touch()
        failed = await bridge.in_session(None, initialize())
        unready = await bridge.request("GET", "/readyz")
        await bridge.ready()

    assert failed.last["error"]["code"] == jsonrpc.REQUEST_TIMEOUT
    assert unready.status == 503


async def test_a_failed_session_does_not_end_one_that_works(tmp_path: Path) -> None:
    """One broken start, and a look that finds the next one working: ready again."""
    broken = tmp_path / "broken"
    script = f"rm {broken} 2>/dev/null && exit 7; exec {' '.join(PLAIN)} legacy"
    async with running("/bin/sh", "-c", script) as bridge:
        session = await bridge.open()
        broken.touch()
        failed = await bridge.in_session(None, initialize())
        await bridge.ready()
        answer = await bridge.in_session(session, tool("echo"))
        another = await bridge.open()

    assert (failed.last["error"]["code"], answer.status) == (-32000, 200)
    assert another


async def test_a_server_has_the_environment_it_would_have_had() -> None:
    """Not that of our interpreter; variables hidden from the loader are back, the folder kept."""
    environment = {
        "PATH": os.environ["PATH"],
        "MCPW_LD_LIBRARY_PATH": "/hidden",
        "EMPTY": "",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    show = f"exec {' '.join(PLAIN)} modern"
    async with running("/bin/sh", "-c", show, environment=environment) as bridge:
        answer = await bridge.stateless(tool("seen", meta=META))
        child = Path(f"/proc/{bridge.children()[0]}")
        given = dict(
            entry.split("=", 1)
            for entry in (child / "environ").read_text().split("\0")
            if "=" in entry
        )
        folder = (child / "cwd").readlink()

    assert answer.status == 200
    assert given["LD_LIBRARY_PATH"] == "/hidden"
    # sh adds PWD, and nobody else adds anything.
    assert set(given) - {"PWD", "OLDPWD", "SHLVL", "_"} == {
        "PATH", "LD_LIBRARY_PATH", "EMPTY", "PYTHONPATH",
    }  # fmt: skip
    assert folder == Path.cwd()
