"""
The streams that one WebSocket of the API server carries, and readers of them with a limit.

Each message begins with the number of its channel. Input is 0, output 1, errors 2; 3 has the status
at the end. Version 5 adds 255, which closes another channel.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from mcpworkload.runtime.checking import checked

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS = 0, 1, 2, 3
CLOSE = bytes((255,))
# What a reader keeps before the container has to wait.
HIGH_WATER = 256 * 1024


def status_of(content: bytes) -> str:
    """Return why the streams ended, from the status channel; empty for a normal end."""
    try:
        status: Any = json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
    return "" if status.get("status") == "Success" else str(status.get("message", "failed"))


class Output:
    """
    One of the container's output streams; for one reader at a time.

    Who reads slowly slows the container, and both of its streams: they share a connection.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._has_ended = False
        self._error: Exception | None = None
        # A reader waits for a line that is longer than the buffer.
        self._wants_more = False

    @checked
    async def read(self, limit: int = -1) -> bytes:
        """
        Return at most *limit* bytes, once there is one; empty at the end.

        Raises:
            RuntimeUnavailable: the connection was lost; the container may live on.
        """
        while not self._buffer and not self._is_over():
            await self._more()
        return self._take(len(self._buffer) if limit < 0 else limit)

    async def readline(self) -> bytes:
        """
        Return the next line with its line feed, of any length; the rest at the end, then nothing.

        Raises:
            RuntimeUnavailable: as `read`.
        """
        searched = 0
        try:
            while (found := self._buffer.find(b"\n", searched)) < 0:
                searched = len(self._buffer)
                if self._is_over():
                    return self._take(searched)
                self._wants_more = True
                self._taken.set()
                await self._more()
        finally:
            self._wants_more = False
        return self._take(found + 1)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Line by line, until the end."""
        while line := await self.readline():
            yield line

    async def put(self, data: bytes) -> None:
        """Take *data* in; wait until there is room for more."""
        self._buffer += data
        self._changed.set()
        while len(self._buffer) > HIGH_WATER and not self._wants_more and not self._has_ended:
            self._taken.clear()
            await self._taken.wait()

    def end(self, error: Exception | None = None) -> None:
        """Nothing comes after this; what is there can still be read, then *error* is raised."""
        if not self._has_ended:
            self._has_ended, self._error = True, error
        self._changed.set()
        self._taken.set()

    def _is_over(self) -> bool:
        """Return whether the stream has ended; raise where it ended with an error."""
        if self._has_ended and self._error is not None and not self._buffer:
            raise self._error
        return self._has_ended

    async def _more(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._taken.set()
        return taken
