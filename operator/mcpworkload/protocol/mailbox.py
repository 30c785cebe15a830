"""A bounded queue of the messages to one client, which one task reads."""

import asyncio
from collections import deque

#: A mailbox with more is full. One message fits always, however large.
FULL_BYTES = 4 * 1024 * 1024
#: What a message costs besides its own bytes, so that many tiny ones fill it too.
FRAME_BYTES = 256


class Mailbox:
    """
    Messages for one HTTP response, in order.

    One for a single request ends with its answer; one that *is_stream* takes the answers to
    many, and ends by `finish` or `close`.
    """

    __slots__ = ("_frames", "_has_last", "_is_stream", "_reader", "_room", "_size", "is_closed")

    def __init__(self, *, is_stream: bool = False) -> None:
        self.is_closed = False
        self._is_stream = is_stream
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._has_last = False
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def size(self) -> int:
        """The bytes that wait, with FRAME_BYTES more for each message."""
        return self._size

    @property
    def is_full(self) -> bool:
        """True if a writer should wait, or give up on the client."""
        return self._size > FULL_BYTES and len(self._frames) > 1 and not self.is_closed

    def put(self, frame: bytes, *, is_answer: bool = False) -> None:
        """Add *frame*; drop it if the mailbox is closed, or has the last one."""
        if self.is_closed or self._has_last:
            return
        self._frames.append(frame)
        self._size += len(frame) + FRAME_BYTES
        self._has_last = is_answer and not self._is_stream
        self._wake()

    def hand_over(self, other: "Mailbox") -> None:
        """Let *other* have what waits here."""
        while self._frames:
            other.put(self._frames.popleft())
        self._size = 0

    def finish(self) -> None:
        """Let the reader end after what is there."""
        self._has_last = True
        self._wake()

    def close(self) -> None:
        """Forget everything: the client is gone, or should be."""
        self.is_closed = True
        self._frames.clear()
        self._size = 0
        self._wake()
        self._give_room()

    async def get(self, within: float) -> tuple[bytes | None, bool]:
        """
        Return the next frame and whether it is the last one.

        No frame and False: none came within that many seconds. No frame and True: there will be
        none any more.
        """
        if not self._frames and not self._has_last and not self.is_closed:
            await self._wait(within)
        if not self._frames:
            return None, self._has_last or self.is_closed
        frame = self._frames.popleft()
        self._size -= len(frame) + FRAME_BYTES
        if self._room is not None and not self.is_full:
            self._give_room()
        return frame, self._has_last and not self._frames

    async def room(self) -> None:
        """Wait until it is not full any more, or closed."""
        while self.is_full:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    async def _wait(self, within: float) -> None:
        loop = asyncio.get_running_loop()
        self._reader = reader = loop.create_future()
        timer = loop.call_later(within, self._wake)
        try:
            await reader
        finally:
            timer.cancel()
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _give_room(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
