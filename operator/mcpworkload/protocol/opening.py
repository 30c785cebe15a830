"""
Opens messages in steps, between which other clients are served.

Each step is one pass over the bytes without Python code for what they hold, so that its time
follows the size alone: some 0.2 s for the largest body, whatever is in it.
"""

import asyncio
import codecs
import re
from collections.abc import Callable, Generator
from typing import TypeVar

import msgspec

T = TypeVar("T")
Steps = Generator[None, None, T]

#: A message larger than this is opened in steps.
LARGE_BYTES = 512 * 1024
#: What is looked at or mended at a time, where that is possible.
PIECE_BYTES = 512 * 1024
#: Between two steps; a zero would be one turn of the loop, and to be answered takes several.
PAUSE_SECONDS = 0.002

#: No text that was cut by mistake has so many halves, each of which costs time.
MAX_HALVES = 64 * 1024
#: Half of a character beyond 16 bits. Two backslashes are hidden before this is looked for.
_HALF = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|[c-fC-F](?<!\\u[dD][89abAB]..\\u[dD].)[0-9a-fA-F]{2})",
    re.DOTALL,
)
_REPLACEMENT = rb"\\ufffd"
_HIGH = re.compile(rb"\\u[dD][89abAB]..", re.DOTALL)
_ESCAPE_BYTES = 6
#: A stand-in for two backslashes; no JSON has a NUL.
_NUL, _HIDDEN = b"\0", b"\0\1"


def at_once(work: Steps[T]) -> T:
    """Return the outcome of *work*, with nothing in between."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            outcome: T = end.value
            return outcome


async def in_turns(work: Steps[T]) -> T:
    """Return the outcome of *work*, with a pause after each step."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        await asyncio.sleep(PAUSE_SECONDS)


def decoding(data: bytes, decode: Callable[[bytes], T]) -> Steps[T]:
    """
    Return what *decode* makes of *data*, or of *data* with halves of characters replaced.

    Raises:
        UnicodeDecodeError: it is no UTF-8.
        msgspec.DecodeError and all else that *decode* raises.
    """
    if not data.isascii():
        yield from _checking(data)  # no other check covers what is not opened
    try:
        return decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # JavaScript writes half a surrogate pair as it is, which no UTF-8 can hold.
        if (b"\\ud" not in data and b"\\uD" not in data) or _NUL in data:
            raise
    yield
    mended = yield from _mending(data)
    return decode(mended)


def _checking(data: bytes) -> Steps[None]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    whole = memoryview(data)
    for begin in range(0, len(data), PIECE_BYTES):
        decoder.decode(whole[begin : begin + PIECE_BYTES], begin + PIECE_BYTES >= len(data))
        if begin % (8 * PIECE_BYTES) == 7 * PIECE_BYTES:
            yield


def _mending(data: bytes) -> Steps[bytes]:
    hidden = data.replace(rb"\\", _HIDDEN)
    pieces: list[bytes] = []
    begin = halves = 0
    while begin < len(hidden):
        end = _cut(hidden, begin + PIECE_BYTES)
        piece, count = _HALF.subn(_REPLACEMENT, hidden[begin:end])
        halves += count
        if halves > MAX_HALVES:
            raise msgspec.DecodeError(f"more than {MAX_HALVES} halves of surrogate pairs")
        pieces.append(piece.replace(_HIDDEN, rb"\\"))
        begin = end
        yield
    del hidden
    return b"".join(pieces)


def _cut(hidden: bytes, end: int) -> int:
    """Return *end*, or a place before it that is within no escape, and between no two halves."""
    if end >= len(hidden):
        return len(hidden)
    escape = hidden.rfind(b"\\", end - _ESCAPE_BYTES + 1, end)
    if escape >= 0:
        end = escape
    if _HIGH.fullmatch(hidden, end - _ESCAPE_BYTES, end):
        end -= _ESCAPE_BYTES
    return end - 1 if hidden[end - 1 : end] == _NUL else end
