"""Who waits for whom in the queue, in figures; time is played, so that they are always the same."""

import asyncio
import random
from collections.abc import Sequence
from itertools import count

import pytest

from mcpworkload.controller.lanes import Priority
from mcpworkload.controller.queue import SLICE_SECONDS, KeyQueue
from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.limiter import Limiter
from tests.support.measurements import Measurements
from tests.support.played_loop import now, pass_seconds, played
from tests.support.workers import working

WORKERS = 16
# What a reconcile that writes takes on a small machine.
LOOK_SECONDS = 0.01
WEBHOOK_SECONDS = 30.0
PATH = "/apis/apps/v1/namespaces/team/statefulsets/weather"


@pytest.fixture(autouse=True)
def same_pauses() -> None:
    """Pauses after failures are random: the same in each run, so that the figures are, too."""
    random.seed(1)


class Users:
    """Users who change specs; how long each change waits until its reconcile is done."""

    def __init__(self, queue: KeyQueue, keys: Sequence[str], per_second: float) -> None:
        self.waits: list[float] = []
        self._queue = queue
        self._keys = keys
        self._pause = 1 / per_second
        self._changed_at: dict[str, float] = {}

    async def change(self, seconds: float) -> None:
        """Change one spec after the other for so long."""
        end = now() + seconds
        for number in count():
            if now() >= end:
                break
            key = self._keys[number % len(self._keys)]
            self._changed_at.setdefault(key, now())
            self._queue.add(key)
            await pass_seconds(self._pause)

    def done(self, key: str) -> None:
        """A reconcile of *key* has ended."""
        if (changed_at := self._changed_at.pop(key, None)) is not None:
            self.waits.append(now() - changed_at)

    def wait(self, percent: int) -> float:
        """How long so many percent of the changes waited at most."""
        assert not self._changed_at
        return sorted(self.waits)[len(self.waits) * percent // 100]


@pytest.mark.parametrize("priority", [Priority.RESYNC, Priority.RETRY])
@played
async def test_ten_thousand_looks_of_a_restart_do_not_delay_a_spec_change(
    priority: Priority, measurements: Measurements
) -> None:
    """Not even in the same namespace; and all of them have their turn."""
    queue, looked = KeyQueue(now), set[str]()
    users = Users(queue, [f"team/mine-{number}" for number in range(50)], per_second=100)

    async def reconcile(key: str) -> None:
        await pass_seconds(LOOK_SECONDS)
        looked.add(key)
        users.done(key)

    for number in range(10_000):
        queue.add(f"team/{number}", priority=priority)
    async with working(queue, reconcile, WORKERS):
        await users.change(seconds=5)
        assert queue.oldest_seconds() > 4.9
        while queue.oldest_seconds():
            await pass_seconds(0.1)
        await pass_seconds(1)
        measurements.note(
            f"queue: a spec change beside 10,000 keys of {priority.name} is done after "
            f"{users.wait(50) * 1000:.0f} ms (p50), {users.wait(99) * 1000:.0f} ms (p99)"
        )

    assert len(looked) == 10_050
    assert users.wait(99) < 3 * LOOK_SECONDS


async def wait_beside(poison: Sequence[str], seconds: float = WEBHOOK_SECONDS) -> float:
    """How long a change of a healthy workload waits at p99, while *poison* hangs and then fails."""
    queue, fails = KeyQueue(now), set(poison)
    keys = [f"well{number % 10}/{number}" for number in range(100)]
    users = Users(queue, keys, per_second=40)

    async def reconcile(key: str) -> None:
        if key in fails:
            await pass_seconds(seconds)
            raise Unavailable("the webhook does not answer")
        await pass_seconds(LOOK_SECONDS)
        users.done(key)

    async with working(queue, reconcile, WORKERS):
        for key in poison:
            queue.add(key)
        await users.change(seconds=100)
        await pass_seconds(1)
    assert len(users.waits) > 3900
    return users.wait(99)


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param(["bad/0"], id="one workload"),
        pytest.param([f"bad/{number}" for number in range(1000)], id="one namespace"),
        pytest.param([f"well{number % 10}/bad-{number}" for number in range(8)], id="beside them"),
    ],
)
@pytest.mark.parametrize("seconds", [0.0, WEBHOOK_SECONDS], ids=["raising", "hanging"])
def test_a_poisonous_workload_or_namespace_starves_no_other(
    poison: Sequence[str],
    seconds: float,
    caplog: pytest.LogCaptureFixture,
    measurements: Measurements,
) -> None:
    """Changes go on while all of the poison is tried several times."""
    caplog.set_level("ERROR")
    alone, beside = played(wait_beside)([]), played(wait_beside)(poison, seconds)
    measurements.note(
        f"queue: a spec change takes {alone * 1000:.0f} ms (p99), beside "
        f"{len(poison)} that fail after {seconds:.0f} s {beside / alone:.2f} x that"
    )

    assert beside <= 1.5 * alone


