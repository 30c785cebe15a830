"""
The queue of workloads that are due for a reconcile, each once, each with one worker at a time.

A key that is added while it is reconciled is due again afterwards; one that is added twice before
its turn is reconciled once. Keys are served by `lanes.Priority`. Failures back off per key.

No kind of key takes all workers: keys whose last reconcile failed or was slow have half of them at
most, and one namespace has three quarters.
"""

import asyncio
import logging
import random
import sys
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping

from mcpworkload.controller.lanes import Lanes, Priority
from mcpworkload.kube.errors import ApiError, ExplainedError, Unavailable, is_overload
from mcpworkload.kube.keys import split_key

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.5
LAST_BACKOFF_SECONDS = 300.0
# An admission webhook may take thirty seconds to answer; most reconciles take a tenth of one.
SLOW_SECONDS = 2.0
# Most reconciles after a start or a resync wait for nothing, so that one worker could go through
# ten thousand of them in one go. After so long the event loop has a turn, with what arrived.
SLICE_SECONDS = 0.002


def _ignore(result: str, seconds: float) -> None:
    """Count nothing."""


class KeyQueue:
    """A coalescing queue of workload keys with priorities, delays and per-key backoff."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        room: Callable[[], int] = lambda: sys.maxsize,
        on_result: Callable[[str, float], None] = _ignore,
    ) -> None:
        """
        *room* returns how many keys may be reconciled at a time, however many workers there are.

        *on_result* receives what became of each reconcile, and how many seconds it took: `done`,
        `requeued` where the key comes back by itself, `refused` where the API server answered with
        4xx, `failed` where it did not answer well or the operator has a bug.
        """
        self._monotonic = monotonic
        self._room = room
        self._on_result = on_result
        self._due = Lanes()
        #: Those whose last reconcile failed, or was slow.
        self._doubtful: set[str] = set()
        #: Since when each is reconciled.
        self._active: dict[str, float] = {}
        #: How many of each namespace are reconciled.
        self._busy: Counter[str] = Counter()
        self._again: dict[str, Priority] = {}
        self._timers: dict[str, tuple[asyncio.TimerHandle, Priority]] = {}
        self._failures: dict[str, int] = {}
        self._workers = 0
        self._idle: deque[asyncio.Future[None]] = deque()
        #: Until when reconciles may begin in this turn of the event loop; None if none has yet.
        self._slice_end: float | None = None

    def add(self, key: str, *, after: float = 0.0, priority: Priority = Priority.CHANGE) -> None:
        """
        Make *key* due, at the latest in *after* seconds; an earlier date stands.

        Of several reasons before its turn the one with the highest priority counts.
        """
        if after <= 0:
            self._make_due(key, priority)
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + after
        if (known := self._timers.get(key)) is not None:
            timer, waits_as = known
            if timer.when() <= when and waits_as <= priority:
                return
            timer.cancel()
            when, priority = min(when, timer.when()), min(priority, waits_as)
        self._timers[key] = (loop.call_at(when, self._make_due, key, priority), priority)

    def forget(self, key: str) -> None:
        """Drop the delays and failures of a key whose workload is gone."""
        self._failures.pop(key, None)
        self._doubtful.discard(key)
        self._stop_timer(key)

    def depths(self) -> Mapping[str, int]:
        """Return how many keys are due and wait for a worker, by the name of their priority."""
        return self._due.depths()

    def oldest_seconds(self) -> float:
        """Return for how many seconds the key waits that has waited longest; 0 while none does."""
        since = self._due.since()
        return 0.0 if since is None else self._monotonic() - since

    def wake(self) -> None:
        """Wake a worker that has nothing to do: there may be room for one more key."""
        while self._due and self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return

    async def work(self, reconcile: Callable[[str], Awaitable[float | None]]) -> None:
        """
        Call *reconcile* for each key that is due, for ever, as one worker.

        *reconcile* returns after how many seconds it wants to be called again, or None; when it
        raises, the key comes back after a pause that grows with each failure.
        """
        self._workers += 1
        try:
            while True:
                await self._work_on(await self._next(), reconcile)
        finally:
            self._workers -= 1

    async def _work_on(self, key: str, reconcile: Callable[[str], Awaitable[float | None]]) -> None:
        is_doubtful = True
        try:
            after = await reconcile(key)
        except Exception as error:  # noqa: BLE001 - a bug in one key must not end the worker
            # An API server with too much to do is no fault of the key.
            is_doubtful = not is_overload(error)
            self.add(key, after=self._failed(key, error), priority=Priority.RETRY)
            is_refusal = isinstance(error, ApiError) and not isinstance(error, Unavailable)
            self._report("refused" if is_refusal else "failed", key)
        else:
            is_doubtful = self._is_slow(key)
            self._failures.pop(key, None)
            if after is not None:
                self.add(key, after=after)
            self._report("done" if after is None else "requeued", key)
        finally:
            self._finish(key, is_doubtful=is_doubtful)

    def _report(self, result: str, key: str) -> None:
        self._on_result(result, self._monotonic() - self._active[key])

    async def _next(self) -> str:
        while (key := self._take()) is None:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle
        now = self._active[key] = self._monotonic()
        if self._slice_end is None:
            self._slice_end = now + SLICE_SECONDS
            asyncio.get_running_loop().call_soon(self._end_slice)
        self._busy[split_key(key)[0]] += 1
        # One wake may stand for several keys, once there is room again.
        self.wake()
        return key

    def _take(self) -> str | None:
        """Return the key whose turn it is; None where there is no worker for such a key."""
        if self._slice_end is not None and self._monotonic() > self._slice_end:
            return None
        if len(self._active) >= self._room():
            return None
        # Shares of all workers, though there may be room for fewer keys: those that hang in a
        # webhook take no room.
        most = self._workers - self._workers // 4
        doubtful = sum(key in self._doubtful or self._is_slow(key) for key in self._active)
        return self._due.take(
            lambda namespace: self._busy[namespace] >= most,
            with_doubtful=doubtful < max(1, self._workers // 2),
        )

    def _end_slice(self) -> None:
        self._slice_end = None
        self.wake()

    def _is_slow(self, key: str) -> bool:
        return self._monotonic() - self._active[key] >= SLOW_SECONDS

    def _finish(self, key: str, *, is_doubtful: bool) -> None:
        del self._active[key]
        namespace = split_key(key)[0]
        self._busy[namespace] -= 1
        if not self._busy[namespace]:
            del self._busy[namespace]
        if is_doubtful:
            self._doubtful.add(key)
        else:
            self._doubtful.discard(key)
        if (priority := self._again.pop(key, None)) is not None:
            self._make_due(key, priority)
        self.wake()

    def _make_due(self, key: str, priority: Priority) -> None:
        waits_as = self._stop_timer(key)
        if waits_as is not None:
            priority = min(priority, waits_as)
        if key in self._active:
            self._again[key] = min(priority, self._again.get(key, priority))
            return
        self._due.add(key, priority, self._monotonic(), is_doubtful=key in self._doubtful)
        self.wake()

    def _stop_timer(self, key: str) -> Priority | None:
        """Return the priority that *key* would have had; None if no timer ran."""
        if (known := self._timers.pop(key, None)) is None:
            return None
        timer, priority = known
        timer.cancel()
        return priority

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
            # The package's own errors explain themselves; any other is a bug, with its traceback.
            exc_info=None if isinstance(error, ExplainedError) else error,
        )
        return pause
