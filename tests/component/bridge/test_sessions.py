"""Legacy streamable HTTP: sessions of one client and one server each."""

import asyncio
import json

from tests.support.bridges import (
    JSON_HEADERS,
    LEGACY,
    PLAIN,
    head,
    initialize,
    notification,
    read_head,
    running,
    tool,
)


async def test_a_session_lives_from_initialize_to_delete() -> None:
    """It has a server of its own, and is unknown after its end."""
    async with running(*PLAIN, "legacy") as bridge:
        first, second = await bridge.open(), await bridge.open()
        pids = [
            (await bridge.in_session(session, tool("echo", text="hi"))).last["result"]["pid"]
            for session in (first, second, first)
        ]
        gone = await bridge.end(first)
        after = await bridge.in_session(first, tool("echo"))
        other = await bridge.in_session(second, tool("echo"))

    assert pids[0] == pids[2] != pids[1]
    assert (gone.status, after.status, other.status) == (204, 404, 200)
    assert "initialize" in after.last["error"]["message"]


async def test_a_message_goes_through_as_it_is() -> None:
    """Numbers, unknown members, trace context, escapes and key order survive, newlines aside."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        body = (
            '{"jsonrpc": "2.0",\r\n "id": "a\\u00e9 1", "method": "tools/call", "params":\n'
            '{"name": "echo", "arguments": {"text": "\\n\\ud83d\\ude00", "z": 1.50, "a": 1e300},'
            ' "extra": [], "_meta": {"traceparent": "00-1-2-03"}}}'
        )
        answer = await bridge.request(
            "POST", body=body.encode(), headers={**JSON_HEADERS, "mcp-session-id": session}
        )

    assert answer.last["id"] == "aé 1"
    assert answer.last["result"]["content"][0]["text"] == "\n😀"
    assert answer.last["result"]["got"]["extra"] == []
    assert answer.last["result"]["got"]["_meta"] == {"traceparent": "00-1-2-03"}
    assert list(answer.last["result"]["got"]["arguments"]) == ["text", "z", "a"]


async def test_answers_come_as_json_unless_something_comes_first() -> None:
    """Progress and log messages make a stream of the answer, in order."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        plain = await bridge.in_session(session, tool("echo"))
        call = tool("sleep", 7, meta={"progressToken": "mine"}, seconds=0, steps=3)
        progress = await bridge.in_session(session, call)
        log = await bridge.in_session(session, tool("log", lines=2))

    assert plain.headers["content-type"] == "application/json"
    assert progress.headers["content-type"] == "text/event-stream"
    assert [m["params"]["progress"] for m in progress.messages[:-1]] == [1, 2, 3]
    assert {m["params"]["progressToken"] for m in progress.messages[:-1]} == {"mine"}
    assert progress.last["id"] == 7
    assert [m.get("method") for m in log.messages] == ["notifications/message"] * 2 + [None]


async def test_the_server_can_ask_its_client() -> None:
    """The question comes on the stream of the call, the answer by another POST."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        body = json.dumps(tool("ask")).encode()
        writer.write(head("POST", "/mcp", body, {**JSON_HEADERS, "mcp-session-id": session}) + body)
        status, headers = await read_head(reader)
        await reader.readuntil(b"data: ")
        question = json.loads(await reader.readline())
        reply = {"jsonrpc": "2.0", "id": question["id"], "result": {"text": "forty-two"}}
        taken = await bridge.in_session(session, reply)
        again = await bridge.in_session(session, reply)
        rest = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        seen = await bridge.in_session(session, tool("seen"))

    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert question["method"] == "sampling/createMessage"
    assert (taken.status, again.status) == (202, 202)
    assert b"forty-two" in rest
    # What nobody asked for does not reach the server.
    assert json.loads(seen.last["result"]["content"][0]["text"])["seen"].count("response") == 1


async def test_what_is_for_no_request_goes_to_the_stream_of_the_session() -> None:
    """Also what came before that stream was opened."""
    async with running(*PLAIN, "legacy") as bridge:
        session, other = await bridge.open(), await bridge.open()
        await bridge.in_session(
            session, tool("garbage", lines=[json.dumps(notification("before"))])
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        get = {"accept": "text/event-stream", "mcp-session-id": session}
        writer.write(head("GET", "/mcp", None, get))
        status, headers = await read_head(reader)
        slow = asyncio.create_task(bridge.in_session(session, tool("sleep", 1, seconds=0.3)))
        also = asyncio.create_task(bridge.in_session(session, tool("sleep", 2, seconds=0.3)))
        await asyncio.sleep(0.1)
        line = json.dumps(notification("notifications/tools/list_changed"))
        third = await bridge.in_session(session, tool("garbage", 3, lines=[line]))
        await reader.readuntil(b"list_changed")
        await asyncio.gather(slow, also)
        await bridge.in_session(other, tool("log", text="not yours"))
        await bridge.end(session)
        rest = await reader.readuntil(b"0\r\n\r\n")
        writer.close()

    assert (status, headers["mcp-session-id"]) == (200, session)
    assert len(third.messages) == 1
    assert b"not yours" not in rest


async def test_a_client_without_a_stream_hears_with_its_next_answer() -> None:
    """What a server says between two requests is not lost."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        late = tool("late", lines=[json.dumps(notification("notifications/tools/list_changed"))])
        await bridge.in_session(session, late)
        await asyncio.sleep(0.3)
        answer = await bridge.in_session(session, tool("echo"))

    methods = [message.get("method") for message in answer.messages]
    assert methods == ["notifications/tools/list_changed", None]


