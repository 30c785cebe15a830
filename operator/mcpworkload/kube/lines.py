"""Split a stream that arrives in pieces into lines."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from mcpworkload.kube.errors import Unavailable


async def split_lines(
    pieces: AsyncIterator[bytes], most: int | None = None
) -> AsyncGenerator[tuple[bytes, bool]]:
    """
    Yield each line without its line feed, and whether it had one; the last may have none.

    Lines may be of any length, which `StreamReader.readline` refuses, or of *most* bytes.

    Raises:
        Unavailable: a line is longer than *most* bytes.
    """
    pending: list[bytes] = []
    size = 0
    async for piece in pieces:
        *complete, rest = piece.split(b"\n")
        for line in complete:
            yield b"".join((*pending, line)), True
            pending, size = [], 0
        if rest:
            pending.append(rest)
            size += len(rest)
            if most is not None and size > most:
                raise Unavailable(f"a watch sent a line of over {most} bytes")
        # Many pieces may be at hand: others have their turn between two of them.
        await asyncio.sleep(0)
    if pending:
        yield b"".join(pending), False
