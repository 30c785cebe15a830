"""Bytes into lines."""

import random

from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.bridge.lines import LineSplitter


@given(st.lists(st.binary(max_size=20)), st.randoms(use_true_random=False))
def test_lines_do_not_depend_on_how_they_come(lines: list[bytes], dice: random.Random) -> None:
    """Cut anywhere, they are the same lines."""
    lines = [line.replace(b"\n", b"") for line in lines]
    data = b"".join(line + b"\n" for line in lines) + b"rest"
    splitter = LineSplitter(1000, lambda _: None)
    found = []
    while data:
        size = dice.randint(1, 9)
        found += splitter.feed(data[:size])
        data = data[size:]

    assert found == lines
    assert splitter.rest() == b"rest"


def test_a_line_beyond_the_limit_is_skipped_and_no_other_one() -> None:
    """However it is cut; what is kept never exceeds the limit by more than one piece."""
    skipped: list[int] = []
    splitter = LineSplitter(10, skipped.append)
    pieces = [b"before\n", b"x" * 8, b"x" * 8, b"x" * 8, b"x\nafter", b"\n"]

    assert [line for piece in pieces for line in splitter.feed(piece)] == [b"before", b"after"]
    assert skipped == [16]


def test_a_long_line_costs_no_more_than_its_length() -> None:
    """Ten megabytes in pieces of a pipe."""
    splitter = LineSplitter(64 * 1024 * 1024, lambda _: None)
    pieces = [b"x" * 65536] * 160

    assert all(splitter.feed(piece) == [] for piece in pieces)
    assert len(splitter.feed(b"\n")[0]) == 160 * 65536
