"""A server as a child process, on plain pipes."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
from collections import deque
from typing import IO

from mcpworkload.bridge.channel import LINE_LIMIT_BYTES, STDERR_TAIL_LINES, ChannelClosed, End
from mcpworkload.bridge.kin import Kin
from mcpworkload.bridge.lines import LineSplitter
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.reaper import Reaper

log = logging.getLogger(__name__)

#: Four times what a pipe holds by default: one read seldom leaves anything behind.
READ_BYTES = 256 * 1024
#: A pipe can hold so many reads when its writer ends.
LAST_READS = 8
#: So much may wait to be received before the server has to wait.
QUEUE_BYTES = 4 * 1024 * 1024
#: A longer line on standard error is passed on in pieces.
STDERR_LINE_BYTES = 16 * 1024
#: The parts of the time to end that pass before SIGTERM, and before SIGKILL.
TERM_AFTER, KILL_AFTER = 0.4, 0.8


class PipeChannel:
    """A `Channel` to a child process. `start` makes one."""

    def __init__(
        self, popen: "subprocess.Popen[bytes]", mark: int | None, reaper: Reaper, stderr: Outlet
    ) -> None:
        assert popen.stdin and popen.stdout and popen.stderr  # noqa: S101, PT018 - all are pipes
        self._loop = asyncio.get_running_loop()
        self._popen, self.pid = popen, popen.pid
        self._stdin, self._stdout = popen.stdin.fileno(), popen.stdout.fileno()
        self._unsent: memoryview | bytes = b""
        self._may_write = asyncio.Event()
        self._is_input_open = True
        self._is_ending = False
        self._lines: list[bytes] = []
        self._queued = 0
        self._is_reading = False
        self._arrived = asyncio.Event()
        self._splitter = LineSplitter(LINE_LIMIT_BYTES, self._too_long)
        self._stderr = _StderrCopy(popen.stderr, stderr)
        self._end: asyncio.Future[End] = self._loop.create_future()
        self._kin = Kin(self.pid, mark)
        self._clearing: asyncio.Task[tuple[str, ...]] | None = None
        for pipe in (popen.stdin, popen.stdout, popen.stderr):
            os.set_blocking(pipe.fileno(), False)
        self._resume_reading()
        reaper.watch(self.pid, self._exited)

    async def send(self, line: bytes) -> None:
        """Write *line*; see `Channel`. At most one line that the server has not taken is kept."""
        while self._is_input_open and self._unsent:
            self._may_write.clear()
            await self._may_write.wait()
        if not self._is_input_open:
            raise ChannelClosed("the server takes no more input")
        self._unsent = memoryview(line + b"\n")
        self._write()

    async def receive(self) -> list[bytes]:
        """Return the lines that came; empty once standard output has ended."""
        while not self._lines:
            if self._stdout < 0:
                return []
            self._arrived.clear()
            await self._arrived.wait()
        lines, self._lines, self._queued = self._lines, [], 0
        self._resume_reading()
        return lines

    def close_input(self) -> None:
        """Let the server see the end of its input, after the line that it is reading."""
        if self._is_input_open:
            self._is_input_open = False
            self._may_write.set()
            if not self._unsent:
                self._close_stdin()

    async def wait(self) -> End:
        """Return how the process ended, once it has."""
        return await asyncio.shield(self._end)

    async def gone(self) -> tuple[str, ...]:
        """Return the processes that the server left, once they have ended too; see `Channel`."""
        await self.wait()
        assert self._clearing is not None  # noqa: S101 - it begins with the end
        return await asyncio.shield(self._clearing)

    def listening(self) -> list[int]:
        """Return the ports on which the process or what it started listens; see `Channel`."""
        return [] if self._end.done() else self._kin.listening()

    async def end(self, within: float) -> End:
        """Close the input, wait, SIGTERM, wait, SIGKILL; what it started goes the same way."""
        begin = self._loop.time()
        # A caller need not wait for the processes that a server left which ended by itself.
        if self._end.done() and not self._is_ending:
            return self._end.result()
        self._is_ending = True
        self._kin.remember()
        self.close_input()
        for number, part in ((signal.SIGTERM, TERM_AFTER), (signal.SIGKILL, KILL_AFTER)):
            await self._wait_until(begin + within * part)
            if self._end.done():
                break
            self._kin.remember()
            self._signal(number)
            with contextlib.suppress(OSError):
                await self._kin.signal(number)
        self._kin.hurry(begin + within * KILL_AFTER)
        # What is stuck in the kernel can outlive SIGKILL; it is not waited for any longer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(begin + within):
                await self.gone()
        if self._end.done():
            return self._end.result()
        return End(stderr_tail=self._stderr.tail())

    async def _wait_until(self, deadline: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _write(self) -> None:
        try:
            written = os.write(self._stdin, self._unsent)
        except (BlockingIOError, InterruptedError):
            written = 0
        except OSError:
            self._unsent, self._is_input_open = b"", False
            self._close_stdin()
            self._may_write.set()
            return
        self._unsent = self._unsent[written:]
        if self._unsent:
            self._loop.add_writer(self._stdin, self._write)
            return
        # Even an empty view keeps all that it was a part of.
        self._unsent = b""
        self._loop.remove_writer(self._stdin)
        self._may_write.set()
        if not self._is_input_open:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            self._loop.remove_writer(self._stdin)
            self._stdin = -1
            assert self._popen.stdin  # noqa: S101
            with contextlib.suppress(OSError):
                self._popen.stdin.close()

    def _resume_reading(self) -> None:
        if not self._is_reading and self._stdout >= 0 and self._queued <= QUEUE_BYTES:
            self._is_reading = True
            self._loop.add_reader(self._stdout, self._read)

    def _pause_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._stdout)

    def _read(self) -> bool:
        """Read once; return whether there may be more."""
        try:
            data = os.read(self._stdout, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self._close_stdout()
            return False
        lines = self._splitter.feed(data)
        if lines:
            self._lines += lines
            self._queued += len(data)
            self._arrived.set()
            if self._queued > QUEUE_BYTES:
                self._pause_reading()
        return True

    def _close_stdout(self) -> None:
        self._pause_reading()
        if self._stdout >= 0:
            self._stdout = -1
            assert self._popen.stdout  # noqa: S101
            self._popen.stdout.close()
        self._arrived.set()

    def _exited(self, status: int) -> None:
        # Its last lines are in the pipes still. The end of the pipes may not come: a process that
        # the server started may hold them open, and may go on writing.
        for _ in range(LAST_READS):
            if self._stdout < 0 or not self._read():
                break
        self._close_stdout()
        if not self._is_ending:
            self._signal(signal.SIGKILL)
        self._stderr.close()
        self._unsent, self._is_input_open = b"", False
        self._close_stdin()
        self._may_write.set()
        code = os.waitstatus_to_exitcode(status) if status >= 0 else None
        # Otherwise the interpreter would go on waiting for it.
        self._popen.returncode = code if code is not None else 0
        tail = self._stderr.tail()
        # Outside of the task group: it goes on whatever becomes of those that wait for it.
        self._clearing = asyncio.ensure_future(self._kin.clear())
        if code is None:
            self._end.set_result(End(stderr_tail=tail))
        elif code < 0:
            self._end.set_result(End(signal=-code, stderr_tail=tail))
        else:
            self._end.set_result(End(code=code, stderr_tail=tail))

    def _too_long(self, length: int) -> None:
        log.warning("server wrote a line of more than %d bytes on standard output; dropped", length)


class _StderrCopy:
    """Copies a server's standard error to the bridge's, by lines, and keeps the last ones."""

    def __init__(self, source: IO[bytes], target: Outlet) -> None:
        self._loop = asyncio.get_running_loop()
        self._source, self._target = source, target
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)
        self._loop.add_reader(source, self._read)

    def tail(self) -> tuple[str, ...]:
        return tuple(self._tail)

    def close(self) -> None:
        for _ in range(LAST_READS):
            if not self._read():
                break
        self._stop()

    def _read(self) -> bool:
        """Read once; return whether there may be more."""
        if self._source.closed:
            return False
        try:
            data = os.read(self._source.fileno(), READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self._stop()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > STDERR_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        self._pass_on(lines)
        return True

    def _stop(self) -> None:
        if self._source.closed:
            return
        self._loop.remove_reader(self._source)
        self._source.close()
        if self._rest:
            self._pass_on([self._rest])
            self._rest = b""

    def _pass_on(self, lines: list[bytes]) -> None:
        if not lines:
            return
        for line in lines[-STDERR_TAIL_LINES:]:
            self._tail.append(line[:STDERR_LINE_BYTES].decode(errors="replace").rstrip())
        self._target.write(b"\n".join(lines) + b"\n")