async def test_cancelling_is_a_message_and_closing_is_not() -> None:
    """The server hears of a cancellation under the id that it knows, and of a closed one not."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        await bridge.in_session(session, tool("echo", 5))
        call = asyncio.create_task(bridge.in_session(session, tool("sleep", 5, seconds=0.5)))
        await asyncio.sleep(0.1)
        await bridge.in_session(session, notification("notifications/cancelled", requestId=5))
        cancelled = await call
        body = json.dumps(tool("sleep", 6, seconds=0.1)).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        writer.write(head("POST", "/mcp", body, {**JSON_HEADERS, "mcp-session-id": session}) + body)
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.2)
        seen = json.loads(
            (await bridge.in_session(session, tool("seen"))).last["result"]["content"][0]["text"]
        )

    # Whoever cancelled knows the request no more: the response ends, with no answer in it.
    assert (cancelled.status, cancelled.messages) == (200, [])
    assert cancelled.headers["content-type"] == "text/event-stream"
    # initialize was 1, echo 2, sleep 3.
    assert seen["cancelled"] == [3]


async def test_a_request_that_takes_too_long_is_given_up() -> None:
    """The client gets an error, the server a cancellation, and both go on."""
    async with running(*PLAIN, "legacy", options=("--request-timeout", "2")) as bridge:
        session = await bridge.open()
        late = await bridge.in_session(session, tool("sleep", 9, seconds=4))
        seen = await bridge.in_session(session, tool("seen"))

    assert (late.last["id"], late.last["error"]["code"]) == (9, -32001)
    assert "2 seconds" in late.last["error"]["message"]
    assert '"cancelled": [2]' in seen.last["result"]["content"][0]["text"]


async def test_the_end_of_a_server_ends_its_session_alone() -> None:
    """Its client gets an error and then 404; the bridge and the others go on."""
    async with running(*PLAIN, "legacy") as bridge:
        session, other = await bridge.open(), await bridge.open()
        waiting = asyncio.create_task(bridge.in_session(session, tool("sleep", 1, seconds=5)))
        await asyncio.sleep(0.1)
        dying = await bridge.in_session(session, tool("exit", 2, code=3))
        after = await bridge.in_session(session, tool("echo"))
        fine = await bridge.in_session(other, tool("echo"))
        ready = await bridge.request("GET", "/readyz")

    assert dying.last["error"]["message"] == "server exited with code 3 before it answered"
    assert (await waiting).last["error"] == dying.last["error"]
    assert (after.status, fine.status, ready.status) == (404, 200, 200)


async def test_sessions_are_limited_and_idle_ones_end() -> None:
    """One too many is refused with 503, until one that nobody uses has ended."""
    options = ("--max-sessions", "1", "--idle-timeout", "3")
    async with running(*PLAIN, "legacy", options=options) as bridge:
        session = await bridge.open()
        refused = await bridge.in_session(None, initialize())
        await asyncio.sleep(1.7)
        used = await bridge.in_session(session, tool("echo"))
        await asyncio.sleep(1.7)
        still = await bridge.in_session(session, tool("echo"))
        await asyncio.sleep(4.5)
        idle = await bridge.in_session(session, tool("echo"))
        again = await bridge.in_session(None, initialize())
        children = len(bridge.children())

    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert "1 sessions are open" in refused.last["error"]["message"]
    assert [a.status for a in (used, still, idle, again)] == [200, 200, 404, 200]
    assert children == 1


async def test_ten_megabytes_go_both_ways() -> None:
    """As one JSON answer, however long its line."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        there = await bridge.in_session(session, tool("echo", text="é" * 5_000_000))
        back = await bridge.in_session(session, tool("big", size=10_000_000))

    assert len(there.last["result"]["content"][0]["text"]) == 5_000_000
    assert len(back.last["result"]["content"][0]["text"]) == 10_000_000


