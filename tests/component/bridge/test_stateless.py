"""Streamable HTTP since 2026-07-28: requests that stand for themselves, at one shared server."""

import asyncio
import json
from typing import Any

from tests.support.bridges import (
    META,
    MODERN,
    PLAIN,
    Answer,
    Bridge,
    head,
    initialize,
    notification,
    read_head,
    running,
    stateless_headers,
    tool,
)

LOGS = {**META, "io.modelcontextprotocol/logLevel": "info"}


def call(name: str, number: Any = 1, *, token: Any = None, **arguments: Any) -> Any:
    """Return a call of a tool that stands for itself."""
    meta = META if token is None else {**META, "progressToken": token}
    return tool(name, number, meta=meta, **arguments)


async def seen(bridge: Bridge) -> Any:
    """Return what the server has seen so far."""
    answer = await bridge.stateless(call("seen"))
    return json.loads(answer.last["result"]["content"][0]["text"])


async def test_all_requests_go_to_one_server() -> None:
    """Which is the one that was asked at the start; no session id is given to anybody."""
    async with running(*PLAIN, "modern") as bridge:
        answers = await asyncio.gather(*(bridge.stateless(call("echo", n)) for n in range(5)))
        found = await seen(bridge)

    assert len({a.last["result"]["pid"] for a in answers}) == 1
    assert [a.last["id"] for a in answers] == [0, 1, 2, 3, 4]
    assert not any("mcp-session-id" in a.headers for a in answers)
    assert found["seen"][0] == "server/discover"


async def test_equal_ids_and_tokens_of_concurrent_clients_never_meet() -> None:
    """Each gets the answer to its own request and the progress of its own call."""
    async with running(*PLAIN, "modern") as bridge:

        async def one(number: int) -> None:
            answer = await bridge.stateless(
                call("sleep", "same", token=1, seconds=0.1, steps=number)
            )
            steps = [m["params"]["progress"] for m in answer.messages[:-1]]
            assert steps == [*range(1, number + 1)]
            tokens = [m["params"]["progressToken"] for m in answer.messages[:-1]]
            assert tokens == [1] * number
            assert answer.last["id"] == "same"

        await asyncio.gather(*(one(number) for number in range(1, 9)))


async def test_a_token_that_is_none_is_not_passed_on() -> None:
    """What a server gives back might equal the token of somebody else."""
    async with running(*PLAIN, "modern") as bridge:
        for token in (True, 1.0, None, [1], {"a": 1}):
            answer = await bridge.stateless(tool("echo", meta={**META, "progressToken": token}))
            assert "progressToken" not in answer.last["result"]["got"]["_meta"], token


async def test_log_messages_go_to_the_one_that_asked_for_them() -> None:
    """And to nobody where two did: whose they are is not told."""
    async with running(*PLAIN, "modern") as bridge:
        sleeping = asyncio.create_task(bridge.stateless(call("sleep", seconds=0.3)))
        await asyncio.sleep(0.05)
        asked = await bridge.stateless(tool("log", meta=LOGS))
        await sleeping
        other = asyncio.create_task(bridge.stateless(tool("sleep", meta=LOGS, seconds=0.3)))
        await asyncio.sleep(0.05)
        unclear = await bridge.stateless(tool("log", meta=LOGS))

    assert [m.get("method") for m in asked.messages] == ["notifications/message", None]
    assert len(sleeping.result().messages) == 1
    assert len(unclear.messages) == len((await other).messages) == 1


async def test_closing_the_response_cancels() -> None:
    """Here the end of the connection is the cancellation, and the server hears of it."""
    async with running(*PLAIN, "modern") as bridge:
        message = call("sleep", "mine", seconds=1)
        body = json.dumps(message).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        writer.write(head("POST", "/mcp", body, stateless_headers(message)) + body)
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.sleep(0.1)
        found = await seen(bridge)

    # server/discover came first, what the tools are then.
    assert found["cancelled"] == [found["numbers"][2]]


async def test_subscriptions_know_each_other_by_their_own_ids() -> None:
    """Each message names the id under which its client subscribed; closing ends one alone."""
    async with running(*PLAIN, "modern") as bridge:
        streams = []
        for number in ("mine", 7):
            message = {
                "jsonrpc": "2.0", "id": number, "method": "subscriptions/listen",
                "params": {"_meta": META, "notifications": {"toolsListChanged": True}},
            }  # fmt: skip
            body = json.dumps(message).encode()
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
            writer.write(head("POST", "/mcp", body, stateless_headers(message)) + body)
            status, headers = await read_head(reader)
            assert (status, headers["content-type"]) == (200, "text/event-stream")
            assert headers["x-accel-buffering"] == "no"
            first = await next_event(reader)
            assert first["method"] == "notifications/subscriptions/acknowledged"
            assert subscription(first["params"]) == number
            streams.append((reader, writer))
        await bridge.stateless(call("change"))
        events = [await next_event(reader) for reader, _ in streams]
        streams[0][1].close()
        await asyncio.sleep(0.1)
        found = await seen(bridge)
        # Who stops, ends what is left on purpose.
        bridge.process.terminate()
        last = await next_event(streams[1][0])
        code = await bridge.ended()
        streams[1][1].close()

    assert [subscription(event["params"]) for event in events] == ["mine", 7]
    assert len(found["cancelled"]) == 1
    assert (last["id"], subscription(last["result"]), code) == (7, 7, 0)


