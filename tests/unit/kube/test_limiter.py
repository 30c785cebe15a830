"""How many requests are in flight; time is played."""

import asyncio
from contextlib import suppress

import pytest

from mcpworkload.kube.errors import ApiError, NotFound, Unavailable, error_of, is_overload
from mcpworkload.kube.limiter import LEAST, LONGEST_PAUSE_SECONDS, SLOW_SECONDS, Limiter
from tests.support.played_loop import now, pass_seconds, played

PATH = "/api/v1/namespaces/team/services/weather"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/system/leases/mcpworkload"
BUSY = Unavailable("too many requests", status=429)


async def settle() -> None:
    """Let every task do what it can."""
    for _ in range(50):
        await asyncio.sleep(0)


class Client:
    """Requests through a limiter, which last until they are answered."""

    def __init__(self, most: int) -> None:
        self.limiter = Limiter(most)
        self.sent: dict[str, asyncio.Future[None]] = {}
        self.order: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def _request(self, name: str, path: str) -> None:
        async with self.limiter.slot(path):
            self.order.append(name)
            self.sent[name] = asyncio.get_running_loop().create_future()
            try:
                await self.sent[name]
            finally:
                del self.sent[name]

    async def begin(self, *names: str, path: str = PATH) -> None:
        """Begin requests; those that may be are sent."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._request(name, path))
        await settle()

    async def answer(self, *names: str, error: ApiError | None = None) -> None:
        """Answer requests that were sent."""
        for name in names:
            if error is None:
                self.sent[name].set_result(None)
            else:
                self.sent[name].set_exception(error)
        await settle()
        for name in names:
            with suppress(ApiError):
                await self.tasks.pop(name)

    async def fall(self, error: ApiError = BUSY) -> None:
        """One request fails."""
        await self.begin("failing")
        await self.answer("failing", error=error)


@played
async def test_no_more_than_the_limit_are_in_flight() -> None:
    """The others wait, in their order."""
    client = Client(3)

    await client.begin("1", "2", "3", "4", "5")
    assert client.order == ["1", "2", "3"]
    assert (client.limiter.in_flight, client.limiter.waiting) == (3, 2)
    await client.answer("2")
    assert client.order == ["1", "2", "3", "4"]
    await client.begin("6")
    await client.answer("1", "3", "4")

    assert client.order == ["1", "2", "3", "4", "5", "6"]
    assert client.limiter.in_flight == 2


@played
async def test_the_lease_and_the_probe_wait_for_nothing() -> None:
    """Nor do they take the place of another request."""
    client = Client(1)
    await client.begin("slow", "waiting")

    await client.begin("lease", path=LEASE)
    await client.begin("probe", path="/version")

    assert client.order == ["slow", "lease", "probe"]
    assert client.limiter.in_flight == 1


@pytest.mark.parametrize("status", [429, 500, 503, 504])
@played
async def test_the_limit_falls_by_half_and_rises_by_one(status: int) -> None:
    """By half with an answer of that kind, down to the least; by one with as many good ones."""
    client = Client(16)
    limits = []
    for _ in range(5):
        await client.fall(Unavailable("busy", status=status))
        limits.append(client.limiter.limit)
    assert limits == [8, 4, LEAST, LEAST, LEAST]
    assert client.limiter.throttled == 5

    good = 0
    while client.limiter.limit < 16:
        await client.begin("good")
        # A request that the API server refuses was answered well.
        await client.answer("good", error=NotFound("no", status=404) if good % 2 else None)
        good += 1
    assert sum(range(LEAST, 16)) <= good <= sum(range(LEAST, 17))


@played
async def test_one_moment_of_overload_lets_the_limit_fall_once() -> None:
    """What was sent before is answered for the same reason."""
    client = Client(16)
    names = [str(number) for number in range(16)]
    await client.begin(*names)

    await client.answer(*names, error=BUSY)

    assert client.limiter.limit == 8
    assert client.limiter.throttled == 16


@pytest.mark.parametrize(
    "error",
    [
        NotFound("no", status=404),
        Unavailable("no answer"),
        Unavailable("unauthorized", status=401),
        error_of(
            500, b'{"message": "Internal error occurred: failed calling webhook \\"x\\": EOF"}'
        ),
        error_of(429, b'{"message": "admission webhook \\"x\\" denied the request: slowly"}', 30),
    ],
    ids=["missing", "nothing", "unauthorized", "broken webhook", "busy webhook"],
)
@played
async def test_what_says_nothing_of_the_api_server_does_not_count(error: ApiError) -> None:
    """A webhook that fails for one workload must not slow down the others."""
    client = Client(16)

    await client.fall(error)
    await client.begin("next")

    assert (client.limiter.limit, client.limiter.throttled) == (16, 0)
    assert not is_overload(error)
    assert "next" in client.sent


@played
async def test_nothing_is_sent_before_the_server_wants_it() -> None:
    """But the Lease; afterwards all go on in their order, and whoever asks for room is told."""
    client, told = Client(4), list[float]()
    client.limiter.on_room = lambda: told.append(now())
    await client.begin("before")
    await client.fall(Unavailable("busy", status=429, retry_after=3.0))
    await client.begin("a", "b")
    await client.begin("lease", path=LEASE)
    assert client.limiter.room() == 0
    told.clear()

    await client.answer("before")
    await pass_seconds(2.9)
    assert client.order == ["before", "failing", "lease"]
    await pass_seconds(0.2)

    assert client.order == ["before", "failing", "lease", "a", "b"]
    await client.answer("a", "b")
    assert told[0] >= 3.0


@played
async def test_the_longest_of_several_pauses_counts_and_no_pause_is_for_ever() -> None:
    """A proxy may ask for an hour."""
    client = Client(4)
    await client.begin("1", "2")
    await client.answer("1", error=Unavailable("busy", status=503, retry_after=3600.0))
    await client.answer("2", error=Unavailable("busy", status=429, retry_after=1.0))
    await client.begin("next")

    await pass_seconds(LONGEST_PAUSE_SECONDS - 1)
    assert "next" not in client.sent
    await pass_seconds(1)

    assert "next" in client.sent


@played
async def test_slow_requests_leave_their_place_to_others() -> None:
    """Those that hang in a webhook; never are more in flight than at the beginning."""
    client = Client(4)
    await client.fall()
    assert client.limiter.limit == 2
    await client.begin("hang1", "hang2", "a", "b", "c")
    assert set(client.sent) == {"hang1", "hang2"}

    await pass_seconds(SLOW_SECONDS)
    assert set(client.sent) == {"hang1", "hang2", "a", "b"}
    assert client.limiter.in_flight == client.limiter.room() == 4
    await pass_seconds(SLOW_SECONDS)
    assert client.limiter.in_flight == 4

    await client.answer("hang1", "hang2", "a", "b")
    await client.answer("c")
    assert client.limiter.in_flight == 0
    assert client.limiter.room() == client.limiter.limit


@played
async def test_a_request_that_is_given_up_leaves_no_trace() -> None:
    """While it waits, when its turn has just come, and in flight."""
    client = Client(1)
    await client.begin("flying", "waiting", "next", "last")

    client.tasks["waiting"].cancel()
    await settle()
    client.sent["flying"].set_result(None)
    client.tasks["next"].cancel()
    await settle()
    assert client.order == ["flying", "next", "last"] or client.order == ["flying", "last"]
    client.tasks["last"].cancel()
    await settle()

    assert (client.limiter.in_flight, client.limiter.waiting) == (0, 0)
    await client.begin("new")
    assert "new" in client.sent