async def test_an_answer_that_is_no_json_fails_its_request() -> None:
    """Some servers write NaN, and half a surrogate pair; the first is lost, the second mended."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        lines = ['{"jsonrpc": "2.0", "id": 2, "result": {"mean": NaN}}']
        lost = await bridge.in_session(session, tool("garbage", "a", lines=lines))
        lines = [
            '{"jsonrpc": "2.0", "id": 3, "result": {"text": "\\\\ud83d \\ud83d\\ude00 \\ude00"}}'
        ]
        mended = await bridge.in_session(session, tool("garbage", "b", lines=lines))

    assert lost.last["id"] == "a"
    assert lost.last["error"]["message"] == "the server's answer is not JSON"
    assert "protocol violation 1" in bridge.log
    assert mended.last == {
        "jsonrpc": "2.0", "id": "b", "result": {"text": "\\ud83d 😀 \ufffd"},
    }  # fmt: skip


async def test_ids_of_one_session_mean_nothing_in_another() -> None:
    """Equal ids and progress tokens of concurrent clients never meet."""
    async with running(*PLAIN, "legacy") as bridge:
        sessions = [await bridge.open() for _ in range(3)]

        async def one(session: str, number: int) -> None:
            call = tool("sleep", 1, meta={"progressToken": 1}, seconds=0.05, steps=number)
            got = await bridge.in_session(session, call)
            assert [m["params"]["progress"] for m in got.messages[:-1]] == [*range(1, number + 1)]
            assert got.last["id"] == 1

        await asyncio.gather(*(one(s, n) for n, s in enumerate(sessions * 2, start=1)))


async def test_versions_of_this_era_are_all_taken() -> None:
    """Without the header, and with any revision that has sessions."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        body = json.dumps(tool("echo")).encode()
        named = {**JSON_HEADERS, "mcp-session-id": session}
        statuses = [
            (await bridge.request("POST", body=body, headers={**named, **version})).status
            for version in (
                {},
                {"mcp-protocol-version": LEGACY},
                {"mcp-protocol-version": "2025-03-26"},
            )
        ]
        unknown = await bridge.request(
            "POST", body=body, headers={**named, "mcp-protocol-version": "1999"}
        )
        missing = await bridge.in_session(None, tool("echo"))

    assert statuses == [200, 200, 200]
    assert (unknown.status, missing.status) == (400, 400)


async def test_a_server_that_does_not_read_is_not_waited_for() -> None:
    """Whoever sends to it is told so in time, requests and notifications alike."""
    async with running(*PLAIN, "legacy", options=("--request-timeout", "2")) as bridge:
        session = await bridge.open()
        await bridge.in_session(session, tool("deaf"))
        large = tool("echo", text="x" * 1_000_000)
        answers = await asyncio.gather(*(bridge.in_session(session, large) for _ in range(3)))
        told = await bridge.in_session(session, notification("notifications/x", text="x" * 100_000))
        ready = await bridge.request("GET", "/readyz")

    codes = sorted((a.status, a.last["error"]["code"]) for a in answers)
    # The first one is in the pipe; the others never left.
    assert codes == [(200, -32001), (503, -32603), (503, -32603)]
    assert (told.status, ready.status) == (503, 200)
    assert "has not read" in told.last["error"]["message"]
