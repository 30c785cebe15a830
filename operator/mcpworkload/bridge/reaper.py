"""
Waits for ended processes: the bridge's children and, where it is PID 1, all orphans.

asyncio's own child watchers stay unused: they start a thread for each child, and a second waiter
would take a child's exit code away.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: From linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Reaper:
    """Reports ended children; reaps orphans too where *adopts*, so that they come to the bridge."""

    adopts: bool = False
    _watched: dict[int, Callable[[int], None]] = field(default_factory=dict)

    @classmethod
    def install(cls, *, adopts: bool = False) -> "Reaper":
        """Start to wait in the running loop, whose thread must be the main one."""
        reaper = cls(adopts=adopts)
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, reaper.reap)
        return reaper

    def watch(self, pid: int, ended: Callable[[int], None]) -> None:
        """Call *ended* once with the wait status of the child *pid*."""
        self._watched[pid] = ended
        # It may have ended before its number was known.
        self._reap_ours(pid)

    def reap(self) -> None:
        """Take every process that has ended; a signal may stand for several."""
        for pid in tuple(self._watched):
            self._reap_ours(pid)
        while self.adopts and (orphan := _ended_child()) is not None:
            if orphan in self._watched:
                self._reap_ours(orphan)
            else:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan, os.WNOHANG)

    def _reap_ours(self, pid: int) -> None:
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            # Another waiter took it. How it ended is lost, that it ended is not.
            found, status = pid, -1
        if found == pid and (ended := self._watched.pop(pid, None)) is not None:
            ended(status)


def _ended_child() -> int | None:
    """Return a child that has ended, leaving it to be waited for."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def become_subreaper() -> bool:
    """Adopt orphans of the children from now on; whether that works. PID 1 gets them anyway."""
    return os.getpid() == 1 or _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> Callable[[], None] | None:
    """
    Return what a child calls before it becomes a server, so that it is killed with the bridge.

    None for PID 1: with it ends its whole PID namespace.
    """
    if os.getpid() == 1:
        return None
    parent = os.getpid()

    def call() -> None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)

    # What the child needs is loaded here: between fork and exec little is safe.
    _libc()
    return call


def _prctl(option: int, value: int) -> bool:
    return bool(_libc().prctl(option, value, 0, 0, 0) == 0)


def _libc() -> Any:
    import ctypes  # a megabyte that PID 1 does without

    return ctypes.CDLL(None)
