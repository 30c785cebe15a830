"""
The processes that a server started, and their end with it.

A process can leave its group, its session and its parent, and can clear its environment. What it
keeps are its resource limits. So each server begins with a soft RLIMIT_RTTIME of its own, too
high to ever matter (it bounds the processor time of real-time processes, in microseconds), and
whatever is started from there on has the same one.
"""

import asyncio
import contextlib
import math
import os
import resource
import secrets
import signal
from collections.abc import Iterable, Iterator

from mcpworkload.bridge import procfs
from mcpworkload.bridge.procfs import Process

#: 36,000 years of processor time, and the bits that tell servers apart.
_MARK_BASE, _MARK_BITS = 1 << 60, 56
#: What a server left has so long to end after SIGTERM.
TERM_SECONDS = 0.5
#: A process stuck in the kernel can outlive SIGKILL; the search for it ends after this.
KILL_SECONDS = 5.0
#: A process that forks again and again is killed only when a search is quicker than its fork.
FORKING_SECONDS = 30.0
POLL_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.2
#: After so many processes the search lets other tasks run.
_BATCH = 64


@contextlib.contextmanager
def marked() -> Iterator[int | None]:
    """Give what is started within a mark of its own; None where there is no such limit."""
    mark = _MARK_BASE + secrets.randbits(_MARK_BITS)
    try:
        before = resource.getrlimit(resource.RLIMIT_RTTIME)
        resource.setrlimit(resource.RLIMIT_RTTIME, (mark, before[1]))
    except (OSError, ValueError):
        yield None
        return
    try:
        yield mark
    finally:
        resource.setrlimit(resource.RLIMIT_RTTIME, before)


class Kin:
    """All that comes from the server process *pid*, itself aside."""

    def __init__(self, pid: int, mark: int | None) -> None:
        self._pid, self._mark = pid, mark
        #: When each of those that were seen started, by its number.
        self._seen: dict[int, int] = {}
        self._sessions = {pid}
        self._kill_at = math.inf

    def remember(self) -> None:
        """Keep in mind what is there while the server still connects it."""
        # Without a descriptor to look there is still the mark.
        with contextlib.suppress(OSError):
            for each in procfs.descendants(self._pid):
                self._remember(each)

    async def signal(self, number: int) -> dict[int, str]:
        """
        Send a signal to each as soon as it is found; their names, by their numbers.

        Raises:
            OSError: there is no descriptor left to look.
        """
        found = {}
        # The newest first: one that forks again and again is the less likely to be gone by then.
        for count, pid in enumerate(procfs.pids(), start=1):
            if count % _BATCH == 0:
                await asyncio.sleep(0)
            if (each := self._ours(pid)) is not None:
                found[pid] = each.name
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        return found

    def listening(self) -> list[int]:
        """Return the TCP ports on which the server or one of these listens."""
        try:
            below = [each.pid for each in procfs.descendants(self._pid)]
            return procfs.listening_ports([self._pid, *below])
        except OSError:
            return []

    def hurry(self, kill_at: float) -> None:
        """Let `clear` send SIGKILL at that time of the loop, if not before."""
        self._kill_at = min(kill_at, self._kill_at)

    async def clear(self) -> tuple[str, ...]:
        """End the processes that outlived the server; return the number and name of each."""
        loop = asyncio.get_running_loop()
        self.hurry(loop.time() + TERM_SECONDS)
        begin = loop.time()
        last = begin + TERM_SECONDS + KILL_SECONDS
        ended: dict[int, str] = {}
        pause = POLL_SECONDS
        while loop.time() < last:
            is_late = loop.time() >= self._kill_at
            try:
                left = await self.signal(signal.SIGKILL if is_late else signal.SIGTERM)
            except OSError:
                await asyncio.sleep(POLL_SECONDS)
                continue
            is_forking = not left.keys() <= ended.keys()
            ended |= left
            # A process may fork during the search: it is over when the search finds none.
            if not left:
                break
            await asyncio.sleep(pause)
            if is_late and is_forking:
                last = min(loop.time() + KILL_SECONDS, begin + FORKING_SECONDS)
            elif is_late:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                await self._until_gone(left)
        return tuple(f"{pid} {name}" for pid, name in ended.items())

    async def _until_gone(self, left: Iterable[int]) -> None:
        """Return when none of *left* is there, or it is time to kill them."""
        loop = asyncio.get_running_loop()
        # They are not the bridge's children: no signal reports their end.
        while loop.time() < self._kill_at and any(map(self._is_there, left)):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    def _ours(self, pid: int) -> Process | None:
        """Return what process *pid* is, if it is one of these and runs."""
        if pid in (self._pid, os.getpid()):
            return None
        is_marked = self._mark is not None and procfs.realtime_limit(pid) == self._mark
        if not is_marked and self._mark is not None and pid not in self._seen:
            return None
        each = procfs.process(pid)
        if each is None or each.has_ended:
            return None
        if is_marked or self._is_known(each):
            self._remember(each)
            return each
        return None

    def _is_known(self, each: Process) -> bool:
        if each.pid in self._seen:
            return self._seen[each.pid] == each.started
        return each.session in self._sessions or each.parent in self._seen

    def _is_there(self, pid: int) -> bool:
        try:
            each = procfs.process(pid)
        except OSError:
            return True
        return each is not None and not each.has_ended and each.started == self._seen.get(pid)

    def _remember(self, each: Process) -> None:
        self._seen[each.pid] = each.started
        if each.session == each.pid:
            self._sessions.add(each.session)