def subscription(part: Any) -> Any:
    """Return the id of the subscription that a message belongs to."""
    return part["_meta"]["io.modelcontextprotocol/subscriptionId"]


async def next_event(reader: asyncio.StreamReader) -> Any:
    """Read the next message of a stream."""
    await reader.readuntil(b"data: ")
    return json.loads(await reader.readline())


async def test_a_server_cannot_ask_in_this_era() -> None:
    """It hears so at once, and nobody else does."""
    async with running(*PLAIN, "modern") as bridge:
        answer = await bridge.stateless(call("ask"))

    assert "input_required" in answer.last["result"]["content"][0]["text"]
    assert len(answer.messages) == 1


CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
BROKEN: dict[str, tuple[dict[str, str], set[str], int]] = {
    "another method": ({"mcp-method": "tools/list"}, set(), -32020),
    "another case": ({"mcp-method": "Tools/Call"}, set(), -32020),
    "another name": ({"mcp-name": "other"}, set(), -32020),
    "bad base64": ({"mcp-name": "=?base64?ZWNobw?="}, set(), -32020),
    "another version": ({"mcp-protocol-version": "2027-01-01"}, set(), -32020),
    "no capabilities": ({}, {CAPABILITIES}, -32602),
    "nothing about itself": ({}, set(META), -32602),
}


async def test_heads_that_contradict_bodies_are_refused() -> None:
    """With the status and code of the protocol, and the id of the request."""
    async with running(*PLAIN, "modern") as bridge:
        for case, (headers, without, code) in BROKEN.items():
            meta = {key: value for key, value in META.items() if key not in without}
            answer = await bridge.stateless(tool("echo", "x", meta=meta or {"a": 1}), **headers)
            found = (answer.status, answer.last["error"]["code"], answer.last["id"])
            assert found == (400, code, "x"), case


async def test_wrong_versions_methods_and_messages_are_answered_each_in_its_way() -> None:
    """Each mistake has its own answer."""
    async with running(*PLAIN, "modern") as bridge:
        later = {**META, "io.modelcontextprotocol/protocolVersion": "2027-01-01"}
        answers = {
            "version": await bridge.stateless(
                tool("echo", meta=later), **{"mcp-protocol-version": "2027-01-01"}
            ),
            "method": await bridge.stateless(request("tools/none")),
            "initialize": await bridge.stateless(request("initialize")),
            "response": await bridge.stateless(
                {"jsonrpc": "2.0", "id": 1, "result": {}, "method": "x"} | {"method": "x"}
            ),
            "tool": await bridge.stateless(call("none")),
            "coded": await bridge.stateless(call("echo"), **{"mcp-name": "=?base64?ZWNobw==?="}),
            "notification": await bridge.stateless(notification("notifications/cancelled")),
        }

    assert answers["version"].last["error"]["code"] == -32022
    assert answers["version"].last["error"]["data"]["supported"] == [MODERN]
    found = {name: status_and_code(answer) for name, answer in answers.items()}
    assert found == {
        "version": (400, -32022),
        "method": (404, -32601),
        "initialize": (404, -32601),
        "response": (400, -32602),
        "tool": (400, -32602),
        "coded": (200, None),
        "notification": (202, None),
    }


def request(method: str) -> Any:
    """Return a request without parameters but those that it needs to stand for itself."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META}}


def status_and_code(answer: Answer) -> tuple[int, int | None]:
    """Return what a client decides by."""
    code = answer.last.get("error", {}).get("code") if answer.messages else None
    return answer.status, code


async def test_no_server_serves_two_eras() -> None:
    """A client that opens a session gets a server that no other request has reached."""
    async with running(*PLAIN, "dual") as bridge:
        stateless = await bridge.stateless(call("echo"))
        session = await bridge.open()
        in_session = await bridge.in_session(session, tool("seen"))
        found = await seen(bridge)

    assert stateless.last["result"]["pid"]
    text = json.loads(in_session.last["result"]["content"][0]["text"])["seen"]
    assert text == ["initialize", "notifications/initialized", "tools/call"]
    assert "initialize" not in found["seen"]


async def test_a_server_without_sessions_opens_none() -> None:
    """Its client hears what it needs to try the other way, or to give up."""
    async with running(*PLAIN, "modern") as bridge:
        in_session = await bridge.in_session(None, initialize())

    assert status_and_code(in_session) == (200, -32022)
    assert "mcp-session-id" not in in_session.headers
