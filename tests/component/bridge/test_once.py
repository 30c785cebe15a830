"""Servers that can be there only once, and what is promised of those of both eras."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.bridges import META, PLAIN, Bridge, free_port, initialize, running, tool

SHARED = ("--sessions", "Shared")


class Once:
    """A server that holds a lock, and ends where another one has it; its starts are counted."""

    def __init__(self, folder: Path, era: str, delay: float = 0.0) -> None:
        self._starts, lock = folder / "starts", folder / "lock"
        script = (
            f"echo x >> {self._starts}; exec 9>{lock}; flock -n 9 || exit 1;"
            f" sleep {delay}; exec {' '.join(PLAIN)} {era}"
        )
        self.command = ("/bin/sh", "-c", script)

    @property
    def starts(self) -> int:
        """How often it was started."""
        return len(self._starts.read_text().splitlines())


async def answers(bridge: Bridge) -> tuple[int, int]:
    """Call a tool in a session and without one; the status of each."""
    session = await bridge.open()
    return (
        (await bridge.in_session(session, tool("echo"))).status,
        (await bridge.stateless(tool("echo", meta=META))).status,
    )


@pytest.mark.timeout(60)
@pytest.mark.parametrize("delay", [0.0, 4.0], ids=["fast", "slow"])
@pytest.mark.parametrize("era", ["legacy", "dual"])
async def test_a_shared_server_may_be_there_only_once(
    tmp_path: Path, era: str, delay: float
) -> None:
    """However long it takes to start; one that speaks both eras serves both all the same."""
    once = Once(tmp_path, era, delay)
    async with running(*once.command, options=SHARED, ready=False) as bridge:
        await bridge.ready(within=40)
        at_ready = once.starts
        found = await answers(bridge)
        children = len(bridge.children())

    assert found == (200, 200)
    assert (children, once.starts) == (1, at_ready)
    # Of both eras, a second one was tried beside the first.
    assert at_ready == (1 if era == "legacy" else 3)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("delay", [0.0, 4.0], ids=["fast", "slow"])
async def test_with_sessions_of_their_own_one_client_can_have_it(
    tmp_path: Path, delay: float
) -> None:
    """What was asked at the start is gone when we are ready."""
    once = Once(tmp_path, "legacy", delay)
    async with running(*once.command, ready=False) as bridge:
        await bridge.ready(within=40)
        at_ready = len(bridge.children())
        session = await bridge.open()
        answer = await bridge.in_session(session, tool("echo"))

    assert (at_ready, answer.status) == (0, 200)


async def test_ready_means_that_either_era_is_answered(tmp_path: Path) -> None:
    """With a shared server of both, nobody waits for a start."""
    once = Once(tmp_path, "dual")
    script = once.command[2].replace("flock -n 9 || exit 1;", "")
    async with running("/bin/sh", "-c", script, options=SHARED) as bridge:
        at_ready = once.starts
        found = await answers(bridge)

    assert found == (200, 200)
    assert at_ready == once.starts == 2
    assert "eras seen: 2026-07-28, legacy" in bridge.log


async def test_who_has_no_sessions_is_not_started_for_them(tmp_path: Path) -> None:
    """It has said so, and would say so again."""
    once = Once(tmp_path, "modern")
    script = once.command[2].replace("flock -n 9 || exit 1;", "")
    async with running("/bin/sh", "-c", script, options=SHARED) as bridge:
        at_ready = once.starts
        refused = [await bridge.in_session(None, initialize()) for _ in range(3)]

    assert at_ready == once.starts == 2
    assert {answer.last["error"]["code"] for answer in refused} == {-32000}
    assert all("has no sessions" in answer.last["error"]["message"] for answer in refused)


LISTEN = """
import socket, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
print("Starting Streamable HTTP server...", flush=True)
time.sleep(float(sys.argv[2]))
sys.exit(3)
"""


@pytest.mark.long
@pytest.mark.timeout(40)
@pytest.mark.parametrize("shape", ["itself", "child"])
async def test_a_server_that_listens_on_a_port_is_reported(shape: str) -> None:
    """With its port, and in the log; it is not started a second time beside itself."""
    port = free_port()
    command = [sys.executable, "-S", "-I", "-c", LISTEN, str(port), "4"]
    if shape == "child":
        command = ["/bin/sh", "-c", '"$@" & wait', "sh", *command]
    async with running(*command, ready=False) as bridge:
        async with asyncio.timeout(15):
            while f"listens on port {port}" not in bridge.log:
                await asyncio.sleep(0.05)
        said = (await bridge.request("GET", "/readyz")).body.decode()
        children = len(bridge.children())
        await bridge.ended(within=30)

    words = f"it listens on port {port} and says nothing on its standard output: "
    assert f"has not answered yet; {words}transport.type: streamable-http?" in said
    assert children == 1
    last = [line for line in bridge.log.splitlines() if line.startswith("mcpw ERROR")]
    assert "before it answered" in last[0]
    assert words in last[0]
