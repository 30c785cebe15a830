"""A system that has too few descriptors or processes for a while."""

import asyncio
import errno
import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.bridge import servers as servers_module
from mcpworkload.bridge.background import Background
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.message_router import NoClients
from mcpworkload.bridge.options import SHARED, Options
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.servers import Servers
from mcpworkload.bridge.spawn import PipeSource
from tests.support.bridges import (
    JSON_HEADERS,
    PLAIN,
    Answer,
    Bridge,
    head,
    initialize,
    read_answer,
    running,
    tool,
)

FOR_NOW = [errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM]


class Poor(PipeSource):
    """A source whose system refuses processes while it has *refusals* left."""

    refusals = 0
    number = 0

    def _popen(self) -> "subprocess.Popen[bytes]":
        if self.refusals:
            self.refusals -= 1
            raise OSError(self.number, os.strerror(self.number))
        return super()._popen()


def poor(number: int, era: str = "legacy") -> Poor:
    """Return a source that has no refusals yet."""
    source = Poor((*PLAIN, era), dict(os.environb), Outlet(2))
    source.number = number
    return source


@pytest.mark.parametrize("number", FOR_NOW)
async def test_no_room_at_the_start_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, background: Background, number: int
) -> None:
    """However often: it says nothing of the server."""
    monkeypatch.setattr(servers_module, "LAST_LOOK_PAUSE", 0.01)
    source = poor(number)
    source.refusals = 20
    servers = Servers(Options(), source, NoClients(), NoClients(), background, Changes())
    await servers.start()
    state = (servers.not_ready_reason, servers.over.done(), source.refusals)
    await servers.end_all(1)

    assert state == (None, False, 0)


@pytest.mark.parametrize("number", FOR_NOW)
async def test_no_room_for_a_session_refuses_that_session_alone(
    background: Background, number: int
) -> None:
    """We stay ready, and the next one gets its server."""
    source = poor(number)
    servers = Servers(Options(), source, NoClients(), NoClients(), background, Changes())
    await servers.start()
    source.refusals = 1
    with pytest.raises(Busy, match=r"no other server can be started now: .*; try again later"):
        await servers.own(NoClients(), "session x")
    source.refusals = 1
    with pytest.raises(Busy):
        await servers.shared_stateful()
    trouble = servers.not_ready_reason
    peer = await servers.own(NoClients(), "session y")
    await servers.end_all(1)

    assert (trouble, peer.name) == (None, "session y")


async def test_no_room_for_the_second_process_starts_both_again(
    monkeypatch: pytest.MonkeyPatch, background: Background
) -> None:
    """Of a shared server of both eras; the first one is not left behind."""
    monkeypatch.setattr(servers_module, "LAST_LOOK_PAUSE", 0.01)
    source = poor(errno.EAGAIN, "dual")
    starts = 0
    real = source._popen

    def popen() -> "subprocess.Popen[bytes]":
        nonlocal starts
        starts += 1
        if starts == 2:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        return real()

    monkeypatch.setattr(source, "_popen", popen)
    servers = Servers(
        Options(sessions=SHARED), source, NoClients(), NoClients(), background, Changes()
    )
    await servers.start()
    state = (
        servers.not_ready_reason,
        servers.stateless is not None,
        servers.stateful is not None,
        starts,
    )
    left = len(servers.peers)
    await servers.end_all(1)

    assert state == (None, True, True, 4)
    assert left == 2


async def test_another_refusal_of_the_system_is_a_verdict(background: Background) -> None:
    """It would be the same the next time."""
    source = poor(errno.EACCES)
    source.refusals = 1
    servers = Servers(Options(), source, NoClients(), NoClients(), background, Changes())
    await servers.start()

    assert servers.over.result()[0].exit_status == 126
    assert "Permission denied" in servers.over.result()[1]


@pytest.mark.timeout(60)
async def test_few_descriptors_are_no_end() -> None:
    """Fill them, probe, ask for sessions, free them: the same process serves, and says no word."""
    options = ("--max-sessions", "64")
    async with running(*PLAIN, "legacy", options=options, descriptors=256) as bridge:
        open_before = descriptors(bridge)
        streams = [await connected(bridge) for _ in range(10)]
        answers = [await send(stream) for stream in streams]
        idle = [await asyncio.open_connection("127.0.0.1", bridge.port) for _ in range(300)]
        sessions = [await bridge.in_session(None, initialize()) for _ in range(60)]
        probe = await bridge.request("GET", "/readyz")
        for _, writer in (*idle, *streams):
            writer.close()
        for answer in (*answers, *sessions):
            if answer.status == 200:
                await bridge.end(answer.headers["mcp-session-id"])
        async with asyncio.timeout(20):
            while bridge.children() or descriptors(bridge) > open_before + 2:
                await asyncio.sleep(0.05)
        session = await bridge.open()
        after = await bridge.in_session(session, tool("echo"))

    refused = [answer for answer in sessions if answer.status != 200]
    assert refused
    assert {(a.status, a.headers["retry-after"]) for a in refused} == {(503, "5")}
    assert (probe.status, after.status) == (200, 200)
    assert "Traceback" not in bridge.log


async def connected(bridge: Bridge) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection."""
    return await asyncio.open_connection("127.0.0.1", bridge.port)


async def send(stream: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> Answer:
    """Ask for a session over a connection that is there."""
    body = json.dumps(initialize()).encode()
    stream[1].write(head("POST", "/mcp", body, JSON_HEADERS) + body)
    return await read_answer(stream[0])


def descriptors(bridge: Bridge) -> int:
    """Return how many descriptors the bridge has open."""
    return len(list(Path(f"/proc/{bridge.process.pid}/fd").iterdir()))


@pytest.mark.skipif(os.getuid() == 0, reason="the limit of processes does not bind root")
async def test_few_processes_are_no_end() -> None:
    """A limit that is met in the middle of everything, and goes again."""
    async with running(*PLAIN, "legacy") as bridge:
        before: Any = resource.prlimit(bridge.process.pid, resource.RLIMIT_NPROC)
        resource.prlimit(bridge.process.pid, resource.RLIMIT_NPROC, (1, before[1]))
        refused = [await bridge.in_session(None, initialize()) for _ in range(3)]
        probe = await bridge.request("GET", "/readyz")
        resource.prlimit(bridge.process.pid, resource.RLIMIT_NPROC, before)
        answer = await bridge.in_session(await bridge.open(), tool("echo"))

    assert {a.status for a in refused} == {503}
    assert (probe.status, answer.status) == (200, 200)
    assert "Traceback" not in bridge.log
