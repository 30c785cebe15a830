"""An output stream of an attached container: lines of any size, and a limit to what is kept."""

import asyncio

import pytest

from mcpworkload.runtime.channels import HIGH_WATER, Output, status_of
from mcpworkload.runtime.errors import RuntimeUnavailable


async def test_lines_come_whole() -> None:
    """However they were cut on the way; the last may have no line feed."""
    output = Output()
    for piece in (b"on", b"e\ntwo\nth", b"ree"):
        await output.put(piece)
    output.end()

    assert [line async for line in output] == [b"one\n", b"two\n", b"three"]
    assert await output.readline() == b""
    assert await output.read() == b""


async def test_bytes_come_as_they_are() -> None:
    """No more than asked for, and what is left later."""
    output = Output()
    await output.put(b"abcdef")

    assert await output.read(4) == b"abcd"
    assert await output.read() == b"ef"


async def test_who_does_not_read_holds_up() -> None:
    """The writer waits above the limit, and goes on once there is room."""
    output = Output()
    writing = asyncio.create_task(output.put(b"x" * (HIGH_WATER + 1)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.shield(writing)

    await output.read(10)

    await writing


async def test_a_line_above_the_limit_comes_whole() -> None:
    """Who waits for its end takes what it needs."""
    output, line = Output(), b"x" * (10 * 1024 * 1024) + b"\n"

    async def fill() -> None:
        for start in range(0, len(line), 32 * 1024):
            await output.put(line[start : start + 32 * 1024])

    filling = asyncio.create_task(fill())
    assert await output.readline() == line
    await filling


async def test_a_lost_connection_is_no_end() -> None:
    """What has arrived is told first."""
    output = Output()
    await output.put(b"half a li")
    output.end(RuntimeUnavailable("lost"))

    assert await output.readline() == b"half a li"
    with pytest.raises(RuntimeUnavailable):
        await output.readline()
    with pytest.raises(RuntimeUnavailable):
        await output.read()


async def test_the_end_frees_who_waits() -> None:
    """Reader and writer alike."""
    output, full = Output(), Output()
    reading = asyncio.create_task(output.readline())
    writing = asyncio.create_task(full.put(b"x" * (HIGH_WATER + 1)))
    await asyncio.sleep(0)

    output.end()
    full.end()

    assert await reading == b""
    await writing


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"status":"Success"}', ""),
        (b'{"status":"Failure","message":"no such container"}', "no such container"),
        (b"not JSON", "not JSON"),
    ],
)
def test_the_status_says_why(content: bytes, why: str) -> None:
    """Nothing for a normal end."""
    assert status_of(content) == why
