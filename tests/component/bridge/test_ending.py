"""How a bridge ends: with its server, or in order when it is told to."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridges import (
    JSON_HEADERS,
    META,
    PLAIN,
    Bridge,
    head,
    read_answer,
    running,
    tool,
)


@pytest.mark.parametrize(
    ("trick", "code", "message"),
    [
        (tool("exit", meta=META, code=3), 3, "server exited with code 3"),
        (tool("exit", meta=META, code=0), 0, "server exited with code 0"),
        (tool("kill", meta=META, signal="SIGSEGV"), 139, "server ended by SIGSEGV (11)"),
        (tool("kill", meta=META, signal="SIGKILL"), 137, "server ended by SIGKILL (9)"),
    ],
)
async def test_the_bridge_ends_as_its_server_did(trick: Any, code: int, message: str) -> None:
    """Long before its requests would; who waits gets an error, and the log has the last words."""
    async with running(*PLAIN, "modern") as bridge:
        loop = asyncio.get_running_loop()
        waiting = [
            asyncio.create_task(bridge.stateless(tool("sleep", n, meta=META, seconds=5)))
            for n in range(3)
        ]
        await asyncio.sleep(0.1)
        begin = loop.time()
        dying = await bridge.stateless(trick)
        ended = await bridge.ended()
        took = loop.time() - begin
        answers = [await w for w in waiting]

    assert (ended, took < 3) == (code, True)
    for answer in (dying, *answers):
        assert answer.last["error"]["message"] == f"{message} before it answered"
    assert f"mcpw ERROR: {message}" in bridge.log
    assert ("last words" in bridge.log) == ("exit" in str(trick))


async def test_a_server_that_leaves_a_process_behind_has_ended() -> None:
    """Even where that process holds its pipes open."""
    script = f"sleep 60 & exec {' '.join(PLAIN)} modern"
    async with running("/bin/sh", "-c", script) as bridge:
        group = bridge.children()[0]
        dying = await bridge.stateless(tool("exit", meta=META, code=5))
        code = await bridge.ended(within=5)

    assert (dying.last["error"]["code"], code) == (-32000, 5)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


async def test_what_is_accepted_is_answered_before_the_end() -> None:
    """SIGTERM: no new connections, an answer to what runs, an end of the server's input; 0."""
    async with running(*PLAIN, "modern", options=("--grace", "4")) as bridge:
        waiting = asyncio.create_task(bridge.stateless(tool("sleep", meta=META, seconds=0.8)))
        await asyncio.sleep(0.1)
        bridge.process.terminate()
        await asyncio.sleep(0.1)
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset
            await bridge.request("GET", "/readyz")
        answer = await waiting
        code = await bridge.ended()

    assert answer.last["result"]["content"][0]["text"] == "slept"
    assert (answer.headers["connection"], code) == ("close", 0)


async def test_a_connection_that_is_kept_is_served_once_more() -> None:
    """Its client may have sent a request before it could know."""
    async with running(*PLAIN, "modern", options=("--grace", "4")) as bridge:
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        writer.write(head("GET", "/readyz", None, {}))
        first = await read_answer(reader)
        bridge.process.terminate()
        await asyncio.sleep(0.1)
        writer.write(head("GET", "/readyz", None, {}))
        second = await read_answer(reader)
        code = await bridge.ended()
        writer.close()

    assert (first.status, second.status, code) == (200, 503, 0)
    assert "connection" not in first.headers
    assert second.headers["connection"] == "close"


async def test_a_server_that_does_not_want_to_end_is_killed() -> None:
    """And everything that it started, within the grace period."""
    script = f"trap '' TERM; sleep 60 & {' '.join(PLAIN)} modern; sleep 60"
    async with running("/bin/sh", "-c", script, options=("--grace", "2")) as bridge:
        group = bridge.children()[0]
        loop = asyncio.get_running_loop()
        begin = loop.time()
        bridge.process.terminate()
        code = await bridge.ended()
        took = loop.time() - begin

    assert (code, took < 4) == (0, True)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


