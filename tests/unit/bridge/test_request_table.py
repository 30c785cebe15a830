"""The requests of one server as arithmetic: no process, no connection, no clock."""

import json
from typing import Any

import pytest

from mcpworkload.bridge.client_requests import ClientRequest, SessionRequest
from mcpworkload.bridge.effects import Deliver, RequestEffect, SendLine, carry_out
from mcpworkload.bridge.given_up import KEPT_SECONDS
from mcpworkload.bridge.request_table import KEPT_BYTES, MAX_CLIENT_REQUESTS, Busy, RequestTable
from mcpworkload.bridge.server_requests import MAX_OPEN
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.session_table import SessionTable
from mcpworkload.bridge.stateless import StatelessRouter
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Kind
from mcpworkload.protocol.mailbox import FULL_BYTES, Mailbox
from mcpworkload.protocol.sent import opened


class Own:
    """A session with a server of its own."""

    def __init__(self) -> None:
        self.session = Session(now=0)
        self.table = RequestTable(self.session)

    def ask(self, client_request_id: Any = "a", **meta: Any) -> ClientRequest:
        """Have the client send a request."""
        return add(self.table, client_request_id, self.session, **meta)


def add(
    table: RequestTable, client_request_id: Any, owner: Session | None = None, **meta: Any
) -> ClientRequest:
    """Have a client send a request."""
    params = {"_meta": meta} if meta else {}
    message = {"jsonrpc": "2.0", "id": client_request_id, "method": "tools/call", "params": params}
    of = ClientRequest if owner is None else SessionRequest
    pending, _ = table.add(opened(json.dumps(message).encode()), Mailbox(), owner, of)
    return pending


def apply(effects: list[RequestEffect]) -> tuple[Mailbox | None, list[Any]]:
    """Carry *effects* out; return the mailbox of a message and what the server gets."""
    mail, lines = None, []
    for effect in effects:
        if isinstance(effect, SendLine):
            lines.append(json.loads(effect.line))
            continue
        carry_out(effect)
        if isinstance(effect, Deliver):
            mail = effect.mail
    return mail, lines


def receive(table: RequestTable, now: float = 0, **message: Any) -> tuple[Any, list[Any]]:
    """Have the server write a message; return its mailbox and what the server gets."""
    found = jsonrpc.decode(json.dumps({"jsonrpc": "2.0", **message}).encode())
    return apply(table.route(found, jsonrpc.kind(found), now))


def frames(mail: Mailbox) -> list[Any]:
    """Return what waits for a client."""
    return [json.loads(frame) for frame in mail._frames]


def test_an_answer_goes_to_its_request_under_the_clients_id() -> None:
    """Which is then none of the unanswered any more, of server and session."""
    own = Own()
    pending = own.ask("a")
    assert list(own.session.client_requests) == [pending]
    mail, lines = receive(own.table, id=pending.request_id, result={})

    assert (mail, lines) == (pending.mail, [])
    assert frames(pending.mail) == [{"jsonrpc": "2.0", "id": "a", "result": {}}]
    assert (own.table.client_requests, own.session.client_requests) == ({}, {})
    assert own.table.has_answered


def test_a_late_answer_reaches_no_client() -> None:
    """Of a request that was cancelled or took too long."""
    own = Own()
    cancelled, expired = own.ask("a"), own.ask("b")
    _, lines = apply(own.table.cancel(cancelled, "why", 0) + own.table.expire(expired, 5, 0))
    assert own.table.cancel(expired, "again", 0) == []

    for pending, line in zip((cancelled, expired), lines, strict=True):
        before = frames(pending.mail)
        assert line["params"]["requestId"] == pending.request_id
        assert receive(own.table, id=pending.request_id, result={}) == (None, [])
        assert frames(pending.mail) == before


def test_a_request_that_takes_too_long_is_answered_with_an_error() -> None:
    """A server that never answered is mute."""
    own = Own()
    pending = own.ask()
    apply(own.table.expire(pending, 5, now=0))

    [answer] = frames(pending.mail)
    assert (answer["id"], answer["error"]["code"]) == ("a", jsonrpc.REQUEST_TIMEOUT)
    assert "has not answered within 5 seconds" in answer["error"]["message"]
    assert own.table.is_mute


def test_the_end_of_the_server_answers_every_request() -> None:
    """With the reason."""
    own = Own()
    first, second = own.ask("a"), own.ask("b")
    apply(own.table.end("server exited with code 3 before it answered"))

    for pending in (first, second):
        [answer] = frames(pending.mail)
        assert answer["error"]["code"] == jsonrpc.CONNECTION_CLOSED
    assert own.table.client_requests == {}


def test_progress_goes_under_the_clients_token_and_after_the_answer_too() -> None:
    """A task reports on; without a token nothing is reported."""
    own = Own()
    pending = own.ask("a", progressToken="t")
    progress: Any = {
        "method": "notifications/progress",
        "params": {"progressToken": pending.request_id, "progress": 1},
    }
    receive(own.table, **progress)
    receive(own.table, id=pending.request_id, result={})
    stream = own.session.open_stream()
    assert receive(own.table, **progress) == (stream, [])

    [first, _] = frames(pending.mail)
    assert first["params"] == {"progressToken": "t", "progress": 1}
    assert [m["params"]["progressToken"] for m in frames(stream)] == ["t"]


