"""Sessions as arithmetic: no process, no connection, no clock."""

import json
from typing import Any

import pytest

from mcpworkload.bridge.client_requests import ClientRequest, SessionRequest
from mcpworkload.bridge.effects import (
    CancelRequest,
    Deliver,
    EndServer,
    EndStream,
    ReportEnd,
    ServerKey,
    SessionEffect,
    carry_out,
)
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import Destination
from mcpworkload.bridge.session import BACKLOG_BYTES, MAX_STREAMS, Session
from mcpworkload.bridge.session_table import (
    OPENED_SECONDS,
    SessionTable,
    TooManySessions,
    gives_way,
)
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened

IDLE = 100.0
SHARED = ServerKey("server", 1, is_shared=True)


def own(serial: int) -> ServerKey:
    """A server that one session alone uses."""
    return ServerKey(f"session {serial}", serial)


def make_table(most: int = 2) -> SessionTable:
    """Return a table without sessions."""
    return SessionTable(most, IDLE)


def open_session(table: SessionTable, server: ServerKey | None = None, now: float = 0) -> Session:
    """Open a session that nothing has to give way for."""
    session, effects = table.open(now)
    assert effects == []
    if server is not None:
        table.give_server(session, server)
    return session


def send(session: Session, request_id: int, client_request_id: Any = 1) -> ClientRequest:
    """Have a request of the session's under way."""
    message = {"jsonrpc": "2.0", "id": client_request_id, "method": "tools/call"}
    pending = SessionRequest(request_id, opened(json.dumps(message).encode()), Mailbox(), session)
    session.add_request(pending)
    return pending


def message(method: str, **params: Any) -> Message:
    """Return what a server sends by itself."""
    return jsonrpc.members(jsonrpc.raw({"jsonrpc": "2.0", "method": method, "params": params}))


def apply(effects: list[SessionEffect]) -> None:
    """Carry out what concerns mailboxes."""
    for effect in effects:
        if isinstance(effect, Deliver | EndStream):
            carry_out(effect)


def copy(table: SessionTable, said: Message, *known: Any) -> None:
    """Have the shared server send a notification, as `RequestTable` delivers it."""
    requests, given_up = known or ({}, GivenUp())
    for mail in table.route_notification(requests, given_up, jsonrpc.method(said), said):
        mail.put(jsonrpc.encode(said))


def waiting(stream: Mailbox) -> list[Any]:
    """Return what waits in a stream."""
    return [json.loads(frame) for frame in stream._frames]


# -- opening ---------------------------------------------------------------------------------------


def test_an_open_session_is_found_by_its_id_and_an_ended_one_is_not() -> None:
    """It ends once, however often that is asked for."""
    table = make_table()
    session = open_session(table)
    assert table.find(session.id) is session
    assert session in table

    assert table.end(session, "x") == [ReportEnd(session.name, "x")]
    assert table.end(session, "y") == []
    assert table.find(session.id) is None
    assert list(table) == []


def test_no_more_sessions_are_opened_than_there_are_places() -> None:
    """The refusal names the limit."""
    table = make_table(2)
    for serial in (1, 2):
        open_session(table, own(serial))

    with pytest.raises(TooManySessions, match="2 sessions are open, which is the limit; try again"):
        table.open(OPENED_SECONDS / 2)


def test_at_the_limit_a_session_that_was_never_used_gives_way() -> None:
    """The new session waits for the place of its server."""
    table = make_table(2)
    used, unused = open_session(table, own(1)), open_session(table, own(2))
    used.has_asked = True
    session, effects = table.open(OPENED_SECONDS)

    assert effects == [
        ReportEnd(unused.name, "it was opened and never used, and there is another client"),
        EndServer(own(2)),
    ]
    assert session.waits_for == own(2)
    table.server_gone(own(2))
    assert session.waits_for is None
    assert set(table) == {used, session}


def test_a_new_session_waits_for_the_oldest_server_that_ends() -> None:
    """Each place is claimed once; one more session is refused."""
    table = make_table(2)
    for serial in (1, 2):
        table.end(open_session(table, own(serial)), "x")
    first, second = open_session(table), open_session(table)

    assert (first.waits_for, second.waits_for) == (own(1), own(2))
    with pytest.raises(TooManySessions):
        table.open(0)


def test_a_session_waits_for_the_place_that_was_lent() -> None:
    """A server without clients runs for a moment: it takes a place, and turns nobody away."""
    table = make_table(most=1)
    assert table.has_room
    table.lend_place(own(1))
    full = table.has_room
    session = open_session(table)
    waits_for = session.waits_for
    table.server_gone(own(1))

    assert (full, waits_for, session.waits_for) == (False, own(1), None)
    assert not table.has_room


