"""The coalescing queue."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mcpworkload.errors import Unavailable
from mcpworkload.queue import KeyQueue
from tests.unit.waits import until

Look = Callable[[str], Awaitable[float | None]]


@asynccontextmanager
async def working(queue: KeyQueue, look: Look, workers: int = 2) -> AsyncIterator[None]:
    """Workers that end with the block."""
    tasks = [asyncio.create_task(queue.work(look)) for _ in range(workers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_key_added_twice_is_looked_at_once() -> None:
    """Changes before the look are one change."""
    queue, seen = KeyQueue(), list[str]()

    async def look(key: str) -> None:
        seen.append(key)

    for key in ("a/1", "a/1", "a/2", "a/1"):
        queue.add(key)
    async with working(queue, look):
        await until(lambda: len(seen) >= 2)
        await asyncio.sleep(0.01)

    assert seen == ["a/1", "a/2"]


async def test_what_is_urgent_goes_first() -> None:
    """Also when it is due already, or comes while it is looked at; each is looked at once."""
    queue, seen = KeyQueue(), list[str]()

    async def look(key: str) -> None:
        if key == "a/3" and "a/3" not in seen:
            queue.add("a/3", is_urgent=True)
        seen.append(key)

    for key in ("a/1", "a/2", "a/3", "a/4"):
        queue.add(key)
    queue.add("a/3", is_urgent=True)
    queue.add("a/5", is_urgent=True)
    async with working(queue, look, workers=1):
        await until(lambda: len(seen) >= 6)
        await asyncio.sleep(0.01)

    assert seen == ["a/3", "a/5", "a/3", "a/1", "a/2", "a/4"]


async def test_urgency_lasts_for_one_look() -> None:
    """Afterwards the key waits like the others."""
    queue, seen = KeyQueue(), list[str]()

    async def look(key: str) -> None:
        seen.append(key)

    queue.add("a/1", is_urgent=True)
    async with working(queue, look, workers=1):
        await until(lambda: seen == ["a/1"])
    seen.clear()
    queue.add("a/2")
    queue.add("a/1")
    async with working(queue, look, workers=1):
        await until(lambda: len(seen) >= 2)

    assert seen == ["a/2", "a/1"]


async def test_a_key_added_during_its_look_is_looked_at_again_afterwards() -> None:
    """Never by two workers at the same time, and never lost."""
    queue, running, most, looks = KeyQueue(), 0, 0, 0

    async def look(key: str) -> None:
        nonlocal running, most, looks
        running += 1
        most = max(most, running)
        looks += 1
        if looks == 1:
            queue.add(key)
            queue.add(key)
        await asyncio.sleep(0.01)
        running -= 1

    queue.add("a/1")
    async with working(queue, look):
        await until(lambda: looks == 2 and running == 0)

    assert most == 1


async def test_a_failure_comes_back_and_does_not_end_the_worker() -> None:
    """Neither for an answer of the API server nor for a bug of ours."""
    queue, seen = KeyQueue(), list[str]()

    async def look(key: str) -> None:
        seen.append(key)
        if seen.count(key) == 1:
            raise Unavailable("later") if key == "a/world" else RuntimeError("a bug")

    queue.add("a/world")
    queue.add("a/bug")
    async with working(queue, look, workers=1):
        await until(lambda: len(seen) == 4)

    assert sorted(seen) == ["a/bug", "a/bug", "a/world", "a/world"]


async def test_the_servers_wish_for_a_pause_is_respected() -> None:
    """Retry-After is the least that we wait."""
    queue = KeyQueue()

    pause = queue._failed("a/1", Unavailable("busy", retry_after=30.0))

    assert pause >= 30.0


async def test_pauses_grow_and_are_bounded() -> None:
    """From half a second to five minutes."""
    queue = KeyQueue()

    pauses = [queue._failed("a/1", Unavailable("no")) for _ in range(1100)]

    assert pauses[0] <= 0.5
    assert 150.0 <= pauses[-1] <= 300.0


async def test_a_delayed_key_waits_and_an_earlier_date_wins() -> None:
    """A burst of child events is one look."""
    queue, seen = KeyQueue(), list[float]()
    loop = asyncio.get_running_loop()
    begin = loop.time()

    async def look(_: str) -> None:
        seen.append(loop.time() - begin)

    queue.add("a/1", after=0.05)
    queue.add("a/1", after=60)
    async with working(queue, look):
        await until(lambda: bool(seen))

    assert 0.04 <= seen[0] < 5


async def test_a_look_may_ask_for_another() -> None:
    """In as many seconds as it returns."""
    queue, looks = KeyQueue(), 0

    async def look(_: str) -> float | None:
        nonlocal looks
        looks += 1
        return 0.01 if looks < 3 else None

    queue.add("a/1")
    async with working(queue, look):
        await until(lambda: looks == 3)


async def test_a_forgotten_key_does_not_come_back() -> None:
    """Its workload is gone."""
    queue, seen = KeyQueue(), list[str]()

    async def look(key: str) -> None:
        seen.append(key)

    queue.add("a/1", after=0.01)
    queue.forget("a/1")
    async with working(queue, look):
        await asyncio.sleep(0.05)

    assert seen == []