def test_an_answer_that_is_no_json_is_an_error() -> None:
    """The client does not wait for another one."""
    own = Own()
    pending = own.ask()
    line = b'{"jsonrpc":"2.0","id":%d,"result":NaN}' % pending.request_id

    assert own.table.route_broken(b"no answer") == []
    assert apply(own.table.route_broken(line)) == (pending.mail, [])
    assert own.table.route_broken(line) == []
    assert frames(pending.mail)[0]["error"]["code"] == jsonrpc.INTERNAL_ERROR


def test_a_server_asks_its_client_and_forgets_the_oldest_request() -> None:
    """However many the client leaves unanswered."""
    own = Own()
    stream = own.session.open_stream()
    for number in range(MAX_OPEN):
        assert receive(own.table, id=number, method="x") == (stream, [])
    _, [forgotten] = receive(own.table, id=MAX_OPEN, method="x")

    assert (forgotten["id"], forgotten["error"]["code"]) == (0, jsonrpc.REQUEST_TIMEOUT)


def test_a_shared_server_may_ping_and_ask_nothing_else() -> None:
    """No client is named."""
    table = RequestTable(StatelessRouter())
    assert receive(table, id=1, method="ping") == (
        None,
        [{"jsonrpc": "2.0", "id": 1, "result": {}}],
    )

    _, [refusal] = receive(table, id=2, method="roots/list")
    assert refusal["error"]["code"] == jsonrpc.METHOD_NOT_FOUND


def test_what_is_given_up_silences_others_until_it_had_its_time() -> None:
    """The server may speak of it for so long."""
    table = RequestTable(StatelessRouter())
    table.cancel(add(table, "a"), "why", now=0)
    other = add(table, "b")

    assert receive(table, now=KEPT_SECONDS - 1, method="notifications/x") == (None, [])
    assert receive(table, now=KEPT_SECONDS, method="notifications/x") == (other.mail, [])


def test_a_client_that_does_not_read_is_cut_alone() -> None:
    """The requests of the others go on."""
    table = RequestTable(StatelessRouter())
    slow, other = add(table, "a"), add(table, "b")
    slow.mail.put(b"x" * FULL_BYTES)
    _, [line] = apply(table.cut(slow.mail, now=0))

    assert line["params"]["requestId"] == slow.request_id
    assert slow.mail.is_closed
    assert list(table.client_requests.values()) == [other]


def test_subscriptions_end_on_purpose_and_other_requests_go_on() -> None:
    """As a bridge that drains ends them: with a result, and cancelled at the server."""
    table = RequestTable(StatelessRouter())
    message = b'{"jsonrpc":"2.0","id":"a","method":"subscriptions/listen"}'
    listening, _ = table.add(opened(message), Mailbox(), None, ClientRequest)
    other = add(table, "b")
    assert (table.subscriptions, table.busy) == (1, 1)
    _, [line] = apply(table.end_subscriptions("the bridge is stopping", now=0))

    assert line["params"] == {
        "requestId": listening.request_id,
        "reason": "the bridge is stopping",
    }
    [answer] = frames(listening.mail)
    assert (answer["id"], answer["result"]["resultType"]) == ("a", "complete")
    assert list(table.client_requests.values()) == [other]
    assert (table.subscriptions, table.busy) == (0, 1)


def test_a_server_has_so_many_requests_and_no_more() -> None:
    """Once one is answered there is room for somebody new."""
    own = Own()
    requests = [own.ask(number) for number in range(MAX_CLIENT_REQUESTS)]
    with pytest.raises(Busy, match=f"works on {MAX_CLIENT_REQUESTS} requests"):
        own.table.check_room()
    receive(own.table, id=requests[0].request_id, result={})

    own.table.check_room()


def test_large_ids_take_a_bounded_room_and_small_ones_are_still_taken() -> None:
    """So that no client shuts out the others."""
    own = Own()
    large = "x" * 1000
    table = own.table
    while table._kept_bytes + 1010 < KEPT_BYTES:
        own.ask(large)
    with pytest.raises(Busy, match=f"take {KEPT_BYTES} bytes"):
        own.ask(large)
    before = len(own.table.client_requests)
    own.ask("small")

    assert len(own.table.client_requests) == before + 1
    assert own.table.busy == before + 1


def test_a_shared_servers_message_is_copied_and_no_client_can_delay_it() -> None:
    """The server goes on however much waits for one of them."""
    sessions = SessionTable(2, 100.0)
    table = RequestTable(sessions)
    streams = [sessions.open(0)[0].open_stream() for _ in range(2)]
    method = "notifications/tools/list_changed"
    message = jsonrpc.decode(jsonrpc.notification(method))
    effects = table.route(message, Kind.NOTIFICATION, now=0)

    assert effects == [
        Deliver(stream, jsonrpc.notification(method), is_copy=True) for stream in streams
    ]


def test_ids_at_a_shared_server_cannot_be_guessed() -> None:
    """A session's own server counts."""
    own, shared = Own(), RequestTable(StatelessRouter())

    assert [own.ask().request_id for _ in range(3)] == [1, 2, 3]
    assert len({add(shared, "a").request_id for _ in range(3)} - {1, 2, 3}) == 3
