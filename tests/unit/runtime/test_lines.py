"""A reader that comes back to a log has each line once, whatever it is told again."""

from datetime import UTC, datetime

import pytest

from mcpworkload.runtime.lines import Position, Stamped, split_stamp

BEGIN = "2026-01-01T00:00:"


def line(stamp: str, text: str = "") -> Stamped:
    """A line of that time: seconds and a fraction."""
    found = split_stamp(f"{BEGIN}{stamp}Z {text}".encode())
    assert found is not None
    return found


def read(position: Position, *stamps: str) -> list[str]:
    """Read an answer that holds lines of those times; those that were new."""
    replay, new = position.replay(), []
    for stamp in stamps:
        if replay.is_new(line(stamp)):
            position.advance(line(stamp))
            new.append(stamp)
    return new


def test_a_line_is_split_once() -> None:
    """All after the first blank was printed, blanks included."""
    found = split_stamp(b"2026-01-01T00:00:07.123456789+01:00  two blanks ")

    assert found is not None
    assert found.text == " two blanks "
    assert found.time == datetime(2025, 12, 31, 23, 0, 7, 123456, UTC)


@pytest.mark.parametrize(
    "words", [b"", b"the rest of a line", b"2026-01-01T00:00:00 x", b"\xff\xfe x", b"12 x"]
)
def test_what_has_no_time_is_no_line(words: bytes) -> None:
    """The rest of a line that began earlier, or a word of the kubelet's own."""
    assert split_stamp(words) is None


def test_a_line_that_cannot_be_decoded_is_still_returned() -> None:
    """A container may print what it likes."""
    found = split_stamp(b"2026-01-01T00:00:00Z \xff")

    assert found is not None
    assert found.text == "\N{REPLACEMENT CHARACTER}"


def test_the_query_has_whole_seconds() -> None:
    """As the kubelet takes it, in UTC whatever the node's zone."""
    position = Position()
    assert position.query == {}

    found = split_stamp(b"2026-01-01T01:00:07.9+01:00 x")
    assert found is not None
    position.advance(found)

    assert position.query == {"sinceTime": "2026-01-01T00:00:07Z"}


def test_the_lines_of_the_last_second_are_not_returned_twice() -> None:
    """The kubelet sends the whole second again."""
    position = Position()
    read(position, "01.1", "02.1", "02.2")

    assert read(position, "02.1", "02.2", "02.3") == ["02.3"]


def test_lines_of_one_time_are_counted() -> None:
    """Two lines of the same nanosecond, of which one was read."""
    position = Position()
    read(position, "02.2")

    assert read(position, "02.2", "02.2") == ["02.2"]
    assert read(position, "02.2", "02.2", "02.2") == ["02.2"]


def test_times_out_of_order_lose_nothing() -> None:
    """Two streams of a container are stamped apart and written in either order."""
    position = Position()

    assert read(position, "02.2", "02.1", "03.0", "02.9") == ["02.2", "02.1", "03.0", "02.9"]
    assert read(position, "03.0", "03.2", "03.1") == ["03.2", "03.1"]


def test_a_line_stamped_before_the_last_one_read_is_new() -> None:
    """The connection broke between two lines whose times are the other way round."""
    position = Position()
    read(position, "02.2")

    assert read(position, "02.2", "02.1") == ["02.1"]


def test_a_rotated_log_begins_later() -> None:
    """Lines that were read and are not sent again do not make others go missing."""
    position = Position()
    read(position, "02.1", "02.2", "02.3")

    assert read(position, "02.4", "02.5") == ["02.4", "02.5"]


def test_an_answer_asked_for_earlier_is_judged_by_now() -> None:
    """What came by another answer meanwhile is not told again, down to earlier seconds."""
    position = Position()
    read(position, "01.0")
    asked_for_before = ["01.0", "02.0", "03.0", "04.0"]
    read(position, "01.0", "02.0", "03.0")

    assert read(position, *asked_for_before) == ["04.0"]


def test_nothing_before_a_tail_is_wanted() -> None:
    """An older container that ended in the second in which the tail began."""
    position = Position()
    position.begin_at(line("02.5"))
    read(position, "02.5", "02.6")

    assert read(position, "02.1", "02.4") == []


def test_nothing_before_since_is_wanted() -> None:
    """Whole seconds count, as with the kubelet."""
    position = Position(datetime(2026, 1, 1, 0, 0, 2, 500000, UTC))

    assert position.query == {"sinceTime": "2026-01-01T00:00:02Z"}
    assert read(position, "01.9", "02.1") == ["02.1"]
