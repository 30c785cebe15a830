"""
Which workloads are due for a look, each at most once, each by one worker at a time.

A key that is added again while it is worked on is due again afterwards; one that is added
twice before its turn is worked on once. Urgent ones go first. Failures back off per key.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable

from mcpworkload.errors import ApiError, OperatorError

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.5
LAST_BACKOFF_SECONDS = 300.0


class KeyQueue:
    """A coalescing queue of workload keys with delays and per-key backoff."""

    def __init__(self) -> None:
        self._due: deque[str] = deque()
        self._due_first: deque[str] = deque()
        #: Those that go first at their next turn, due or not yet.
        self._urgent: set[str] = set()
        self._queued: set[str] = set()
        self._active: set[str] = set()
        self._again: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}
        self._waiting = asyncio.Semaphore(0)

    def add(self, key: str, *, after: float = 0.0, is_urgent: bool = False) -> None:
        """
        Make *key* due, at the latest in *after* seconds; an earlier date stands.

        Once due, one that *is_urgent* waits for no other but those.
        """
        if is_urgent:
            self._urgent.add(key)
        if after <= 0:
            self._make_due(key)
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + after:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(after, self._make_due, key)

    def forget(self, key: str) -> None:
        """Drop the delays and failures of a key whose workload is gone."""
        self._failures.pop(key, None)
        self._urgent.discard(key)
        if timer := self._timers.pop(key, None):
            timer.cancel()

    async def work(self, look: Callable[[str], Awaitable[float | None]]) -> None:
        """
        One worker: call *look* for each key that is due, for ever.

        *look* returns after how many seconds it wants to be called again, or None; when it
        raises, the key comes back after a pause that grows with each failure.
        """
        while True:
            key = await self._next()
            try:
                after = await look(key)
            except Exception as error:  # noqa: BLE001 - a bug in one key must not end the worker
                self.add(key, after=self._failed(key, error))
            else:
                self._failures.pop(key, None)
                if after is not None:
                    self.add(key, after=after)
            finally:
                self._finish(key)

    async def _next(self) -> str:
        await self._waiting.acquire()
        key = (self._due_first or self._due).popleft()
        self._queued.discard(key)
        self._urgent.discard(key)
        self._active.add(key)
        return key

    def _finish(self, key: str) -> None:
        self._active.discard(key)
        if key in self._again:
            self._again.discard(key)
            self._make_due(key)

    def _make_due(self, key: str) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._active:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            (self._due_first if key in self._urgent else self._due).append(key)
            self._waiting.release()
        elif key in self._urgent and key in self._due:
            self._due.remove(key)
            self._due_first.append(key)

    def _failed(self, key: str, error: Exception) -> float:
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        longest: float = min(LAST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(count, 20))
        pause = longest * random.uniform(0.5, 1)  # noqa: S311
        if isinstance(error, ApiError) and error.retry_after:
            pause = max(pause, error.retry_after)
        log.warning(
            "%s; trying again in %.1f s",
            error,
            pause,
            extra={"workload": key},
            # Our own errors explain themselves; anything else is a bug and needs its traceback.
            exc_info=None if isinstance(error, OperatorError) else error,
        )
        return pause
