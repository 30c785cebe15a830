"""
Stops the writes of a process that may no longer lead.

::

    renewal sent ──────── 10 s: no write begins ──────── 15 s: another process may take the Lease

A write that was sent before meets the preconditions that it carries, of UID and resource version.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection as PooledConnection
from aiohttp.tracing import Trace

# The Lease itself is what a process writes in order to lead, and to stop leading.
_LEASES = "/apis/coordination.k8s.io/"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class LeadershipLost(BaseException):
    """
    The Lease could not be renewed in time, or another process holds it.

    Like a cancellation it is no Exception: it is about the process, and no code that handles the
    failure of one request or of one workload may take it for that, report it or try again.
    """


def seconds_since_boot() -> float:
    """
    Return the seconds on a clock that no pause stops.

    It runs on while the process is stopped, and where the system has such a clock (Linux), while
    the machine is suspended. It does not follow the wall clock.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Fence:
    """Until when this process may begin a write; closed at first."""

    def __init__(self, clock: Callable[[], float] = seconds_since_boot) -> None:
        #: The clock that the fence goes by.
        self.now = clock
        self._open_until = -math.inf

    @property
    def is_open(self) -> bool:
        """Whether a write may begin now."""
        return self.now() < self._open_until

    @property
    def seconds_left(self) -> float:
        """For how many seconds writes may still begin; 0 when none may."""
        return max(0.0, self._open_until - self.now())

    def open_until(self, moment: float) -> None:
        """Let writes begin until *moment* on the fence's clock."""
        self._open_until = moment

    def close(self) -> None:
        """Let no write begin any more."""
        self._open_until = -math.inf

    def check(self, method: str, path: str) -> None:
        """
        Return if such a request may be sent now: a read, one about the Lease, or an open fence.

        Raises:
            LeadershipLost: it may not; the process has to end.
        """
        if self.is_open or method in _READS or _LEASES in path:
            return
        raise LeadershipLost("the Lease could not be renewed in time")


class FencedConnector(aiohttp.TCPConnector):
    """
    The connections of a session whose writes pass a fence.

    Here and not in a middleware: that would check before a connection is found or made, which may
    take seconds, and a request is sent in the step after this one.
    """

    def __init__(self, fence: Fence, **options: Any) -> None:
        """*options* are those of `aiohttp.TCPConnector`."""
        super().__init__(**options)
        self._fence = fence

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> PooledConnection:
        """
        Return the connection on which *req* is sent next.

        Raises:
            LeadershipLost: it may not be sent any more.
        """
        # Twice: a connection that nothing may be sent on need not be made.
        self._fence.check(req.method, req.url.path)
        connection = await super().connect(req, traces, timeout)
        try:
            self._fence.check(req.method, req.url.path)
        except LeadershipLost:
            connection.release()
            raise
        return connection
