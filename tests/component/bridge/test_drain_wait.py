"""Waiting until nothing is under way, as whoever ends a server beside us does first."""

import asyncio
import json
import time

import pytest

from mcpworkload.bridge import drain
from tests.support.bridges import (
    META,
    PLAIN,
    Answer,
    Bridge,
    head,
    read_head,
    running,
    stateless_headers,
    tool,
)

PATIENT = "/idle?pause=0&within=20"


async def ask(bridge: Bridge, path: str) -> tuple[str, float]:
    """What it answers, and after how many seconds."""
    begin = time.monotonic()
    answer = await bridge.request("GET", path)
    assert answer.status == 200, answer
    return answer.body.decode().strip(), time.monotonic() - begin


def asking(bridge: Bridge, path: str) -> "asyncio.Task[tuple[str, float]]":
    """Ask beside what else goes on."""
    return asyncio.create_task(ask(bridge, path))


def sleeping(bridge: Bridge, seconds: float) -> "asyncio.Task[Answer]":
    """A request that takes so long."""
    return asyncio.create_task(bridge.stateless(tool("sleep", meta=META, seconds=seconds)))


async def test_it_takes_what_is_under_way_and_the_pause() -> None:
    """Whichever is longer; without either the answer is how it is now."""
    async with running(*PLAIN, "modern") as bridge:
        assert (await ask(bridge, "/idle"))[0] == "idle"
        paused = asking(bridge, "/idle?pause=1&within=1")
        under_way = sleeping(bridge, 2)
        await asyncio.sleep(0.1)
        patient, impatient = asking(bridge, PATIENT), asking(bridge, "/idle?within=0.3")
        assert (await ask(bridge, "/idle"))[0] == "busy"
        found = await asyncio.gather(paused, impatient, patient)
        answered = under_way.done()

    assert [words for words, _ in found] == ["busy", "busy", "idle"]
    assert answered
    for (_, took), wanted in zip(found, (1, 0.3, 1.9), strict=True):
        assert wanted - 0.05 <= took < wanted + 3


async def test_a_bridge_that_leaves_finishes_what_it_has() -> None:
    """It accepts nothing new, ends subscriptions as their clients can see, and goes on."""
    async with running(*PLAIN, "modern") as bridge:
        under_way = sleeping(bridge, 1)
        stream, listener = await listen(bridge)
        asked = asking(bridge, PATIENT)
        await asyncio.sleep(0.2)
        drain.run(0, bridge.process.pid)
        last = await stream.readuntil(b"\r\n0\r\n\r\n")
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset
            await bridge.request("GET", "/readyz")
        slept = await under_way
        words, _ = await asked
        rest = await stream.read()
        listener.close()

    assert b'"resultType":"complete"' in last
    assert slept.last["result"]["content"][0]["text"] == "slept"
    assert (words, slept.headers["connection"], rest) == ("idle", "close", b"")


async def test_who_only_listens_is_not_waited_for() -> None:
    """A subscription has no end; a request beside it has."""
    async with running(*PLAIN, "modern") as bridge:
        _, stream = await listen(bridge)
        alone = (await ask(bridge, PATIENT))[0]
        under_way = sleeping(bridge, 1)
        await asyncio.sleep(0.1)
        beside = (await ask(bridge, "/idle"))[0]
        await under_way
        stream.close()

    assert (alone, beside) == ("idle", "busy")


async def listen(bridge: Bridge) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Subscribe, and keep the stream."""
    params = {"_meta": META, "notifications": {"toolsListChanged": True}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
    body = json.dumps(message).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
    writer.write(head("POST", "/mcp", body, stateless_headers(message)) + body)
    status, _ = await read_head(reader)
    assert status == 200
    return reader, writer


async def test_a_few_may_wait() -> None:
    """One more is refused, until one of them has left."""
    async with running(*PLAIN, "modern") as bridge:
        under_way = sleeping(bridge, 5)
        await asyncio.sleep(0.1)
        asked = head("GET", PATIENT, None, {})
        connections = [await asyncio.open_connection("127.0.0.1", bridge.port) for _ in range(16)]
        for _, writer in connections:
            writer.write(asked)
        await asyncio.sleep(0.2)
        refused = await bridge.request("GET", PATIENT)
        connections[0][1].close()
        await asyncio.sleep(0.3)
        admitted = (await ask(bridge, "/idle"))[0]
        under_way.cancel()
        for _, writer in connections:
            writer.close()

    assert (refused.status, admitted) == (503, "busy")
    assert refused.headers["retry-after"]


WRONG = {
    "pause=soon": "pause is 'soon'; write /idle?pause=SECONDS&within=SECONDS",
    "within=-1": "within is '-1'",
    "within=3601": "within is '3601'",
    "pause=nan": "pause is 'nan'",
    "pause=": "pause is ''",
    "patience=1": "there is no 'patience' here",
}


async def test_times_that_are_none_are_explained() -> None:
    """By what was found and what would be right."""
    async with running(*PLAIN, "modern") as bridge:
        answers = {query: await bridge.request("GET", f"/idle?{query}") for query in WRONG}

    for query, words in WRONG.items():
        assert answers[query].status == 400
        assert words in answers[query].last["error"]["message"]


async def test_idle_answers_get_requests_of_own_hosts_alone() -> None:
    """Nor is anything but GET taken."""
    async with running(*PLAIN, "modern") as bridge:
        stranger = await bridge.request("GET", "/idle", headers={"host": "a.example"})
        post = await bridge.request("POST", "/idle", body=b"{}")

    assert (stranger.status, post.status) == (421, 405)
