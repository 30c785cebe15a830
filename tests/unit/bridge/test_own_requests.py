"""Requests of the bridge's own beside those of clients."""

import json
from typing import Any

import pytest

from mcpworkload.bridge.client_requests import ClientRequest, OwnRequest, SessionRequest
from mcpworkload.bridge.effects import Deliver, SendLine
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import TOOLS_CHANGED, ListWatch, NoClients
from mcpworkload.bridge.request_table import RequestTable
from mcpworkload.bridge.session_table import SessionTable
from mcpworkload.bridge.stateless import StatelessRouter
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened, request

SAID = jsonrpc.decode(jsonrpc.notification("notifications/custom"))


def add(table: RequestTable, of: type[ClientRequest]) -> ClientRequest:
    """Have a request under way."""
    pending, _ = table.add(request("tools/list", {}), Mailbox(), None, of)
    return pending


def test_no_drain_waits_for_one() -> None:
    """A client's counts, and the bridge's beside it does not."""
    table = RequestTable(StatelessRouter())
    add(table, OwnRequest)
    alone = table.busy
    add(table, ClientRequest)

    assert (alone, table.busy) == (0, 1)


def test_it_takes_no_message_from_the_one_client_that_waits() -> None:
    """Nor is one for it, where no client waits."""
    table = RequestTable(StatelessRouter())
    add(table, OwnRequest)
    unheard = table.route(SAID, jsonrpc.Kind.NOTIFICATION, 0)
    pending = add(table, ClientRequest)
    effects = table.route(SAID, jsonrpc.Kind.NOTIFICATION, 0)

    assert unheard == []
    assert [e.mail for e in effects if isinstance(e, Deliver)] == [pending.mail]


@pytest.mark.parametrize(("of", "copies"), [(OwnRequest, 1), (ClientRequest, 0)])
def test_it_takes_no_message_from_the_one_session(of: type[ClientRequest], copies: int) -> None:
    """Another client's would."""
    table = SessionTable(2, 100)
    session, _ = table.open(0)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    call = SessionRequest(1, opened(json.dumps(message).encode()), Mailbox(), session)
    requests: Any = {1: call, 2: of(2, request("tools/list", {}), Mailbox())}

    assert len(table.route_notification(requests, GivenUp(), "x", {})) == copies


def test_one_that_is_cancelled_silences_no_client() -> None:
    """The server is notified; what it says next cannot be another client's."""
    table = RequestTable(StatelessRouter())
    own, pending = add(table, OwnRequest), add(table, ClientRequest)
    cancelled = table.cancel(own, "late", now=0)
    effects = table.route(SAID, jsonrpc.Kind.NOTIFICATION, 1)

    assert [json.loads(e.line)["method"] for e in cancelled if isinstance(e, SendLine)] == [
        "notifications/cancelled"
    ]
    assert [e.mail for e in effects if isinstance(e, Deliver)] == [pending.mail]


def test_changed_tools_are_noted_on_their_way() -> None:
    """Other messages are not; the router decides as without."""
    changes: list[int] = []
    watch = ListWatch(NoClients(), lambda: changes.append(1))
    for method in (TOOLS_CHANGED, "notifications/prompts/list_changed"):
        assert watch.route_notification({}, GivenUp(), method, {}) is None

    assert changes == [1]
    assert watch.is_shared
    assert watch.route_request("x", {}) == NoClients().route_request("x", {})
