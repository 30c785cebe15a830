"""Lines of a stream, however it was cut."""

from collections.abc import AsyncIterator

import pytest

from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.lines import split_lines


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """The stream, in these pieces."""
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([], []),
        ([b"a\nb\n"], [(b"a", True), (b"b", True)]),
        ([b"a", b"b\n", b"c"], [(b"ab", True), (b"c", False)]),
        ([b"\n", b"\n"], [(b"", True), (b"", True)]),
    ],
)
async def test_lines_are_whole_wherever_the_stream_was_cut(
    parts: list[bytes], lines: list[tuple[bytes, bool]]
) -> None:
    """The last one may have no line feed yet."""
    assert [line async for line in split_lines(pieces(*parts))] == lines


async def test_a_line_is_too_long_only_where_a_limit_is_given() -> None:
    """A watch has a bound, a log has none."""
    parts = [b"x" * 6, b"x" * 6, b"\n"]

    assert [line async for line in split_lines(pieces(*parts))] == [(b"x" * 12, True)]
    with pytest.raises(Unavailable, match="over 10 bytes"):
        [line async for line in split_lines(pieces(*parts), 10)]
