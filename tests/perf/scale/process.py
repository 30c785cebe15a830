"""A contender's process, and what it costs."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.cost import cpu_seconds

_POLL_SECONDS = 0.05
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_SAMPLE_SECONDS = 0.25
# A process that used less than this share of a core for so long has done what there was to do.
_QUIET_SECONDS, _QUIET_SHARE = 3.0, 0.02


class Process:
    """One program, started again under the same command; a file has its output."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, words: str
    ) -> None:
        self._command, self._log, self._words = command, log, words
        self._environment = {"PATH": os.environ["PATH"], **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._begin = 0
        #: Whether it is to run: one that has ended by itself is started again, as a kubelet does.
        self._is_wanted = False
        #: How often it has ended by itself.
        self.deaths = 0
        #: The processor time of the processes before this one, and the last that was read.
        self._before = self._read = 0.0

    @property
    def pid(self) -> int:
        """The ID of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it and return when its log shows that it works."""
        self._is_wanted = True
        self._before, self._read = self._before + self._read, 0.0
        with self._log.open("ab") as log:
            self._begin = log.tell()
            self._process = subprocess.Popen(  # noqa: ASYNC220 - takes a millisecond
                self._command,
                cwd=self._log.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # As in a pod: the kernel shares the processor among sessions first.
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while self._words not in self.output():
            if not self.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command} doesn't work:\n{self.output()[-4000:]}")
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> float:
        """Ask it to end and wait; return how many seconds that took."""
        begin = time.monotonic()
        self.cpu()
        self._is_wanted = False
        if self._process is not None and self.is_running:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            while self.is_running and time.monotonic() - begin < _STOP_SECONDS:
                await asyncio.sleep(_POLL_SECONDS)
            if self.is_running:
                self.send(signal.SIGKILL)
            self._process.wait()
        return time.monotonic() - begin

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def output(self) -> str:
        """Return what the present process has written."""
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(self._begin)
            return log.read().decode(errors="replace")

    async def keep(self) -> None:
        """Start it again whenever it has ended by itself; a task for as long as it is measured."""
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            if self._is_wanted and not self.is_running:
                self.deaths += 1
                await self.start()

    def cpu(self) -> float:
        """Return the processor seconds of all its processes so far."""
        with suppress(FileNotFoundError, ProcessLookupError):
            self._read = cpu_seconds(self.pid)
        return self._before + self._read

    def memory(self) -> tuple[float, float]:
        """
        Return what it holds in memory, and the most that it ever held, in MB of 10^6 bytes.

        Both are 0 while it does not run.
        """
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return 0.0, 0.0
        kibibytes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
        held, most = (int(kibibytes.get(name, 0)) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
        return held, most

    async def until_quiet(self) -> float:
        """Return the wall-clock time at which it began to do nothing; that is seconds ago."""
        last, last_at = self.cpu(), time.time()
        while time.time() - last_at < _QUIET_SECONDS:
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = self.cpu()
            if now - last > _QUIET_SHARE * _QUIET_SECONDS:
                last, last_at = now, time.time()
        return last_at


class Sampler:
    """The most memory that a process held while this ran; a task for the length of a scenario."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.most = 0.0

    async def run(self) -> None:
        """Look for ever; a process that is being restarted has nothing to look at."""
        while True:
            self.look()
            await asyncio.sleep(_SAMPLE_SECONDS)

    def look(self) -> None:
        """Look once."""
        self.most = max(self.most, self._process.memory()[0])
