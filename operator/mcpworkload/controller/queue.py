"""
The queue of workloads that are due for a reconcile, each once, each with one worker at a time.

A key that is added while it is reconciled is due again afterwards; one that is added twice before
its turn is reconciled once. Urgent keys go first. Failures back off per key.

No kind of key takes all workers: keys whose last reconcile failed or was slow have half of them at
most, and one namespace has three quarters.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable

from mcpworkload.kube.errors import ApiError, ExplainedError

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.5
LAST_BACKOFF_SECONDS = 300.0
# An admission webhook may take thirty seconds to answer; most reconciles take a tenth of one.
SLOW_SECONDS = 2.0


class _Lane:
    """Keys that wait, in their order in a namespace; the namespaces take turns."""

    def __init__(self) -> None:
        self._keys: dict[str, deque[str]] = {}

    def add(self, key: str) -> None:
        self._keys.setdefault(_namespace(key), deque()).append(key)

    def discard(self, key: str) -> None:
        keys = self._keys.get(_namespace(key), deque())
        if key in keys:
            keys.remove(key)
        if not keys:
            self._keys.pop(_namespace(key), None)

    def take(self, is_full: Callable[[str], bool]) -> str | None:
        """Return the next key, of a namespace that is not full; None if there is none."""
        namespace = next((each for each in self._keys if not is_full(each)), None)
        if namespace is None:
            return None
        keys = self._keys.pop(namespace)
        key = keys.popleft()
        if keys:
            self._keys[namespace] = keys
        return key


# Whether urgent, and whether doubtful, in the order in which they are served.
_LANES = ((True, False), (True, True), (False, False), (False, True))


class KeyQueue:
    """A coalescing queue of workload keys with delays and per-key backoff."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lanes = {kind: _Lane() for kind in _LANES}
        #: Those that go first at their next turn, due or not yet.
        self._urgent: set[str] = set()
        #: Those whose last reconcile failed, or was slow.
        self._doubtful: set[str] = set()
        self._queued: dict[str, _Lane] = {}
        #: Since when each is reconciled.
        self._active: dict[str, float] = {}
        self._again: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}
        self._workers = 0
        self._idle: deque[asyncio.Future[None]] = deque()

    def add(self, key: str, *, after: float = 0.0, is_urgent: bool = False) -> None:
        """
        Make *key* due, at the latest in *after* seconds; an earlier date stands.

        Once due, one that *is_urgent* waits only for other urgent ones.
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
        self._doubtful.discard(key)
        if timer := self._timers.pop(key, None):
            timer.cancel()

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
            self.add(key, after=self._failed(key, error))
        else:
            is_doubtful = self._is_slow(key)
            self._failures.pop(key, None)
            if after is not None:
                self.add(key, after=after)
        finally:
            self._finish(key, is_doubtful=is_doubtful)

    async def _next(self) -> str:
        while (key := self._take()) is None:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle
        self._queued.pop(key)
        self._urgent.discard(key)
        self._active[key] = self._monotonic()
        return key

    def _take(self) -> str | None:
        """Return the key whose turn it is; None where there is no worker for such a key."""
        namespaces = [_namespace(key) for key in self._active]
        most = max(1, self._workers - self._workers // 4)
        doubtful = sum(key in self._doubtful or self._is_slow(key) for key in self._active)
        for (_, is_doubtful), lane in self._lanes.items():
            if is_doubtful and doubtful >= max(1, self._workers // 2):
                continue
            key = lane.take(lambda namespace: namespaces.count(namespace) >= most)
            if key is not None:
                return key
        return None

    def _is_slow(self, key: str) -> bool:
        return self._monotonic() - self._active[key] >= SLOW_SECONDS

    def _finish(self, key: str, *, is_doubtful: bool) -> None:
        del self._active[key]
        if is_doubtful:
            self._doubtful.add(key)
        else:
            self._doubtful.discard(key)
        if key in self._again:
            self._again.discard(key)
            self._make_due(key)
        self._wake()

    def _make_due(self, key: str) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._active:
            self._again.add(key)
            return
        lane = self._lanes[key in self._urgent, key in self._doubtful]
        if key in self._queued and key in self._urgent:
            self._queued.pop(key).discard(key)
        if key not in self._queued:
            self._queued[key] = lane
            lane.add(key)
            self._wake()

    def _wake(self) -> None:
        """Wake one worker that has nothing to do."""
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return

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


def _namespace(key: str) -> str:
    return key.partition("/")[0]
