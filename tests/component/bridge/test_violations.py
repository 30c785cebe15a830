"""Whatever a server writes to standard output, and whatever clients send, harms nobody else."""

import asyncio
import json
import random
from typing import Any

import pytest

from tests.support.bridges import (
    JSON_HEADERS,
    META,
    PLAIN,
    Answer,
    Bridge,
    running,
    stateless_headers,
    tool,
)

PIECES: list[Any] = [
    "2.0", None, True, 1, 2, -1, 1.5, 10**30, "1", "", [], {}, [1], {"a": 1}, "tools/call", "ping",
    "notifications/progress", "notifications/cancelled", "notifications/message", "initialize",
    "sampling/createMessage", {"progressToken": 1}, {"progressToken": "2", "progress": 1},
    {"requestId": 1}, {"_meta": {"io.modelcontextprotocol/subscriptionId": 3}},
    {"_meta": {"progressToken": 3}}, {"uri": "a:b"}, {"uri": ["a"]}, {"code": "x"},
]  # fmt: skip
KEYS = ["jsonrpc", "id", "method", "params", "result", "error", "extra"]


def strange_message(dice: random.Random) -> Any:
    """Return an object that may look like a message."""
    message = {key: dice.choice(PIECES) for key in dice.sample(KEYS, dice.randint(0, len(KEYS)))}
    if dice.random() < 0.7:
        message["jsonrpc"] = "2.0"
    return message


def strange_line(dice: random.Random) -> str:
    """Return a line that a server should not write."""
    line = json.dumps(strange_message(dice))
    match dice.randint(0, 5):
        case 0:
            return line[: dice.randint(0, len(line))]
        case 1:
            return "".join(chr(dice.randint(32, 0x2FF)) for _ in range(dice.randint(0, 80)))
        case 2:
            return f"[{line}]"
        case 3:
            return "Server listening on stdio" + "!" * dice.choice([0, 100_000])
        case _:
            return line


@pytest.mark.parametrize("seed", range(3))
async def test_what_a_server_writes_harms_its_own_session_at_most(seed: int) -> None:
    """The others are answered, and get nothing that is not theirs."""
    dice = random.Random(seed)  # noqa: S311
    async with running(*PLAIN, "legacy", options=("--request-timeout", "2")) as bridge:
        wild, tame = await bridge.open(), await bridge.open()
        for number in range(20):
            lines = [strange_line(dice) for _ in range(20)]
            shouting = asyncio.create_task(bridge.in_session(wild, tool("garbage", 1, lines=lines)))
            call = tool("sleep", 1, meta={"progressToken": 1}, seconds=0, steps=number)
            answer = await bridge.in_session(tame, call)
            assert len(answer.messages) == number + 1
            assert answer.last["result"]["content"][0]["text"] == "slept"
            await shouting
        ready = await bridge.request("GET", "/readyz")

    assert ready.status == 200
    assert "protocol violation" in bridge.log
    assert "Traceback" not in bridge.log


@pytest.mark.parametrize("seed", range(3))
async def test_what_clients_send_is_answered_or_refused(seed: int) -> None:
    """By a status that is no fault of ours, and the shared server goes on."""
    dice = random.Random(seed)  # noqa: S311
    async with running(*PLAIN, "dual", options=("--request-timeout", "2")) as bridge:
        session = await bridge.open()
        statuses = set()
        for _ in range(150):
            answer = await strange_request(dice, bridge, session)
            statuses.add(answer.status)
            assert answer.status in {200, 202, 204, 400, 404, 405, 406, 415, 421, 403}, answer
        fine = await bridge.stateless(tool("echo", meta=META, text="fine"))

    assert fine.last["result"]["content"][0]["text"] == "fine"
    assert {200, 202, 400} <= statuses
    assert "Traceback" not in bridge.log


async def strange_request(dice: random.Random, bridge: Bridge, session: str) -> Answer:
    """Send something that a client should not send."""
    message = strange_message(dice)
    if dice.random() < 0.7:
        message.pop("extra", None)  # or nothing of it is looked at
    body = json.dumps(message).encode()
    if dice.random() < 0.1:
        body = dice.randbytes(dice.randint(0, 60))
    headers = {**JSON_HEADERS, **dice.choice([{}, {"mcp-session-id": session}])}
    if isinstance(message.get("method"), str) and dice.random() < 0.5:
        params = message.get("params")
        named = params if isinstance(params, dict) else {}
        message = {
            **message,
            "method": message["method"] or "m",
            "params": {**named, "_meta": META},
        }
        body = json.dumps(message).encode()
        headers = {**headers, **stateless_headers({**message, "params": {}})}
    if dice.random() < 0.1:
        headers[dice.choice(["accept", "content-type", "origin", "host"])] = "text/strange"
    return await bridge.request(dice.choice(["POST"] * 9 + ["PUT"]), body=body, headers=headers)