def test_a_session_that_ends_while_it_waits_leaves_the_place_to_the_next_one() -> None:
    """A server that is ending is counted once, whoever waits for it."""
    table = make_table(1)
    table.end(open_session(table, own(1)), "x")
    table.end(open_session(table), "its client is gone")
    third = open_session(table)

    assert third.waits_for == own(1)
    table.server_gone(own(1))
    assert third.waits_for is None


def test_a_server_that_is_gone_before_its_session_ends_keeps_no_place() -> None:
    """So the next session does not wait for what has happened."""
    table = make_table(1)
    session = open_session(table, own(1))
    table.server_gone(own(1))
    assert EndServer(own(1)) in table.end(session, "x")

    assert open_session(table).waits_for is None


def test_sessions_of_one_server_keep_no_place_after_their_end() -> None:
    """The server stays for the others."""
    table = make_table(1)
    session = open_session(table, SHARED)

    assert table.end(session, "x") == [ReportEnd(session.name, "x")]
    assert open_session(table).waits_for is None


def test_whoever_listens_gives_way_last() -> None:
    """Of those that were never used the oldest, and no one whose server has not answered."""
    now = 1000.0
    used, listening, waiting, older, newer = sessions = [Session(now) for _ in range(5)]
    used.has_asked = True
    send(waiting, 1)
    newer.opened += 1
    now += OPENED_SECONDS
    listening.hold()
    order = []
    for later in (0.0, 1.0, 1.0):
        now += later
        order.append(gives_way(tuple(sessions), 1800, now))
        if order[-1] is not None and order[-1] in sessions:
            sessions.remove(order[-1])

    assert order == [older, newer, listening]
    assert gives_way((used, waiting), 1800, now) is None
    assert gives_way((older,), 1800, now) is older
    assert gives_way((older,), 4.0, 1001.9) is None
    now = 1002.1
    assert (gives_way((older,), 4.0, now), gives_way((older,), 1800, now)) == (older, None)


# -- expiry ----------------------------------------------------------------------------------------


def test_a_session_expires_when_it_was_idle_for_the_time() -> None:
    """From its last use on, and not while anything holds it."""
    table = make_table()
    session = open_session(table, own(1), now=0)
    session.hold()
    assert table.expire(IDLE + 1) == []
    session.release(now=50)

    assert table.expire(50 + IDLE - 0.1) == []
    assert table.expire(50 + IDLE) == [
        ReportEnd(session.name, "not used for 100 seconds"),
        EndServer(own(1)),
    ]


def test_two_uses_hold_a_session_until_both_end() -> None:
    """A stream beside a request, say."""
    session = Session(now=0)
    session.hold()
    session.hold()
    session.release(now=1)
    assert (session.is_held, session.is_idle_for(1, now=9)) == (True, False)

    session.release(now=2)
    assert (session.is_held, session.is_idle_for(1, now=3)) == (False, True)


# -- ending ----------------------------------------------------------------------------------------


def test_the_end_of_a_session_at_a_shared_server_answers_and_cancels_its_requests() -> None:
    """In their order; before its streams end, which may have to carry the answers."""
    table = make_table()
    session = open_session(table, SHARED)
    stream = session.open_stream()
    first, second = send(session, 7, "a"), send(session, 8, "b")
    text = "the session ended: its client ended it"
    effects = table.end(session, "its client ended it")

    def error(request_id: str) -> bytes:
        return jsonrpc.error(jsonrpc.raw(request_id), jsonrpc.CONNECTION_CLOSED, text)

    assert effects == [
        ReportEnd(session.name, "its client ended it"),
        Deliver(first.mail, error("a"), is_answer=True),
        CancelRequest(SHARED, first, text),
        Deliver(second.mail, error("b"), is_answer=True),
        CancelRequest(SHARED, second, text),
        EndStream(stream),
    ]


def test_the_end_of_an_own_server_ends_its_session_alone() -> None:
    """Once: a session that was ended before is not ended again."""
    table = make_table()
    first, second = open_session(table, own(1)), open_session(table, own(2))
    effects = table.server_ended(own(1), "server exited with code 3")

    assert effects[0] == ReportEnd(first.name, "server exited with code 3")
    assert list(table) == [second]
    assert table.server_ended(own(1), "server exited with code 3") == []


