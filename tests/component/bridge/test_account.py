"""`GET /server`: what the bridge knows of its server, and what it costs to ask."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.component.bridge.test_attaching import attaching, readiness
from tests.component.bridge.test_hosts import EVIL, SILENT
from tests.support.bridges import (
    META,
    PLAIN,
    SERVERS,
    Answer,
    Bridge,
    head,
    initialize,
    read_answer,
    running,
    tool,
)
from tests.support.fake_attach import Container

PER_SESSION, SHARED = ("--sessions", "PerSession"), ("--sessions", "Shared")
ONE = ("--max-sessions", "1")
TOOL_BYTES = 20_000


def listed(**options: Any) -> tuple[str, ...]:
    """Return the command of a server with such lists."""
    server = str(SERVERS / "listed.py")
    return (sys.executable, "-S", "-I", server, json.dumps(options))


async def probe(bridge: Bridge) -> Answer:
    """Ask as the operator does: by the pod's address, under the Service's name."""
    return await bridge.request("GET", "/server", headers={"host": "web.team.svc:8080"})


async def account(bridge: Bridge) -> Any:
    """Return what the bridge says of its server."""
    answer = await probe(bridge)
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.body)


def names(found: Any) -> list[str]:
    """Return the names of the tools."""
    return [each["name"] for each in found["tools"]]


@pytest.mark.parametrize(
    ("command", "options", "eras", "processes"),
    [
        (listed(tools=2, prompts=3, resources=0), PER_SESSION, {"initialize"}, 0),
        (listed(tools=2, prompts=3, resources=0), SHARED, {"initialize"}, 1),
        (listed(tools=2, prompts=3, resources=0, is_modern=True), PER_SESSION, {"discover"}, 1),
        (listed(tools=2, prompts=3, resources=0, is_modern=True), SHARED, {"discover"}, 1),
    ],
)
async def test_twenty_probes_start_nothing_and_leave_nothing(
    command: tuple[str, ...], options: tuple[str, ...], eras: set[str], processes: int
) -> None:
    """The one place for a session is free before and after, and each answer is the same."""
    async with running(*command, options=(*options, *ONE)) as bridge:
        before = bridge.children()
        found = [await account(bridge) for _ in range(20)]
        after = bridge.children()
        opened = await bridge.in_session(None, initialize())

    first = found[0]
    assert all(each == first for each in found)
    assert set(first) == {*eras, "tools", "prompts", "resources"}
    assert (names(first), first["prompts"], first["resources"]) == (["tools-0", "tools-1"], 3, 0)
    assert (before, len(before)) == (after, processes)
    assert ("result" in opened.last) == ("initialize" in eras)


async def test_a_server_of_both_eras_is_known_in_both() -> None:
    """Where it is shared; where sessions have their own, only the process that runs is known."""
    async with running(*PLAIN, "dual", options=SHARED) as bridge:
        shared = await account(bridge)
    async with running(*PLAIN, "dual") as bridge:
        alone = await account(bridge)

    assert shared["discover"]["supportedVersions"] == ["2026-07-28"]
    assert shared["initialize"]["serverInfo"]["name"] == "plain"
    assert "echo" in names(shared)
    assert (set(alone), alone["tools"]) == ({"discover", "tools"}, shared["tools"])


async def test_a_list_that_is_not_declared_is_left_out() -> None:
    """As is one that the server declares and refuses; tools that it refuses are unknown."""
    async with running(*listed(prompts=1), options=SHARED) as bridge:
        few = await account(bridge)
    refusing = listed(tools=1, prompts=1, refuses=["tools/list", "prompts/list"])
    async with running(*refusing, options=SHARED) as bridge:
        refused = await account(bridge)

    assert (set(few), few["prompts"]) == ({"initialize", "prompts"}, 1)
    assert (set(refused), refused["truncated"]) == ({"initialize", "truncated"}, True)


async def test_the_process_for_translated_requests_is_asked(tmp_path: Path) -> None:
    """Once it runs: it is a server of now."""
    record = tmp_path / "record"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    async with running(*listed(tools=1, record=str(record))) as bridge:
        translated = await bridge.stateless(message)
        before = record.read_text().count("tools/list")
        found = await account(bridge)
        after = record.read_text().count("tools/list")
        children = len(bridge.children())

    assert translated.status == 200
    assert names(found) == ["tools-0"]
    assert (after - before, children) == (1, 1)


async def test_a_server_in_another_container_is_asked(credentials: Path) -> None:
    """There is one process of it, and no other can start."""
    asked = []

    async def play(container: Container) -> None:
        while True:
            message = json.loads(await container.line())
            asked.append(message["method"])
            if "id" not in message:
                continue
            info = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            page = {"tools": [{"name": "far"}]}
            result = info if message["method"] == "initialize" else page
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
            await container.write(json.dumps(answer).encode() + b"\n")

    async with attaching(credentials, play) as port:
        await readiness(port, "^ready")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head("GET", "/server", None, {}))
        found = json.loads((await read_answer(reader)).body)
        writer.close()

    assert (names(found), found["initialize"]["capabilities"]) == (["far"], {"tools": {}})
    assert asked == ["initialize", "notifications/initialized", "tools/list"]


async def test_probes_at_a_time_ask_the_server_once(tmp_path: Path) -> None:
    """However many there are."""
    record = tmp_path / "record"
    slow = listed(tools=1, seconds=0.5, record=str(record))
    async with running(*slow, options=SHARED) as bridge:
        found = await asyncio.gather(*(account(bridge) for _ in range(10)))

    assert all(names(each) == ["tools-0"] for each in found)
    assert record.read_text().count("tools/list") == 1


@pytest.mark.timeout(60)
async def test_a_server_that_hangs_is_found_and_delays_no_drain(tmp_path: Path) -> None:
    """It answered initialize; what it is asked then is cancelled after 8 s."""
    record = tmp_path / "record"
    hanging = listed(tools=1, hangs=["tools/list"], record=str(record))
    async with running(*hanging, options=SHARED) as bridge:
        probes = [asyncio.create_task(probe(bridge)) for _ in range(2)]
        await asyncio.sleep(0.3)
        idle = await bridge.request("GET", "/idle")
        answers = await asyncio.gather(*probes)

    assert idle.body == b"idle\n"
    assert {answer.status for answer in answers} == {503}
    assert answers[0].headers["content-type"].startswith("text/plain")
    assert answers[0].body == b"the server does not answer tools/list within 8 s\n"
    methods = record.read_text().split()
    assert methods.count("tools/list") == methods.count("notifications/cancelled") == 1


@pytest.mark.timeout(60)
async def test_a_server_of_sessions_that_hangs_is_found(tmp_path: Path) -> None:
    """By a process that is started for it, and ended."""
    record = tmp_path / "record"
    hanging = listed(tools=1, hangs=["tools/list"], record=str(record))
    async with running(*hanging) as bridge:
        answers = await asyncio.gather(probe(bridge), probe(bridge))
        await _until_alone(bridge, 0)

    assert {(a.status, a.body) for a in answers} == {
        (503, b"the server does not answer tools/list within 8 s\n")
    }
    assert record.read_text().split().count("start") == 2


async def test_tools_that_changed_are_read_again_once(tmp_path: Path) -> None:
    """By a process that many probes share, and that is gone afterwards; the session remains."""
    record = tmp_path / "record"
    async with running(*listed(tools=1, record=str(record))) as bridge:
        session = await bridge.open()
        await account(bridge)
        before = record.read_text().split().count("start")
        await bridge.in_session(session, tool("any"))
        found = await asyncio.gather(*(account(bridge) for _ in range(5)))
        found.append(await account(bridge))
        after = record.read_text().split().count("start")
        await _until_alone(bridge, 1)
        alive = await bridge.in_session(session, tool("any"))

    assert all(set(each) == {"initialize", "tools"} for each in found)
    assert (before, after) == (2, 3)
    assert alive.status == 200


async def test_a_full_house_is_no_failure(tmp_path: Path) -> None:
    """Where no further process may start, the tools are those of before, and may be others."""
    record = tmp_path / "record"
    async with running(*listed(tools=1, record=str(record)), options=ONE) as bridge:
        session = await bridge.open()
        await bridge.in_session(session, tool("any"))
        found = await account(bridge)
        starts = record.read_text().split().count("start")

    assert (names(found), found["truncated"], starts) == (["tools-0"], True, 2)


async def test_a_client_waits_for_the_place_of_a_process_that_is_asked(tmp_path: Path) -> None:
    """It is not turned away for a probe."""
    record = tmp_path / "record"
    slow = listed(tools=1, seconds=2.5, record=str(record))
    async with running(*slow, options=ONE) as bridge:
        probing = asyncio.create_task(account(bridge))
        async with asyncio.timeout(5):
            while not bridge.children():
                await asyncio.sleep(0.01)
        opened = await bridge.in_session(None, initialize())
        found = await probing

    assert (opened.status, names(found)) == (200, ["tools-0"])


async def test_a_list_on_many_pages_is_whole() -> None:
    """Two thousand tools on forty of them."""
    async with running(*listed(tools=2000, page=50), options=SHARED) as bridge:
        found = await account(bridge)

    assert names(found) == [f"tools-{number}" for number in range(2000)]
    assert "truncated" not in found


@pytest.mark.parametrize(
    ("options", "most"),
    [
        pytest.param({"tools": 100, "size": TOOL_BYTES}, 60, id="one page"),
        pytest.param({"tools": 100, "size": TOOL_BYTES, "page": 10}, 60, id="pages"),
        pytest.param({"tools": 300, "size": TOOL_BYTES}, 0, id="a page that is not opened"),
        pytest.param({"tools": 250, "page": 1}, 200, id="pages without end"),
        pytest.param({"tools": 4, "page": 2, "cycle": True}, 6, id="in a circle"),
    ],
)
@pytest.mark.parametrize("sessions", [PER_SESSION, SHARED])
async def test_of_too_many_tools_there_are_as_many_as_fit(
    options: dict[str, Any], most: int, sessions: tuple[str, ...]
) -> None:
    """In an answer below 1 MB that says so."""
    async with running(*listed(**options), options=sessions) as bridge:
        answer = await probe(bridge)

    found = json.loads(answer.body)
    assert found["truncated"] is True
    assert len(answer.body) < 1_000_000
    assert most * 0.7 <= len(found["tools"]) <= most


async def test_not_ready_is_503_with_the_reason() -> None:
    """As at /readyz."""
    async with running(*SILENT, ready=False) as bridge:
        await bridge.listening()
        answer = await probe(bridge)

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.body == b"the server has not answered yet\n"


async def test_only_the_operator_and_its_like_may_read_it() -> None:
    """By a name of ours or an address, with GET; no page of another origin, and no other name."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        status = {
            (method, *headers.values()): (
                await bridge.request(method, path, b"{}" if method == "POST" else None, headers)
            ).status
            for method, path, headers in (
                ("GET", "/server", {"host": "web.team.svc.cluster.local:8080"}),
                ("GET", "/server/", {"host": "10.1.2.3:8080"}),
                ("GET", "/server", {"host": "localhost", **EVIL}),
                ("GET", "/server", {"host": "evil.example"}),
                ("POST", "/server", {}),
                ("DELETE", "/server", {}),
            )
        }
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        writer.write(head("HEAD", "/server", None, {"connection": "close"}))
        refused = await reader.read()
        writer.close()

    assert list(status.values()) == [200, 200, 403, 421, 405, 405]
    assert refused.startswith(b"HTTP/1.1 405 ")


async def _until_alone(bridge: Bridge, children: int) -> None:
    async with asyncio.timeout(10):
        while len(bridge.children()) > children:
            await asyncio.sleep(0.02)