async def test_a_server_that_has_not_answered_yet_is_ended_too() -> None:
    """With what it has started: nobody else would end that."""
    script = "sleep 61.25 & echo $! >&2; wait"
    async with running("/bin/sh", "-c", script, ready=False) as bridge:
        async with asyncio.timeout(15):
            while not bridge.log.strip():
                await asyncio.sleep(0.02)
        bridge.process.send_signal(signal.SIGTERM)
        code = await bridge.ended()

    assert code == 0
    for pid in re.findall(r"^\d+$", bridge.log, re.MULTILINE):
        assert not Path(f"/proc/{pid}").exists()


async def test_no_server_outlives_a_killed_bridge() -> None:
    """The kernel sees to it where nothing else can."""
    async with running(*PLAIN, "legacy") as bridge:
        sessions = [await bridge.open() for _ in range(2)]
        children = bridge.children()
        bridge.process.kill()
        await bridge.ended()
        async with asyncio.timeout(15):
            while any(is_alive(pid) for pid in children):
                await asyncio.sleep(0.02)

    assert len(sessions) == len(children) == 2


def is_alive(pid: int) -> bool:
    """Whether it runs. When what has ended is reaped, is up to whoever is PID 1 here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_orphans_are_reaped() -> None:
    """What a server's child leaves behind comes to us, and does not stay as a zombie."""
    async with running(*PLAIN, "modern") as bridge:
        for number in range(5):
            await bridge.stateless(tool("orphan", number, meta=META))
        server = bridge.children()[0]
        async with asyncio.timeout(15):
            while bridge.children() != [server]:
                await asyncio.sleep(0.02)


async def test_sessions_that_end_leave_nothing_behind() -> None:
    """No process and no descriptor."""
    async with running(*PLAIN, "legacy") as bridge:
        await churn(bridge)
        before = descriptors(bridge)
        for _ in range(5):
            await churn(bridge)
        async with asyncio.timeout(15):
            while bridge.children() or descriptors(bridge) > before:
                await asyncio.sleep(0.02)


async def churn(bridge: Bridge) -> None:
    """Open some sessions, use them, and end them in several ways."""
    sessions = await asyncio.gather(*(bridge.open() for _ in range(3)))
    await asyncio.gather(*(bridge.in_session(s, tool("echo")) for s in sessions))
    await bridge.in_session(sessions[0], tool("exit", code=1))
    for session in sessions[1:]:
        await bridge.end(session)


def descriptors(bridge: Bridge) -> int:
    """Return how many descriptors the bridge has open."""
    return len(list(Path(f"/proc/{bridge.process.pid}/fd").iterdir()))


@pytest.mark.parametrize("seed", range(4))
async def test_after_a_kill_at_a_random_moment_no_client_waits(seed: int) -> None:
    """Every client under way gets an answer or an error within a second; the code is right."""
    dice = random.Random(seed)  # noqa: S311
    answered: list[float] = []
    loop = asyncio.get_running_loop()
    async with running(*PLAIN, "modern") as bridge:

        async def client(number: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    message = tool("sleep", number, meta=META, seconds=dice.random() / 50)
                    body = json.dumps(message).encode()
                    headers = {**JSON_HEADERS, "mcp-protocol-version": "2026-07-28",
                               "mcp-method": "tools/call", "mcp-name": "sleep"}  # fmt: skip
                    writer.write(head("POST", "/mcp", body, headers) + body)
                    await read_answer(reader)
                    answered.append(loop.time())
            writer.close()

        clients = [asyncio.create_task(client(n)) for n in range(8)]
        await asyncio.sleep(0.2 + dice.random() / 2)
        killed = loop.time()
        os.kill(bridge.children()[0], signal.SIGKILL)
        code = await bridge.ended(within=4)
        async with asyncio.timeout(15):
            await asyncio.gather(*clients)
        took = loop.time() - killed

    assert (code, took < 3) == (137, True)
    assert len(answered) > 8
