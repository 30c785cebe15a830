"""The workers of a queue, for as long as a test needs them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mcpworkload.controller.queue import KeyQueue

Reconcile = Callable[[str], Awaitable[float | None]]


@asynccontextmanager
async def working(queue: KeyQueue, reconcile: Reconcile, workers: int = 2) -> AsyncIterator[None]:
    """Workers that end with the block."""
    tasks = [asyncio.create_task(queue.work(reconcile)) for _ in range(workers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