@played
async def test_an_overloaded_server_and_a_poisonous_namespace_at_once(
    caplog: pytest.LogCaptureFixture, measurements: Measurements
) -> None:
    """While few requests may be in flight, those that hang do not hold their places."""
    caplog.set_level("ERROR")
    limiter = Limiter(2 * WORKERS)
    queue = KeyQueue(now, room=limiter.room)
    limiter.on_room = queue.wake
    users = Users(queue, [f"well{number}/w" for number in range(20)], per_second=20)

    async def reconcile(key: str) -> None:
        async with limiter.slot(PATH):
            if key.startswith("bad/"):
                await pass_seconds(WEBHOOK_SECONDS)
                raise Unavailable("no answer")
            await pass_seconds(LOOK_SECONDS)
            if len(users.waits) % 10 == 9 and now() < 100:
                # Nothing of this key's reconcile is retried here: its change counts as done.
                users.done(key)
                raise Unavailable("too many requests", status=429)
        users.done(key)

    async with working(queue, reconcile, WORKERS):
        for number in range(1000):
            queue.add(f"bad/{number}")
        await users.change(seconds=100)
        assert limiter.limit < WORKERS // 2
        measurements.note(
            f"queue: with a limit of {limiter.limit} requests and 1,000 hanging keys, "
            f"a spec change takes {users.wait(50):.2f} s (p50), {users.wait(99):.2f} s (p99)"
        )
        assert users.wait(99) < 1.5
        await users.change(seconds=60)
        await pass_seconds(1)

    assert limiter.limit == 2 * WORKERS


@played
async def test_a_namespace_is_served_in_the_order_in_which_its_keys_come_due() -> None:
    """Second looks have their turn among the first ones of a burst, and not after them all."""
    queue, due_at, served = KeyQueue(now), dict[str, float](), list[tuple[float, str]]()

    async def reconcile(key: str) -> float | None:
        served.append((due_at[key], key))
        await pass_seconds(0.1)
        due_at[key] = now() + 0.25
        return 0.25 if sum(key == each for _, each in served) == 1 else None

    async with working(queue, reconcile, WORKERS):
        # Twice as many as can be served.
        for number in range(300):
            due_at[key := f"team/{number}"] = now()
            queue.add(key)
            await pass_seconds(0.1 / (2 * WORKERS))
        while len(served) < 600:
            await pass_seconds(1)

    assert [due for due, _ in served] == pytest.approx(sorted(due for due, _ in served))
    keys = [key for _, key in served]
    last_first_look = max(keys.index(key) for key in due_at)
    assert last_first_look > 350


@played
async def test_workers_go_on_when_there_is_room_again() -> None:
    """All that may, though one wake says so."""
    room, running = 0, 0
    queue = KeyQueue(now, room=lambda: room)

    async def reconcile(_: str) -> None:
        nonlocal running
        running += 1
        await pass_seconds(1)
        running -= 1

    async with working(queue, reconcile, WORKERS):
        for number in range(30):
            queue.add(f"n{number}/w")
        await pass_seconds(1)
        assert running == 0
        assert queue.depths() == {"urgent": 0, "change": 30, "resync": 0, "retry": 0}
        room = 5
        queue.wake()
        await pass_seconds(0.5)
        assert running == 5
        room = 100
        queue.wake()
        await pass_seconds(0.1)
        assert running == WORKERS


@played
async def test_each_result_is_reported_with_its_duration() -> None:
    """As metrics count them."""
    results = list[tuple[str, float]]()
    queue = KeyQueue(now, on_result=lambda result, seconds: results.append((result, seconds)))
    answers = {
        "a/done": None,
        "a/again": 60.0,
        "a/busy": Unavailable("busy", status=503),
        "a/bug": RuntimeError("a bug"),
    }

    async def reconcile(key: str) -> float | None:
        await pass_seconds(2)
        answer = answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with working(queue, reconcile, WORKERS):
        for key in answers:
            queue.add(key)
        await pass_seconds(2.1)

    assert results == [("done", 2), ("requeued", 2), ("failed", 2), ("failed", 2)]


async def test_the_event_loop_has_turns_between_reconciles_that_wait_for_nothing() -> None:
    """One worker could go through all of them at once, and nothing else would happen meanwhile."""
    clock, turns, most, since_turn = 0.0, 0, 0, 0
    queue = KeyQueue(lambda: clock)

    async def reconcile(_: str) -> None:
        nonlocal clock, since_turn, most
        clock += LOOK_SECONDS / 10
        since_turn += 1
        most = max(most, since_turn)

    for number in range(1000):
        queue.add(f"team/{number}", priority=Priority.RESYNC)
    async with working(queue, reconcile, WORKERS):
        while sum(queue.depths().values()):
            since_turn = 0
            turns += 1
            await asyncio.sleep(0)

    assert most <= SLICE_SECONDS / (LOOK_SECONDS / 10) + 1
    assert turns >= 1000 / most
