"""Servers that stop to read, and a reader of ours that fails."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.bridge.effects import ServerKey
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import NoClients
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.spawn import PipeSource
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox
from tests.support.bridges import JSON_HEADERS, PLAIN, notification, running

#: More than a pipe holds.
LARGE = "x" * 300_000


def request(method: str, number: int) -> Any:
    """Return a large request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {"text": LARGE}}


@pytest.mark.parametrize("sessions", ["PerSession", "Shared"])
async def test_no_client_waits_for_a_server_that_does_not_read(sessions: str) -> None:
    """Neither with a request nor with a notification, and the session can be given up."""
    options = ("--request-timeout", "1.5", "--idle-timeout", "2", "--sessions", sessions)
    async with running(*PLAIN, "legacy", options=options) as bridge:
        session = await bridge.open()
        async with asyncio.timeout(15):
            await bridge.in_session(session, request("stall", 1))
            answers = await asyncio.gather(
                *(bridge.in_session(session, request("x", n)) for n in (2, 3))
            )
            told = await bridge.in_session(session, notification("x", text=LARGE))
            gone = await bridge.in_session(session, notification("x"))
            while gone.status != 404:
                await asyncio.sleep(2.5)
                gone = await bridge.in_session(session, notification("x"))

    # Which of the two the server was still sent, is chance.
    assert {a.last["error"]["code"] for a in answers} == {-32001, -32603}
    assert told.status == 503
    assert "has not read what was sent to it within 1.5" in told.last["error"]["message"]


async def test_a_client_of_the_old_transport_does_not_wait_either() -> None:
    """Its POST is answered with the reason."""
    options = ("--request-timeout", "0.5", "--serve", "sse")
    async with running(*PLAIN, "legacy", options=options) as bridge, asyncio.timeout(15):
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        writer.write(b"GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await reader.readuntil(b"data: ")
        path = (await reader.readline()).decode().strip()

        async def post(message: Any) -> int:
            body = json.dumps(message).encode()
            return (await bridge.request("POST", path, body, JSON_HEADERS)).status

        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
        await post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
        stalled = [await post(request("stall", 1)), await post(notification("x", text=LARGE))]
        waited = [await post(request("x", 2)), await post(notification("x", text=LARGE))]
        writer.close()

    # A line that the server has not taken is kept; a second one has to wait.
    assert stalled == [202, 202]
    assert waited == [202, 202]


class Failing(NoClients):
    """A router with a bug."""

    def route_notification(
        self,
        _requests: Mapping[int, ClientRequest],
        _given_up: GivenUp,
        _method: str,
        _message: Message,
    ) -> Mailbox | None:
        """Fail."""
        raise TypeError("a bug")


async def test_a_bug_ends_the_server_instead_of_leaving_clients_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """So that it shows."""
    line = json.dumps({"jsonrpc": "2.0", "method": "x"})
    source = PipeSource(("sh", "-c", f"echo '{line}'; exec sleep 60"), {}, Outlet(2))
    channel, key = await source.start(), ServerKey("server", 1)
    peer = Peer(channel, Failing(), key, asyncio.create_task, Changes())
    async with asyncio.timeout(15):
        end = await peer.over

    assert end.signal is not None
    assert peer.end_state == end
    assert "the bridge failed, and ends it" in caplog.text
