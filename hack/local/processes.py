"""
Start programs that outlive this process, find them again, and stop them.

A process is known by its pid *and* its start time, or by the mark in its environment, never by its
name: a reused pid or another cluster's etcd is never touched.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hack.local.settings import MARK, Settings
from hack.terminal import ToolError, last_lines

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_POLL = 0.05
_KILL_AFTER = 10.0


@dataclass(frozen=True)
class Program:
    """One long-running program: its command line and the files it reads when it starts."""

    name: str
    argv: tuple[str, ...]
    inputs: tuple[Path, ...] = ()
    cwd: str = "/"

    def fingerprint(self) -> str:
        """Return a hash that changes whenever a restart would make a difference."""
        digest = hashlib.sha256(json.dumps(self.argv).encode())
        for path in self.inputs:
            digest.update(path.read_bytes())
        return digest.hexdigest()


def build_flags(flags: Mapping[str, object]) -> list[str]:
    """Return a command line's flags, each as one argument."""
    return [f"--{name}={value}" for name, value in flags.items()]


def write_configuration(settings: Settings, name: str, text: str) -> Path:
    """Write a file that a component reads at its start, and return its path."""
    path = settings.config / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@dataclass(frozen=True)
class _Record:
    """The record of a started process, by which it is found again."""

    pid: int
    started: int
    fingerprint: str


def started_at(pid: int) -> int | None:
    """Return the start time of a living process in clock ticks; None if it ended or is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def marked(state: Path) -> frozenset[int]:
    """Return the pids of all processes that we or our programs started, except those in pods."""
    needle = f"{MARK}={state}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if needle in environment.split(b"\0"):
            found.add(int(folder.name))
    return frozenset(found)


def _command_line(pid: int) -> tuple[str, ...]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(part.decode(errors="replace") for part in raw.rstrip(b"\0").split(b"\0"))


def stop_all(pids: Iterable[int], patience: float = _KILL_AFTER) -> None:
    """
    End processes: by SIGTERM, and by SIGKILL those that live for more than *patience* seconds.

    The caller vouches for the pids; from here on their start times identify them.
    """
    alive = {pid: begin for pid in pids if (begin := started_at(pid)) is not None}
    for signal_, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, _KILL_AFTER)):
        for pid, begin in alive.items():
            if started_at(pid) == begin:
                _send(pid, signal_)
        deadline = time.monotonic() + wait
        while alive and time.monotonic() < deadline:
            alive = {pid: begin for pid, begin in alive.items() if started_at(pid) == begin}
            if alive:
                time.sleep(_POLL)
    if alive:
        raise ToolError(f"processes {sorted(alive)} can't be ended: look at them with ps")


def _send(pid: int, signal_: signal.Signals) -> None:
    try:
        os.kill(pid, signal_)
    except ProcessLookupError:
        return


class Processes:
    """The programs of one cluster, remembered in its state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._records = state / "run"
        self._logs = state / "log"
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def pid(self, name: str) -> int | None:
        """Return the pid of a program that lives, else None."""
        record = self._record(name)
        if record is None or started_at(record.pid) != record.started:
            return None
        return record.pid

    def runs_as_asked(self, program: Program) -> bool:
        """Return whether it lives and was started with this command line and these inputs."""
        record = self._record(program.name)
        return self.pid(program.name) is not None and (
            record is not None and record.fingerprint == program.fingerprint()
        )

    def ensure(self, program: Program) -> bool:
        """Start the program unless it runs as asked; return True when it was started."""
        if self.runs_as_asked(program):
            return False
        self.stop(program.name)
        self._start(program)
        return True

    def stop(self, name: str) -> None:
        """End one program, if it lives."""
        pid = self.pid(name)
        if pid is not None:
            stop_all([pid])
        if (child := self._children.get(name)) is not None:
            child.wait(_KILL_AFTER)
        (self._records / f"{name}.json").unlink(missing_ok=True)

    def log(self, name: str) -> Path:
        """Return the path of the program's output."""
        return self._logs / f"{name}.log"

    def wait_until(self, name: str, healthy: Callable[[], bool], timeout: float) -> None:
        """
        Return once *healthy* returns True.

        Raises:
            ToolError: the program ended or was not healthy in time, with the end of its log.
        """
        deadline = time.monotonic() + timeout
        while not healthy():
            ended = self._reaped(name) or self.pid(name) is None
            if ended or time.monotonic() > deadline:
                problem = "ended" if ended else f"is not healthy after {timeout:.0f} s"
                log = self.log(name)
                tail = last_lines(log.read_text(errors="replace")) if log.exists() else ""
                raise ToolError(f"{name} {problem}; the end of {log}:\n{tail}")
            time.sleep(_POLL)

    def _reaped(self, name: str) -> bool:
        """Return whether it was a child of this process and has ended."""
        child = self._children.get(name)
        return child is not None and child.poll() is not None

    def _record(self, name: str) -> "_Record | None":
        try:
            return _Record(**json.loads((self._records / f"{name}.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            # Half-written by a command that was killed: the process is found by its mark instead.
            return None

    def _start(self, program: Program) -> None:
        self._records.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self.log(program.name)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        # A crash between start and record would leave an orphan: the same command line, our mark.
        stop_all(pid for pid in marked(self._state) if _command_line(pid) == program.argv)
        with log.open("wb") as output:
            child = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Nothing else of the caller's: it may hold secrets, and settings that change us.
                env={"PATH": _PATH, "HOME": str(Path.home()), MARK: str(self._state)},
                cwd=program.cwd,
                start_new_session=True,
            )
        self._children[program.name] = child
        # Fast failures leave no start time behind; wait_until reports them with their log.
        record = _Record(child.pid, started_at(child.pid) or 0, program.fingerprint())
        (self._records / f"{program.name}.json").write_text(json.dumps(asdict(record)))
