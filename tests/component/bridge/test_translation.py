"""Requests of 2026-07-28 to a server that has sessions alone."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.bridge.translation import TranslatedRequest
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened
from tests.support.bridges import (
    META,
    PLAIN,
    Answer,
    Bridge,
    head,
    running,
    stateless_headers,
    tool,
)

SHARED = ("--sessions", "Shared")
CLIENT = {"io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}}
LOGS = {**META, "io.modelcontextprotocol/logLevel": "debug"}


def call(name: str, number: Any = 1, *, meta: Any = None, **arguments: Any) -> Any:
    """Return a call of a tool that stands for itself."""
    return tool(name, number, meta={**META, **(meta or {})}, **arguments)


def request(method: str, **params: Any) -> Any:
    """Return a request that stands for itself."""
    return {"jsonrpc": "2.0", "id": "r", "method": method, "params": {**params, "_meta": META}}


async def seen(bridge: Bridge) -> Any:
    """Return what the server has seen so far."""
    answer = await bridge.stateless(call("seen"))
    return json.loads(answer.last["result"]["content"][0]["text"])


def make_call(method: str, params: str) -> tuple[TranslatedRequest, Any]:
    """Return a call, and what goes to the server of it."""
    text = f'{{"jsonrpc":"2.0","id":"mine","method":"{method}","params":{params}}}'
    sent = opened(text.encode())
    translated = TranslatedRequest(7, sent, Mailbox())
    return translated, translated.outgoing(sent).decode()


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        pytest.param(
            json.dumps({"_meta": {**LOGS, **CLIENT}}), "{}", id="nothing but itself"
        ),
        pytest.param(
            json.dumps({"a": 1, "_meta": {**META, "traceparent": "00-1"}}),
            '{"a": 1,"_meta":{"traceparent":"00-1"}}'.replace(" ", ""),
            id="a trace goes on",
        ),
        pytest.param(
            json.dumps({"_meta": {**META, "progressToken": "t"}}),
            '{"_meta":{"progressToken":7}}',
            id="a token becomes ours",
        ),
        pytest.param(
            '{"arguments":{"n":1.10,"big":12345678901234567890123},"_meta":{}}',
            '{"arguments":{"n":1.10,"big":12345678901234567890123}}',
            id="numbers as they are written",
        ),
    ],
)  # fmt: skip
def test_only_what_a_request_says_about_itself_is_taken_out(params: str, sent: str) -> None:
    """All the rest reaches the server as it came."""
    _, line = make_call("tools/call", params)

    assert line == f'{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{sent}}}'


KEPT = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


@pytest.mark.parametrize(
    ("method", "result", "answered"),
    [
        pytest.param("tools/call", {"content": []}, {"resultType": "complete", "content": []}),
        pytest.param("tools/list", {"tools": []}, {**KEPT, "tools": []}),
        pytest.param("resources/read", {"ttlMs": 5}, {**KEPT, "ttlMs": 5}),
        pytest.param("other/thing", {}, {"resultType": "complete"}),
        pytest.param("tools/call", [1], [1]),
    ],
)
def test_a_result_gets_what_it_lacks(method: str, result: Any, answered: Any) -> None:
    """With the least that can be said, and never in place of what the server said."""
    translated, _ = make_call(method, "{}")
    # Objects with a space inside, even empty ones.
    text = json.dumps(result).replace("{}", "{ }")
    message = jsonrpc.decode(f'{{"jsonrpc":"2.0","id":7,"result":{text}}}'.encode())

    found = json.loads(translated.answer(message))

    assert found == {"jsonrpc": "2.0", "id": "mine", "result": answered}


@pytest.mark.parametrize("options", [(), SHARED], ids=["PerSession", "Shared"])
async def test_all_requests_share_one_session_of_the_bridge(options: tuple[str, ...]) -> None:
    """One process, one handshake that offers nothing; equal ids and tokens never meet."""
    async with running(*PLAIN, "legacy", options=options) as bridge:

        async def one(steps: int) -> None:
            message = call("sleep", "same", meta={"progressToken": 1}, seconds=0.1, steps=steps)
            answer = await bridge.stateless(message)
            progress = [m["params"] for m in answer.messages[:-1]]
            assert progress == [{"progressToken": 1, "progress": n + 1} for n in range(steps)]
            assert (answer.last["id"], answer.last["result"]["resultType"]) == ("same", "complete")

        await asyncio.gather(*(one(steps) for steps in range(6)))
        echoed = await bridge.stateless(call("echo", meta=CLIENT, text="x"))
        found = await seen(bridge)
        children = len(bridge.children())

    assert "_meta" not in echoed.last["result"]["got"]
    handshake = [m for m in found["seen"] if m != "server/discover"]
    assert handshake[:2] == ["initialize", "notifications/initialized"]
    assert (found["seen"].count("initialize"), children) == (1, 1)


async def test_sessions_and_requests_without_one_do_not_share_a_process() -> None:
    """Where each session has its own; the one for requests starts when the first comes."""
    async with running(*PLAIN, "legacy") as bridge:
        # The one that only showed that it works has to go.
        async with asyncio.timeout(15):
            while bridge.children():
                await asyncio.sleep(0.02)
        session = await bridge.open()
        own = (await bridge.in_session(session, tool("echo"))).last["result"]["pid"]
        other = (await bridge.stateless(call("echo"))).last["result"]["pid"]
        await bridge.end(session)
        again = (await bridge.stateless(call("echo"))).last["result"]["pid"]

    assert own != other == again


@pytest.mark.parametrize(
    ("method", "code"),
    [
        pytest.param("server/discover", -32600, id="to find out"),
        pytest.param("subscriptions/listen", -32601, id="to listen"),
        pytest.param("ping", -32601, id="ping"),
        pytest.param("logging/setLevel", -32601, id="for all"),
        pytest.param("resources/subscribe", -32601, id="to subscribe"),
        pytest.param("tasks/list", -32601, id="tasks of others"),
        pytest.param("initialize", -32601, id="without a session"),
    ],
)
async def test_what_takes_a_session_is_refused(method: str, code: int) -> None:
    """With the code by which clients go on, and the way to have it."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        before = (await seen(bridge))["seen"]
        answer = await bridge.stateless(request(method))
        found = await seen(bridge)

    status = 400 if code == -32600 else 404
    assert (answer.status, answer.last["error"]["code"], answer.last["id"]) == (status, code, "r")
    assert "session" in answer.last["error"]["message"] or method == "server/discover"
    assert method not in found["seen"][len(before) :]


