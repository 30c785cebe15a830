"""A server in another container, as a `Channel`: lines through the attach stream."""

import asyncio
import contextlib
import logging

from mcpworkload.bridge.attaching.stream import SENT_BYTES, Stream
from mcpworkload.bridge.channel import LINE_LIMIT_BYTES, ChannelClosed, End
from mcpworkload.bridge.lines import LineSplitter

log = logging.getLogger(__name__)

#: So much may wait to be received before the server has to wait.
QUEUE_BYTES = 4 * 1024 * 1024
#: The kubelet ends streams that were silent for hours; this is well below.
HEARTBEAT_SECONDS = 1800.0


class AttachChannel:
    """
    A `Channel` over the stream whose listener it is; usable once the stream has opened.

    The stream does not report how the server ends, and the bridge does not end it: the kubelet
    restarts the server's container.
    """

    def __init__(self, heartbeat: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        #: A line that does no harm, sent where nothing else has been for a long time.
        self._heartbeat = memoryview(heartbeat + b"\n")
        self._stream: Stream
        self._unsent = memoryview(b"")
        self._may_write = asyncio.Event()
        self._is_open = True
        self._lines: list[bytes] = []
        self._queued = 0
        self._is_paused = False
        self._arrived = asyncio.Event()
        self._splitter = LineSplitter(LINE_LIMIT_BYTES, self._too_long)
        self._end: asyncio.Future[End] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self.has_heard = False
        #: Why the stream ended, as the API server reports it.
        self.reason = ""

    async def settle(self, within: float) -> bool:
        """Return whether the stream is open after *within* seconds, or data came before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._arrived.wait()
        return self.has_heard or not self._end.done()

    async def send(self, line: bytes) -> None:
        """Write *line*; see `Channel`. At most one line that has not left is kept."""
        while self._is_open and self._unsent:
            self._may_write.clear()
            await self._may_write.wait()
        if not self._is_open:
            raise ChannelClosed("the server is gone")
        self._unsent = memoryview(line + b"\n")
        self._write()

    async def receive(self) -> list[bytes]:
        """Return the lines that came; empty once the stream has ended."""
        while not self._lines:
            if self._end.done():
                return []
            self._arrived.clear()
            await self._arrived.wait()
        lines, self._lines, self._queued = self._lines, [], 0
        if self._is_paused and not self._end.done():
            self._is_paused = False
            self._stream.resume_reading()
        return lines

    def close_input(self) -> None:
        """Send nothing more. The server's input stays open for other attached clients."""
        self._is_open = False
        self._may_write.set()

    async def wait(self) -> End:
        """Return when the stream has ended; how the server did is not known here."""
        return await asyncio.shield(self._end)

    async def gone(self) -> tuple[str, ...]:
        """Return when the stream has ended; the container's processes are the kubelet's to end."""
        await self.wait()
        return ()

    def listening(self) -> list[int]:
        """Return nothing: the processes of another container are not seen here."""
        return []

    async def end(self, within: float) -> End:
        """Leave the server alone, after what was sent to it so far."""
        self.close_input()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._unsent and not self._end.done():
                    self._may_write.clear()
                    await self._may_write.wait()
                if not self._end.done():
                    self._stream.close()
                return await self.wait()
        self._stream.abort()
        return await self.wait()

    def opened(self, stream: Stream) -> None:
        """See `Listener`."""
        self._stream = stream
        self._be_heard_later()

    def heard(self, data: bytes) -> None:
        """See `Listener`."""
        if lines := self._splitter.feed(data):
            self.has_heard = True
            self._lines += lines
            self._queued += sum(len(line) for line in lines)
            self._arrived.set()
            if self._queued > QUEUE_BYTES and not self._is_paused:
                self._is_paused = True
                self._stream.pause_reading()

    def may_write(self) -> None:
        """See `Listener`."""
        self._write()

    def ended(self, reason: str) -> None:
        """See `Listener`."""
        self.reason = reason
        if self._timer is not None:
            self._timer.cancel()
        self._unsent, self._is_open = memoryview(b""), False
        self._end.set_result(End())
        self._arrived.set()
        self._may_write.set()

    def _write(self) -> None:
        while self._unsent and not self._stream.is_full:
            self._stream.write(self._unsent[:SENT_BYTES])
            self._unsent = self._unsent[SENT_BYTES:]
        if not self._unsent:
            # Even an empty view keeps all that it was a part of.
            self._unsent = memoryview(b"")
            self._be_heard_later()
            self._may_write.set()

    def _be_heard_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._end.done():
            self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        if self._is_open and not self._unsent:
            self._unsent = self._heartbeat
            self._write()

    def _too_long(self, length: int) -> None:
        log.warning("server wrote a line of more than %d bytes on standard output; dropped", length)
