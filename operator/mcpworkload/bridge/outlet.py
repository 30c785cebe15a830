"""
The bridge's standard error: its log and the servers' lines. The bridge never waits for its reader.

A pipe that is read slowly takes no more when it is full. What is written then is kept, up to a
limit, and beyond it dropped and counted, in whole lines.
"""

import asyncio
import contextlib
import logging
import os
import select
import time
from collections import deque

#: So many bytes are kept that could not be written yet.
KEPT_BYTES = 1024 * 1024
#: A pipe that is reported writable takes so much without blocking (PIPE_BUF). To poll needs no
#: change of the pipe's flags, which other processes may share.
CHUNK_BYTES = 4096


class Outlet:
    """Writes to the descriptor *target*, of which it is the only writer in this process."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._poll = select.poll()
        self._poll.register(target, select.POLLOUT)
        self._kept: deque[memoryview] = deque()
        self._size = 0
        self._dropped = 0
        self._is_waiting = False

    def write(self, text: bytes) -> None:
        """Write whole lines, now or as soon as they are taken; dropped if too much waits."""
        if self._size + len(text) > KEPT_BYTES and self._size:
            self._dropped += text.count(b"\n")
            return
        self._keep(text)
        if not self._is_waiting:
            self._drain()

    def flush(self, within: float) -> None:
        """Wait at most *within* seconds for what is kept to be taken: the last of all."""
        last = time.monotonic() + within
        self._tell_dropped()
        while self._kept and (left := last - time.monotonic()) > 0:
            self._poll.poll(left * 1000)
            self._write_some()

    def _drain(self) -> None:
        self._write_some()
        if self._dropped and self._size < KEPT_BYTES // 2:
            self._tell_dropped()
        if bool(self._kept) == self._is_waiting:
            return
        # Before the loop runs, and after it, there is `flush`.
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            if self._kept:
                loop.add_writer(self._target, self._drain)
            else:
                loop.remove_writer(self._target)
            self._is_waiting = bool(self._kept)

    def _write_some(self) -> None:
        # A file, which the loop cannot watch, takes everything here.
        while self._kept and self._poll.poll(0):
            first = self._kept[0]
            try:
                written = os.write(self._target, first[:CHUNK_BYTES])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # The reader is gone, or the disk is full: only the log suffers.
                written = len(first)
            self._size -= written
            if written == len(first):
                self._kept.popleft()
            else:
                self._kept[0] = first[written:]

    def _tell_dropped(self) -> None:
        if self._dropped:
            count, self._dropped = self._dropped, 0
            self._keep(b"mcpw WARNING: %d lines were dropped: the log is read too slowly\n" % count)

    def _keep(self, text: bytes) -> None:
        if text:
            self._kept.append(memoryview(text))
            self._size += len(text)


class LogHandler(logging.Handler):
    """Puts log records into an outlet."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self._outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        try:
            self._outlet.write(self.format(record).encode(errors="replace") + b"\n")
        except Exception:  # noqa: BLE001 - as all handlers do
            self.handleError(record)