async def test_errors_of_the_server_are_passed_on() -> None:
    """With the status that this era has for them; what we know nothing of is the server's."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        method = await bridge.stateless(request("tools/none"))
        name = await bridge.stateless(call("none"))

    assert (method.status, method.last["error"]["message"]) == (404, "no method tools/none")
    assert (name.status, name.last["error"]["message"]) == (400, "no tool none")


async def test_a_client_of_any_revision_is_directed_to_a_session() -> None:
    """Also one that begins with a later version than there is."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        answers: list[Answer] = []
        for version in ("2026-07-28", "2027-01-01"):
            later = {"io.modelcontextprotocol/protocolVersion": version}
            message = request("server/discover")
            message["params"]["_meta"] = {**META, **later}
            answers.append(await bridge.stateless(message, **{"mcp-protocol-version": version}))
        wrong = await bridge.stateless(call("echo"), **{"mcp-protocol-version": "2027-01-01"})

    assert [a.last["error"]["code"] for a in answers] == [-32600, -32600]
    assert all("send initialize" in a.last["error"]["message"] for a in answers)
    assert wrong.last["error"]["code"] == -32020


@pytest.mark.parametrize("options", [(), SHARED], ids=["PerSession", "Shared"])
async def test_the_server_can_reach_no_client_without_a_request(options: tuple[str, ...]) -> None:
    """A question is refused in words; log messages and changes are no answer to a request."""
    changed = json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    async with running(*PLAIN, "legacy", options=options) as bridge:
        asked = await bridge.stateless(call("ask", method="elicitation/create"))
        pinged = await bridge.stateless(call("ask", method="ping"))
        logged = await bridge.stateless(tool("log", meta=LOGS))
        told = await bridge.stateless(call("garbage", lines=[changed]))

    reason = asked.last["result"]["content"][0]["text"]
    assert "PerSession" in reason if options else "initialize" in reason
    assert pinged.last["result"]["content"][0]["text"] == "{}"
    assert [len(a.messages) for a in (asked, logged, told)] == [1, 1, 1]


