"""What a server says of requests that nobody waits for any more."""

import asyncio
import json
from typing import Any

import pytest

from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.bridge.given_up import KEPT_SECONDS, MAX_KNOWN, GivenUp
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.stateless import StatelessRouter
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened
from tests.support.bridges import META, PLAIN, initialize, notification, running, tool

LOGS = {**META, "io.modelcontextprotocol/logLevel": "info"}
SAID = ["notifications/message", "notifications/custom"]


def make_call(
    number: int,
    method: str = "tools/call",
    meta: Any = LOGS,
    owner: Session | None = None,
) -> ClientRequest:
    """Return an unanswered request."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta}}
    return ClientRequest(number, opened(json.dumps(message).encode()), Mailbox(), owner)


@pytest.mark.parametrize("method", SAID)
def test_a_message_that_may_be_about_a_request_given_up_reaches_no_client(method: str) -> None:
    """Until the server answers it; then the one that waits hears again."""
    given_up, waits = GivenUp(), make_call(2)
    told = StatelessRouter().route_notification
    assert told({2: waits}, given_up, method, {}) is waits.mail

    given_up.add(make_call(1), now=0)
    assert told({2: waits}, given_up, method, {}) is None

    given_up.answered(1)
    assert told({2: waits}, given_up, method, {}) is waits.mail


def test_too_many_are_not_forgotten_once_they_are_answered() -> None:
    """Which of them the server has answered is not known any more."""
    given_up = GivenUp()
    for number in range(MAX_KNOWN + 1):
        given_up.add(make_call(number), now=0)
    for number in range(MAX_KNOWN + 1):
        given_up.answered(number)

    assert given_up.may_be_logged


def test_an_ended_subscription_silences_no_log_messages() -> None:
    """It asks for none, and is never answered; other messages may be about it."""
    given_up = GivenUp()
    given_up.add(make_call(1, "subscriptions/listen", META), now=0)

    assert not given_up.may_be_logged
    assert given_up.may_be_meant


def test_one_that_asked_for_no_logs_silences_none() -> None:
    """Whoever closes a response ends the messages of nobody else."""
    given_up, waits = GivenUp(), make_call(2)
    told = StatelessRouter().route_notification
    given_up.add(make_call(1, meta=META), now=0)

    assert told({2: waits}, given_up, "notifications/message", {}) is waits.mail
    assert told({2: waits}, given_up, "notifications/custom", {}) is None


@pytest.mark.parametrize("count", [1, MAX_KNOWN + 1])
def test_one_that_is_never_answered_is_forgotten(count: int) -> None:
    """Most servers answer nothing that was cancelled."""
    now = 1000.0
    given_up = GivenUp()
    for number in range(count):
        given_up.add(make_call(number), now)
    now += KEPT_SECONDS - 1
    given_up.forget(now)
    assert given_up.may_be_logged
    assert given_up.may_be_meant

    now += 1
    given_up.forget(now)
    assert not given_up.may_be_logged
    assert not given_up.may_be_meant
    assert 0 not in given_up


def test_a_session_is_not_silenced_by_its_own() -> None:
    """What the server says about those is its own business."""
    own = Session(now=0)
    given_up = GivenUp()
    given_up.add(make_call(1, owner=own), now=0)
    assert not given_up.may_be_anothers(own.id)

    given_up.add(make_call(2), now=0)
    assert given_up.may_be_anothers(own.id)


async def test_an_only_session_hears_messages_after_it_has_cancelled() -> None:
    """The server never answers what was cancelled, and goes on to speak to its client."""
    async with running(*PLAIN, "legacy", options=("--sessions", "Shared")) as bridge:
        session = await bridge.open()
        waiting = asyncio.create_task(bridge.in_session(session, tool("sleep", 1, seconds=60)))
        await bridge.in_session(session, tool("echo", 2))
        await bridge.in_session(session, notification("notifications/cancelled", requestId=1))
        await waiting
        answer = await bridge.in_session(session, tool("garbage", 3, **LATE))
        after = await bridge.in_session(session, tool("echo", 4))

    methods = [message.get("method") for message in answer.messages + after.messages]
    assert [method for method in methods if method is not None] == SAID


LATE = {"lines": [json.dumps(notification(method, said="of A")) for method in SAID]}


async def test_no_other_client_hears_of_a_request_that_took_too_long() -> None:
    """Each request of this era shares a server with all others."""
    async with running(*PLAIN, "modern", options=("--request-timeout", "2")) as bridge:
        given_up = await bridge.stateless(tool("sleep", meta=LOGS, seconds=4))
        other = await bridge.stateless(tool("garbage", 2, meta=LOGS, **LATE))

    assert given_up.last["error"]["code"] == -32001
    assert [message.get("id") for message in other.messages] == [2]


async def test_no_other_session_hears_of_one_that_ended() -> None:
    """Where they share a server, which works on."""
    async with running(*PLAIN, "legacy", options=("--sessions", "Shared")) as bridge:
        first, second = await bridge.open(), await bridge.open()
        waiting = asyncio.create_task(bridge.in_session(first, tool("sleep", seconds=60)))
        await bridge.in_session(first, tool("echo", 2))
        await bridge.end(first)
        await waiting
        answer = await bridge.in_session(second, tool("garbage", 3, **LATE))
        after = await bridge.in_session(second, tool("echo", 4))

    assert [message.get("id") for message in answer.messages + after.messages] == [3, 4]


async def test_the_version_tells_the_era_and_not_what_else_a_head_says() -> None:
    """Clients of sessions may repeat the method in the head, as those without sessions must."""
    async with running(*PLAIN, "legacy") as bridge:
        opened_ = await bridge.in_session(None, initialize(), **{"mcp-method": "initialize"})
        session = opened_.headers["mcp-session-id"]
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        pong = await bridge.in_session(session, ping, **{"mcp-method": "ping"})
        wrong = [
            await bridge.in_session(
                session, {**ping, "method": method}, **{"mcp-protocol-version": version}
            )
            for method in ("ping", "tools/list", "logging/setLevel")
            for version in ("1999-01-01", "2099-01-01", "invalid")
        ]

    assert (opened_.status, pong.status) == (200, 200)
    assert {answer.status for answer in wrong} == {400}


async def test_what_a_session_subscribes_to_is_bounded() -> None:
    """It is kept for as long as the session lives."""
    async with running(*PLAIN, "legacy", options=("--sessions", "Shared")) as bridge:
        session = await bridge.open()
        message = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe"}
        long = await bridge.in_session(session, {**message, "params": {"uri": "x" * 9000}})
        fine = await bridge.in_session(session, {**message, "params": {"uri": "x" * 8000}})

    assert "longer than 8192" in long.last["error"]["message"]
    assert fine.last["result"] == {}
