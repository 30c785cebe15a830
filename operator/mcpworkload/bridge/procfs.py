"""
Processes as ``/proc`` reports them. One that is gone meanwhile is None, or empty.

Every function raises OSError where this process has no descriptor left to look.
"""

import errno
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_PROC = "/proc"
_MOST_BYTES = 1 << 20
#: Of /proc/net/tcp: the state of a socket that listens.
_LISTENS = b"0A"
_REALTIME = b"Max realtime timeout"


@dataclass(frozen=True, slots=True)
class Process:
    """A process at one moment. No other process has the same number and start."""

    pid: int
    name: str
    state: str
    parent: int
    session: int
    #: In ticks since the machine's start.
    started: int

    @property
    def has_ended(self) -> bool:
        """Whether it only waits for its parent to take notice."""
        return self.state in "ZX"


def pids() -> list[int]:
    """Return the numbers of all processes that can be seen, the newest first as a rule."""
    return sorted((int(name) for name in _names(_PROC) if name.isdecimal()), reverse=True)


def process(pid: int) -> Process | None:
    """Return what process *pid* is."""
    begin, _, rest = _read(f"{_PROC}/{pid}/stat").rpartition(b")")
    fields = rest.split()
    if not fields:
        return None
    name = begin.partition(b"(")[2].decode(errors="replace")
    return Process(pid, name, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def realtime_limit(pid: int) -> int | None:
    """Return the soft limit RLIMIT_RTTIME of process *pid*; None where there is no limit."""
    text = _read(f"{_PROC}/{pid}/limits")
    at = text.find(_REALTIME)
    found = text[at + len(_REALTIME) :].split(None, 1)[0] if at >= 0 else b""
    return int(found) if found.isdigit() else None


def descendants(pid: int) -> list[Process]:
    """Return all processes below *pid* whose parents still run, itself aside."""
    found: dict[int, Process] = {}
    waiting = [pid]
    while waiting:
        for child in _children(waiting.pop()):
            if child not in found and (seen := process(child)) is not None:
                found[child] = seen
                waiting.append(child)
    return list(found.values())


def listening_ports(of: Collection[int]) -> list[int]:
    """Return the TCP ports on which one of these processes listens."""
    sockets = {inode for pid in of for inode in _sockets(pid)}
    found = {
        int(fields[1].rpartition(b":")[2], 16)
        for table in ("tcp", "tcp6")
        if sockets
        for line in _read(f"{_PROC}/net/{table}").splitlines()[1:]
        if len(fields := line.split()) > 9 and fields[3] == _LISTENS and fields[9] in sockets
    }
    return sorted(found)


def _children(pid: int) -> Iterator[int]:
    # A child is listed at the thread that started it.
    for thread in _names(f"{_PROC}/{pid}/task"):
        yield from map(int, _read(f"{_PROC}/{pid}/task/{thread}/children").split())


def _sockets(pid: int) -> Iterator[bytes]:
    for number in _names(f"{_PROC}/{pid}/fd"):
        try:
            target = os.readlink(f"{_PROC}/{pid}/fd/{number}")  # noqa: PTH115 - no path
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1].encode()


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - bare names
    except OSError as error:
        _is_gone(error)
        return []


def _is_gone(error: OSError) -> None:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        raise error


def _read(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        _is_gone(error)
        return b""
    parts = []
    try:
        while part := os.read(file, _MOST_BYTES):
            parts.append(part)
    except OSError:
        return b""
    finally:
        os.close(file)
    return b"".join(parts)