def test_all_sessions_end_when_the_bridge_drains() -> None:
    """Each with its own server, and the places are free once those are gone."""
    table = make_table(2)
    for serial in (1, 2):
        open_session(table, own(serial))
    effects = table.end_all("the bridge is stopping")
    ended = [effect.server for effect in effects if isinstance(effect, EndServer)]
    assert (ended, list(table)) == ([own(1), own(2)], [])

    for server in ended:
        table.server_gone(server)
    assert open_session(table).waits_for is None


# -- cancelling ------------------------------------------------------------------------------------


def test_a_cancelled_request_ends_without_an_answer() -> None:
    """Its server is notified; what the client does not know is ignored."""
    session = Session(now=0)
    session.server = own(1)
    pending = send(session, 7, "a")

    assert session.cancel("b", "why") == []
    effects = session.cancel("a", "why")
    assert effects == [CancelRequest(own(1), pending, "why"), EndStream(pending.mail)]
    apply(effects)
    assert pending.error_code == jsonrpc.REQUEST_CANCELLED
    pending.mail.put(b"late", is_answer=True)
    assert waiting(pending.mail) == []


def test_a_stream_for_all_answers_outlives_a_cancelled_request() -> None:
    """As with HTTP+SSE."""
    session = Session(now=0)
    session.server = own(1)
    session.answers = session.open_stream()
    pending = send(session, 7)
    pending.mail = session.answers
    apply(session.cancel(1, "why"))

    session.answers.put(b"{}")
    assert waiting(session.answers) == [{}]


# -- routing ---------------------------------------------------------------------------------------


def test_an_own_servers_message_goes_to_the_request_or_the_stream_or_waits() -> None:
    """The only request first; with several the client's stream; else it is kept for one."""
    session = Session(now=0)

    def route() -> Destination:
        return session.route_notification({}, GivenUp(), "x", {})

    kept = route()
    first = send(session, 1)
    assert route() is first.mail

    second = send(session, 2)
    assert route() is second.mail
    stream = session.open_stream()
    assert stream is kept
    assert route() is stream


def test_a_client_that_does_not_listen_is_asked_no_more_than_is_kept() -> None:
    """The server learns it by an error."""
    session = Session(now=0)
    backlog = session.route_request("x", {})
    assert isinstance(backlog, Mailbox)
    backlog.put(b"x" * BACKLOG_BYTES)

    assert session.route_request("x", {}) == "the client does not listen"


def test_the_oldest_stream_ends_for_one_too_many() -> None:
    """A client cannot have any number of them."""
    session = Session(now=0)
    streams = [session.open_stream() for _ in range(MAX_STREAMS + 1)]

    assert [stream._has_last for stream in streams] == [True] + [False] * MAX_STREAMS


def test_a_shared_servers_messages_reach_those_that_they_concern() -> None:
    """Changed lists all, a resource its subscribers, anything else a client that is alone."""
    table = make_table()
    first, second = open_session(table, SHARED), open_session(table, SHARED)
    streams = [first.open_stream(), second.open_stream()]
    second.subscriptions.add("x:1")
    lists, resource = "notifications/tools/list_changed", "notifications/resources/updated"
    for each in (message(lists), message(resource, uri="x:1"), message("notifications/message")):
        copy(table, each)

    assert [[m["method"] for m in waiting(s)] for s in streams] == [[lists], [lists, resource]]
    assert (table.has_subscriber("x:1"), table.has_subscriber("x:2")) == (True, False)
    assert "cannot be told" in str(table.route_request("x", {}))


def test_what_may_concern_another_client_reaches_none() -> None:
    """A request of no session, or of one that ended and was not answered, is another client's."""
    table = make_table()
    session = open_session(table, SHARED)
    stream, given_up = session.open_stream(), GivenUp()
    others = ClientRequest(9, opened(b'{"jsonrpc":"2.0","id":1,"method":"x"}'), Mailbox())
    said = message("notifications/message")

    def route(requests: dict[int, ClientRequest]) -> int:
        copy(table, said, requests, given_up)
        return len(waiting(stream))

    assert route({7: send(session, 7)}) == 1
    assert route({9: others}) == 1
    given_up.add(send(session, 8), now=0)
    assert route({}) == 2
    given_up.add(others, now=0)
    assert route({}) == 2


def test_a_late_message_for_an_ended_session_reaches_no_client() -> None:
    """Its router has no request and no open stream any more."""
    table = make_table()
    session, other = open_session(table, SHARED), open_session(table, SHARED)
    stream = session.open_stream()
    table.end(session, "x")
    said = message("notifications/tools/list_changed")
    copy(table, said)

    assert waiting(stream) == []
    assert len(waiting(other.open_stream())) == 1
