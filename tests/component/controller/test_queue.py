"""The coalescing queue."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.controller.lanes import Priority
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.kube.errors import Unavailable
from tests.support.waits import until
from tests.support.workers import working


async def test_a_key_added_twice_is_reconciled_once() -> None:
    """Changes before the reconcile are one change."""
    queue, seen = KeyQueue(time.monotonic), list[str]()

    async def reconcile(key: str) -> None:
        seen.append(key)

    for key in ("a/1", "a/1", "a/2", "a/1"):
        queue.add(key)
    async with working(queue, reconcile):
        await until(lambda: len(seen) >= 2)
        await asyncio.sleep(0.01)

    assert seen == ["a/1", "a/2"]


async def test_what_is_urgent_goes_first() -> None:
    """Also when it is due already, or comes while it is looked at; each is looked at once."""
    queue, seen = KeyQueue(time.monotonic), list[str]()

    async def reconcile(key: str) -> None:
        if key == "a/3" and "a/3" not in seen:
            queue.add("a/3", priority=Priority.URGENT)
        seen.append(key)

    for key in ("a/1", "a/2", "a/3", "a/4"):
        queue.add(key)
    queue.add("a/3", priority=Priority.URGENT)
    queue.add("a/5", priority=Priority.URGENT)
    async with working(queue, reconcile, workers=1):
        await until(lambda: len(seen) >= 6)
        await asyncio.sleep(0.01)

    assert seen == ["a/3", "a/5", "a/3", "a/1", "a/2", "a/4"]


async def test_urgency_lasts_for_one_reconcile() -> None:
    """Afterwards the key waits like the others."""
    queue, seen = KeyQueue(time.monotonic), list[str]()

    async def reconcile(key: str) -> None:
        seen.append(key)

    queue.add("a/1", priority=Priority.URGENT)
    async with working(queue, reconcile, workers=1):
        await until(lambda: seen == ["a/1"])
    seen.clear()
    queue.add("a/2")
    queue.add("a/1")
    async with working(queue, reconcile, workers=1):
        await until(lambda: len(seen) >= 2)

    assert seen == ["a/2", "a/1"]


async def test_a_key_added_during_its_reconcile_is_reconciled_again_afterwards() -> None:
    """Never by two workers at the same time, and never lost."""
    queue, running, most, reconciles = KeyQueue(time.monotonic), 0, 0, 0

    async def reconcile(key: str) -> None:
        nonlocal running, most, reconciles
        running += 1
        most = max(most, running)
        reconciles += 1
        if reconciles == 1:
            queue.add(key)
            queue.add(key)
        await asyncio.sleep(0.01)
        running -= 1

    queue.add("a/1")
    async with working(queue, reconcile):
        await until(lambda: reconciles == 2 and running == 0)

    assert most == 1


async def test_a_failure_comes_back_and_does_not_end_the_worker() -> None:
    """Neither for an answer of the API server nor for a bug of ours."""
    queue, seen = KeyQueue(time.monotonic), list[str]()

    async def reconcile(key: str) -> None:
        seen.append(key)
        if seen.count(key) == 1:
            raise Unavailable("later") if key == "a/world" else RuntimeError("a bug")

    queue.add("a/world")
    queue.add("a/bug")
    async with working(queue, reconcile, workers=1):
        await until(lambda: len(seen) == 4)

    assert sorted(seen) == ["a/bug", "a/bug", "a/world", "a/world"]


async def test_the_servers_wish_for_a_pause_is_respected() -> None:
    """Retry-After is the least that we wait."""
    queue = KeyQueue(time.monotonic)

    pause = queue._failed("a/1", Unavailable("busy", retry_after=30.0))

    assert pause >= 30.0


async def test_pauses_grow_and_are_bounded() -> None:
    """From half a second to five minutes."""
    queue = KeyQueue(time.monotonic)

    pauses = [queue._failed("a/1", Unavailable("no")) for _ in range(1100)]

    assert pauses[0] <= 0.5
    assert 150.0 <= pauses[-1] <= 300.0


async def test_a_delayed_key_waits_and_an_earlier_date_wins() -> None:
    """A burst of child events is one reconcile."""
    queue, seen = KeyQueue(time.monotonic), list[float]()
    loop = asyncio.get_running_loop()
    begin = loop.time()

    async def reconcile(_: str) -> None:
        seen.append(loop.time() - begin)

    queue.add("a/1", after=0.05)
    queue.add("a/1", after=60)
    async with working(queue, reconcile):
        await until(lambda: bool(seen))

    assert 0.04 <= seen[0] < 5


async def test_a_reconcile_may_requeue_its_key() -> None:
    """In as many seconds as it returns."""
    queue, reconciles = KeyQueue(time.monotonic), 0

    async def reconcile(_: str) -> float | None:
        nonlocal reconciles
        reconciles += 1
        return 0.01 if reconciles < 3 else None

    queue.add("a/1")
    async with working(queue, reconcile):
        await until(lambda: reconciles == 3)


async def test_a_forgotten_key_does_not_come_back() -> None:
    """Its workload is gone."""
    queue, seen = KeyQueue(time.monotonic), list[str]()

    async def reconcile(key: str) -> None:
        seen.append(key)

    queue.add("a/1", after=0.01)
    queue.forget("a/1")
    async with working(queue, reconcile):
        await asyncio.sleep(0.05)

    assert seen == []


class Hall:
    """Looks that last until they are let go, or fail at once; what is under way at a time."""

    def __init__(self) -> None:
        self.clock = 0.0
        self.queue = KeyQueue(lambda: self.clock)
        self.running: dict[str, asyncio.Event] = {}
        self.seen: list[str] = []
        self.broken: set[str] = set()

    async def reconcile(self, key: str) -> None:
        """Last until it is let go."""
        self.seen.append(key)
        done = self.running[key] = asyncio.Event()
        await done.wait()
        del self.running[key]
        if key in self.broken:
            raise Unavailable("the webhook does not answer")

    async def settle(self) -> None:
        """Let every worker do what it can."""
        for _ in range(200):
            await asyncio.sleep(0)

    async def let_go(self, after: float) -> None:
        """What is under way ends, *after* so many seconds."""
        self.clock += after
        for done in list(self.running.values()):
            done.set()
        await self.settle()


def hanging(count: int, namespaces: int = 1) -> list[str]:
    """Keys of so many namespaces."""
    return [f"hang{number % namespaces}/{number}" for number in range(count)]


async def test_one_namespace_leaves_workers_to_the_others() -> None:
    """The first time nobody knows that its reconciles will hang."""
    hall = Hall()
    async with working(hall.queue, hall.reconcile, workers=16):
        for key in hanging(40):
            hall.queue.add(key)
        await hall.settle()
        assert len(hall.running) == 12

        for number in range(6):
            hall.queue.add(f"well/{number}")
        await hall.settle()

        assert [key for key in hall.running if key.startswith("well/")] == [
            "well/0", "well/1", "well/2", "well/3"
        ]  # fmt: skip


@pytest.mark.parametrize("fails", [True, False], ids=["failing", "slow"])
async def test_what_failed_or_was_slow_has_half_of_the_workers(fails: bool) -> None:
    """Wherever it is; a good reconcile makes it one of the others again."""
    hall, keys = Hall(), hanging(40, namespaces=5)
    hall.broken = set(keys) if fails else set()
    async with working(hall.queue, hall.reconcile, workers=16):
        for key in keys:
            hall.queue.add(key)
        while len(set(hall.seen)) < len(keys):
            await hall.settle()
            await hall.let_go(0.1 if fails else 10.0)
        for key in keys:
            hall.queue.add(key)
        await hall.let_go(10.0 if not fails else 0.1)
        await hall.settle()
        assert len(hall.running) == 8

        for number in range(8):
            hall.queue.add(f"well/{number}")
        await hall.settle()
        assert sum(key.startswith("well/") for key in hall.running) == 8

        hall.broken = set()
        for _ in range(12):
            await hall.let_go(0.1)
        for key in keys:
            hall.queue.add(key)
        await hall.settle()
        assert len(hall.running) == 16


async def test_a_long_reconcile_counts_before_it_ends() -> None:
    """Those of which one knows that they fail wait until fewer are under way."""
    hall = Hall()
    hall.broken = {"bad/0"}
    async with working(hall.queue, hall.reconcile, workers=4):
        hall.queue.add("bad/0")
        await hall.settle()
        await hall.let_go(0.1)
        for key in ("one/0", "two/0"):
            hall.queue.add(key)
        await hall.settle()
        hall.clock += 60.0
        hall.queue.add("bad/0")
        hall.queue.add("well/0")
        await hall.settle()
        assert set(hall.running) == {"one/0", "two/0", "well/0"}

        hall.running["one/0"].set()
        await hall.settle()
        assert set(hall.running) == {"two/0", "well/0", "bad/0"}


async def test_namespaces_take_turns() -> None:
    """Whoever has many waits no less than whoever has few."""
    hall = Hall()
    for key in ("a/1", "a/2", "a/3", "b/1", "c/1", "b/2"):
        hall.queue.add(key)
    async with working(hall.queue, hall.reconcile, workers=1):
        while len(hall.seen) < 6:
            await hall.settle()
            await hall.let_go(0.1)

    assert hall.seen == ["a/1", "b/1", "c/1", "a/2", "b/2", "a/3"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.sampled_from(Priority)), max_size=40
    ),
    st.integers(1, 9),
    st.sets(st.sampled_from([f"a/{number}" for number in range(6)])),
)
async def test_every_key_has_its_turn(
    added: list[tuple[str, int, Priority]], workers: int, broken: set[str]
) -> None:
    """Whatever fails or hangs, and however often a key is added meanwhile."""
    hall = Hall()
    hall.broken = broken
    async with working(hall.queue, hall.reconcile, workers=workers):
        for number, (namespace, name, priority) in enumerate(added):
            hall.queue.add(f"{namespace}/{name}", priority=priority)
            if number % 3 == 0:
                await hall.let_go(3.0 * (priority == Priority.URGENT))
        for _ in range(len(added) + 2):
            await hall.let_go(0.1)
        assert set(hall.seen) == {f"{namespace}/{name}" for namespace, name, _ in added}
        assert not hall.running or hall.running.keys() <= broken
        hall.queue.forget("a/0")
