"""The tasks that run beside the serving, in one task group."""

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Spawn(Protocol):
    """Starts tasks."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> "asyncio.Task[T]":
        """Do *work* beside everything else."""


class Background:
    """
    A task group whose tasks end with it; a fault in one of them is logged, and ends the bridge.

    Without what reads a server, expires sessions or ends servers the bridge would only look alive.
    """

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_ending = False

    async def __aenter__(self) -> "Background":
        """Begin to take tasks."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """
        Cancel every task, and return when all have ended.

        Raises:
            ExceptionGroup: the faults of the tasks.
        """
        self._is_ending = True
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(kind, error, traceback)

    def start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Do *work* beside everything else; not at all where the group is ending."""
        if self._is_ending:
            # The group refuses tasks after a fault. A task that is cancelled at once never begins.
            never = asyncio.get_running_loop().create_task(work)
            never.cancel()
            return never
        task = self._group.create_task(self._logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _logged(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except Exception:
            self._is_ending = True
            log.exception("a fault in the bridge, which ends it")
            raise
