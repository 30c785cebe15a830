"""Events out of bytes that come in any pieces."""

import pytest

from mcpworkload.verification.events import Event, EventParser

STREAM = (
    "\ufeff: hello\n"
    "event: endpoint\ndata: /messages?a=1\n\n"
    "data: one\r\ndata:two\r\n\r\n"
    "id: 7\rretry: 5\rdata\rdata: \r\r"
    "event: empty\n\n"
    'event: message\ndata: {"grüß": 1}\n\n'
    "data: never ended"
).encode()
EVENTS = [
    Event("endpoint", b"/messages?a=1"),
    Event("message", b"one\ntwo"),
    Event("message", b"\n"),
    Event("message", '{"grüß": 1}'.encode()),
]


@pytest.mark.parametrize("place", range(len(STREAM) + 1))
def test_a_stream_may_be_split_anywhere(place: int) -> None:
    """Line ends of all three kinds, comments, fields without a value, several lines of data."""
    parser = EventParser()
    assert parser.feed(STREAM[:place]) + parser.feed(STREAM[place:]) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_stream_may_come_in_small_pieces(size: int) -> None:
    """One byte at a time, too."""
    parser = EventParser()
    found = []
    for begin in range(0, len(STREAM), size):
        found += parser.feed(STREAM[begin : begin + size])
    assert found == EVENTS
