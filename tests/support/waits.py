"""Waiting in unit tests: for a condition, never for a time."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until *condition* holds; the test's own timeout bounds it."""
    while not condition():
        await asyncio.sleep(0.001)