async def test_log_messages_of_a_request_do_not_reach_a_session() -> None:
    """Even if that is the only one at the same server."""
    async with running(*PLAIN, "legacy", options=SHARED) as bridge:
        session = await bridge.open()
        await bridge.stateless(call("log", text="theirs"))
        await bridge.in_session(session, tool("log", text="mine"))
        get = {"accept": "text/event-stream", "mcp-session-id": session}
        listening = asyncio.create_task(bridge.request("GET", headers=get))
        await asyncio.sleep(0.1)
        await bridge.end(session)
        heard = (await listening).messages

    assert [message["params"]["data"] for message in heard] == ["mine 0"]


async def test_closing_the_response_cancels() -> None:
    """The server hears of it as in a session."""
    async with running(*PLAIN, "legacy") as bridge:
        message = call("sleep", "mine", seconds=1)
        body = json.dumps(message).encode()
        await seen(bridge)
        _, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        writer.write(head("POST", "/mcp", body, stateless_headers(message)) + body)
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.sleep(0.1)
        found = await seen(bridge)

    # initialize came first, what the tools are then, and the first look.
    assert found["cancelled"] == [found["numbers"][3]]


@pytest.mark.parametrize("options", [(), SHARED], ids=["PerSession", "Shared"])
async def test_the_end_of_the_server_ends_the_bridge(options: tuple[str, ...]) -> None:
    """It serves everybody: who waits hears of it, then the container ends with its code."""
    async with running(*PLAIN, "legacy", options=options) as bridge:
        waiting = asyncio.create_task(bridge.stateless(call("sleep", seconds=5)))
        await asyncio.sleep(0.2)
        begin = asyncio.get_running_loop().time()
        dying = await bridge.stateless(call("exit", code=4))
        code = await bridge.ended()
        took = asyncio.get_running_loop().time() - begin

    message = "server exited with code 4 before it answered"
    assert dying.last["error"]["message"] == (await waiting).last["error"]["message"] == message
    assert (code, took < 3) == (4, True)


async def test_a_server_that_cannot_be_started_any_more_takes_the_bridge_down(
    tmp_path: Path,
) -> None:
    """The request is answered in words; then we look again, and give up."""
    broken = tmp_path / "broken"
    script = f"test -e {broken} && exit 7; exec {' '.join(PLAIN)} legacy"
    async with running("/bin/sh", "-c", script) as bridge:
        broken.touch()
        failed = await bridge.stateless(call("echo"))
        unready = await bridge.request("GET", "/readyz")
        code = await bridge.ended()

    assert failed.status == unready.status == 503
    assert failed.last["error"]["message"] == "server exited with code 7 before it answered"
    assert code == 7


async def test_the_end_of_a_session_ends_no_request_without_one() -> None:
    """A session's own server dies; the shared one goes on."""
    async with running(*PLAIN, "legacy") as bridge:
        session = await bridge.open()
        waiting = asyncio.create_task(bridge.stateless(call("sleep", seconds=0.4)))
        await asyncio.sleep(0.1)
        own = (await bridge.in_session(session, tool("echo"))).last["result"]["pid"]
        os.kill(own, signal.SIGKILL)
        answer = await waiting

    assert answer.last["result"]["content"][0]["text"] == "slept"
