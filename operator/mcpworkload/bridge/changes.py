"""Wakes the tasks that wait for something in the bridge to change."""

import asyncio
from collections.abc import Callable


class Changes:
    """Reports that requests, answers or connections began or ended, to those that wait for it."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def report(self) -> None:
        """Wake all that wait."""
        changed, self._next = self._next, None
        if changed is not None and not changed.done():
            changed.set_result(None)

    async def until_over(self, seconds_left: Callable[[float], float]) -> None:
        """
        Return when *seconds_left* returns 0.

        It is called with the time, at each change and after the seconds that it returned last.
        """
        loop = asyncio.get_running_loop()
        while (left := seconds_left(loop.time())) > 0:
            if self._next is None:
                self._next = loop.create_future()
            await asyncio.wait({self._next}, timeout=left)
