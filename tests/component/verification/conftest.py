"""What every test of a verification has: the session, and no socket that is left open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import aiohttp
import pytest

from mcpworkload.verification.exchange import open_session
from mcpworkload.verification.finding import Finding
from mcpworkload.verification.probe import probe

Probe = Callable[..., Awaitable[Finding]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The session that verifications share."""
    async with open_session() as session:
        yield session


@pytest.fixture
async def ask(session: aiohttp.ClientSession) -> AsyncIterator[Probe]:
    """Verify; in the end no task is left."""
    yield partial(probe, session=session)
    await asyncio.sleep(0)
    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]
    assert not [name for name in names if "verification" in name or "Legacy" in name]
