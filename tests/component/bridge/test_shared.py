"""Sessions that share one server."""

import asyncio
import json

from tests.support.bridges import (
    PLAIN,
    initialize,
    notification,
    running,
    tool,
)

SHARED = ("--sessions", "Shared")


async def test_clients_share_a_server_and_nothing_else() -> None:
    """One process, one handshake; equal ids and tokens never meet."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        sessions = [await bridge.open() for _ in range(3)]
        old = await bridge.in_session(None, initialize("2025-03-26"))

        async def one(session: str, steps: int) -> int:
            call = tool("sleep", 1, meta={"progressToken": 1}, seconds=0.1, steps=steps)
            answer = await bridge.in_session(session, call)
            assert len(answer.messages) == steps + 1
            pid: int = (await bridge.in_session(session, tool("echo"))).last["result"]["pid"]
            return pid

        pids = await asyncio.gather(*(one(s, n) for n, s in enumerate(sessions)))
        seen = await bridge.in_session(sessions[0], tool("seen"))
        children = len(bridge.children())

    assert len(set(pids)) == children == 1
    found = json.loads(seen.last["result"]["content"][0]["text"])["seen"]
    # It was asked for the other era first, which it does not know.
    assert found[0] == "server/discover"
    assert found[1:3] == ["initialize", "notifications/initialized"]
    assert found.count("initialize") == found.count("notifications/initialized") == 1
    assert old.last["result"]["protocolVersion"] == "2025-03-26"


async def test_a_shared_server_cannot_ask() -> None:
    """It is refused with the reason, and may go on."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        session = await bridge.open()
        answer = await bridge.in_session(session, tool("ask"))
        alive = await bridge.in_session(session, tool("ask", method="ping"))

    assert "PerSession" in answer.last["result"]["content"][0]["text"]
    assert alive.last["result"]["content"][0]["text"] == "{}"


async def test_only_what_concerns_all_clients_is_sent_to_all() -> None:
    """Changed lists to everybody, resources to subscribers, log messages to nobody of several."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        first, second = await bridge.open(), await bridge.open()
        subscribe = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe"}
        await bridge.in_session(first, {**subscribe, "params": {"uri": "a:b"}})
        changed = notification("notifications/tools/list_changed")
        updated = notification("notifications/resources/updated", uri="a:b")
        lines = [json.dumps(changed), json.dumps(updated)]
        await bridge.in_session(first, tool("garbage", lines=lines))
        # One hears it with its next answer, the other one on its stream.
        log = await bridge.in_session(first, tool("log"))
        get = {"accept": "text/event-stream", "mcp-session-id": second}
        listening = asyncio.create_task(bridge.request("GET", headers=get))
        await asyncio.sleep(0.1)
        await bridge.end(second)
        stream = await listening

    methods = [message.get("method") for message in log.messages]
    assert methods == [changed["method"], updated["method"], None]
    assert [message["method"] for message in stream.messages] == [changed["method"]]


async def test_a_resource_without_a_name_harms_no_client() -> None:
    """Whether the server says so, or a client."""
    line = json.dumps(notification("notifications/resources/updated", uri=["x"]))
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        session = await bridge.open()
        written = await bridge.in_session(session, tool("garbage", lines=[line]))
        message = {"jsonrpc": "2.0", "id": 1, "method": "resources/unsubscribe"}
        passed_on = await bridge.in_session(session, {**message, "params": {"uri": ["x"]}})

    assert written.last["result"]["content"][0]["text"] == "written"
    assert passed_on.last["result"] == {}


async def test_a_client_cannot_end_the_subscription_of_another() -> None:
    """Who has not subscribed is answered, and the server hears nothing of it."""
    message = {"jsonrpc": "2.0", "id": 1, "params": {"uri": "a:b"}}
    subscribe = {**message, "method": "resources/subscribe"}
    unsubscribe = {**message, "method": "resources/unsubscribe"}
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        first, second = await bridge.open(), await bridge.open()
        never = await bridge.in_session(first, unsubscribe)
        await bridge.in_session(first, subscribe)
        others = await bridge.in_session(second, unsubscribe)
        before = await bridge.in_session(first, tool("seen"))
        own = await bridge.in_session(first, unsubscribe)
        after = await bridge.in_session(first, tool("seen"))

    counts = [
        json.loads(answer.last["result"]["content"][0]["text"])["seen"].count(
            "resources/unsubscribe"
        )
        for answer in (before, after)
    ]
    assert [answer.last["result"] for answer in (never, others, own)] == [{}] * 3
    assert counts == [0, 1]


async def test_numbers_of_a_shared_server_fit_into_any_int() -> None:
    """Some servers keep an id in 32 bits with a sign, or write fourteen digits of it."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        session = await bridge.open()
        seen = await bridge.in_session(session, tool("seen"))

    numbers = json.loads(seen.last["result"]["content"][0]["text"])["numbers"]
    assert numbers
    assert all(0 < number < 2**31 for number in numbers)


async def test_a_session_ends_without_its_server() -> None:
    """Its requests are cancelled, the others go on with the same process."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        first, second = await bridge.open(), await bridge.open()
        waiting = asyncio.create_task(bridge.in_session(first, tool("sleep", seconds=2)))
        await asyncio.sleep(0.1)
        await bridge.end(first)
        ended = await waiting
        seen = await bridge.in_session(second, tool("seen"))

    assert "session ended" in ended.last["error"]["message"]
    found = json.loads(seen.last["result"]["content"][0]["text"])
    assert found["cancelled"] == [found["numbers"][2]]


async def test_the_end_of_a_shared_server_ends_the_bridge() -> None:
    """With its code, after everybody who waits has heard of it."""
    async with running(*PLAIN, "dual", options=SHARED) as bridge:
        session = await bridge.open()
        waiting = asyncio.create_task(bridge.in_session(session, tool("sleep", seconds=5)))
        await asyncio.sleep(0.1)
        begin = asyncio.get_running_loop().time()
        dying = await bridge.in_session(session, tool("exit", code=4))
        code = await bridge.ended()
        took = asyncio.get_running_loop().time() - begin

    message = "server exited with code 4 before it answered"
    assert dying.last["error"]["message"] == (await waiting).last["error"]["message"] == message
    assert (code, took < 3) == (4, True)
