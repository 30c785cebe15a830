"""
How many requests are in flight at the API server, and when none may be sent.

The limit falls by half when the API server answers that it has too much to do, and rises by one
with as many good answers as it is high (AIMD, as TCP does it). Where the API server says when to
come back (Retry-After), no request is sent until then.

Requests wait before they are sent, so that no time-out of theirs runs, in the order in which they
came. Priorities are the business of whoever sends: it learns from `room` that a request would wait.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from mcpworkload.kube.errors import ApiError, Unavailable, is_overload

LEAST = 2
# An answer that takes longer is most likely held up by an admission webhook, and says nothing
# about the API server: others need not wait for it.
SLOW_SECONDS = 1.0
# Proxies in maintenance may ask for an hour; one request a minute harms no server.
LONGEST_PAUSE_SECONDS = 60.0
# Leadership and the liveness probe must not wait behind other requests.
_UNLIMITED = ("/apis/coordination.k8s.io/", "/version")


class Limiter:
    """The bound on the requests of one client."""

    def __init__(self, most: int) -> None:
        """Never are more than *most* requests in flight."""
        #: Called when `room` may have grown without the end of a request.
        self.on_room: Callable[[], None] = lambda: None
        self.in_flight = 0
        #: How many answers made the limit fall, or would have: 429 and 5xx.
        self.throttled = 0
        self._most = most
        self._least = min(LEAST, most)
        self._limit = float(most)
        #: How many of those in flight are slow.
        self._slow = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        #: What ends the pause; None where there is none.
        self._pause_end: asyncio.TimerHandle | None = None
        #: How often the limit fell: what was sent before that does not let it fall again.
        self._falls = 0

    @property
    def limit(self) -> int:
        """How many requests may be in flight that are not slow."""
        return int(self._limit)

    @property
    def waiting(self) -> int:
        """How many requests wait to be sent."""
        return len(self._waiting)

    def room(self) -> int:
        """Return how many requests may be in flight now, those counted that are; 0 in a pause."""
        if self._pause_end is not None:
            return 0
        return min(self._most, self.limit + self._slow)

    @asynccontextmanager
    async def slot(self, path: str) -> AsyncGenerator[None]:
        """Enter when a request to *path* may be sent; leave with its error, or with none."""
        if path.startswith(_UNLIMITED):
            yield
            return
        await self._enter()
        falls, is_slow = self._falls, False

        def note_slow() -> None:
            nonlocal is_slow
            is_slow = True
            self._slow += 1
            self._admit()

        timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, note_slow)
        try:
            yield
        except ApiError as error:
            self._judge(error, falls)
            raise
        else:
            self._rise()
        finally:
            timer.cancel()
            self._slow -= is_slow
            self.in_flight -= 1
            self._admit()

    async def _enter(self) -> None:
        if not self._waiting and self.in_flight < self.room():
            self.in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.in_flight -= 1
                self._admit()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _judge(self, error: ApiError, falls: int) -> None:
        """Take in *error* of a request before which the limit had fallen *falls* times."""
        if not is_overload(error):
            if not isinstance(error, Unavailable):
                self._rise()
            return
        self.throttled += 1
        if falls == self._falls:
            self._falls += 1
            self._limit = max(self._least, self._limit / 2)
        if error.retry_after:
            self._pause(min(error.retry_after, LONGEST_PAUSE_SECONDS))

    def _rise(self) -> None:
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._pause_end is not None:
            until = max(until, self._pause_end.when())
            self._pause_end.cancel()
        self._pause_end = loop.call_at(until, self._resume)

    def _resume(self) -> None:
        self._pause_end = None
        self._admit()

    def _admit(self) -> None:
        """Let as many enter as there is room for, then tell who waits elsewhere."""
        while self._waiting and self.in_flight < self.room():
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
        if self.in_flight < self.room():
            self.on_room()
