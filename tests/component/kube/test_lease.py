"""Leadership, against a Lease in memory that checks versions as the API server does."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from mcpworkload.kube import lease
from mcpworkload.kube.errors import Conflict, NotFound, Unavailable
from mcpworkload.kube.fence import Fence, LeadershipLost, seconds_since_boot
from mcpworkload.kube.lease import LeaderLease
from tests.support.waits import until


class LeaseApi:
    """The API server's part: one Lease, optimistic locking, and a switch that cuts it off."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.is_down = False
        self.writes = 0
        self.reads = 0
        self.watches = 0
        self.hangs = False
        self._changed = asyncio.Event()

    async def request(self, method: str, path: str, *, body: bytes = b"") -> bytes:
        """Read, create or update the Lease."""
        if self.hangs:
            await asyncio.sleep(3600)
        if self.is_down:
            raise Unavailable("no answer")
        if method == "GET":
            self.reads += 1
            if self.lease is None:
                raise NotFound("no such Lease")
            return json.dumps(self.lease).encode()
        wanted = json.loads(body)
        stored = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if wanted["metadata"].get("resourceVersion") != stored:
            raise Conflict(f"{path} was modified")
        self.writes += 1
        wanted["metadata"]["resourceVersion"] = str(self.writes)
        self.put(wanted)
        return json.dumps(wanted).encode()

    @asynccontextmanager
    async def lines(
        self, path: str, parameters: Mapping[str, str], silence: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch of the Lease."""
        assert path.endswith("/namespaces/ops/leases")
        assert silence > lease.SILENCE_SECONDS
        assert parameters["fieldSelector"] == "metadata.name=lock"
        if self.is_down:
            raise Unavailable("no answer")
        self.watches += 1
        yield self._events(int(parameters["resourceVersion"]))

    async def _events(self, since: int) -> AsyncIterator[bytes]:
        while True:
            changed = self._changed
            if self.lease and int(self.lease["metadata"]["resourceVersion"]) > since:
                since = int(self.lease["metadata"]["resourceVersion"])
                yield json.dumps({"type": "MODIFIED", "object": self.lease}).encode()
            await changed.wait()

    def put(self, content: dict[str, Any]) -> None:
        """Store the Lease as it is now, and let watches show it."""
        self.lease = content
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def holder(self) -> str:
        """Who holds the Lease."""
        return str(self.lease["spec"]["holderIdentity"]) if self.lease else ""


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds as tenths of a second."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 1.5)
    monkeypatch.setattr(lease, "RENEW_DEADLINE_SECONDS", 1.0)
    monkeypatch.setattr(lease, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(lease, "SILENCE_SECONDS", 0.5)


class PausedClock:
    """A clock that has run on while the process was paused."""

    def __init__(self) -> None:
        self.paused = 0.0

    def __call__(self) -> float:
        """The seconds since boot, with the pause."""
        return seconds_since_boot() + self.paused


def elector(api: LeaseApi, identity: str, fence: Fence | None = None) -> LeaderLease:
    """One of several operators."""
    return LeaderLease(api, "ops", "lock", identity, fence or Fence())  # type: ignore[arg-type]


async def test_the_first_one_leads_and_the_second_waits() -> None:
    """Until the first one releases the Lease, then without delay."""
    api = LeaseApi()
    first, second = elector(api, "first"), elector(api, "second")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(2.5)
    assert api.holder == "first"

    keeping.cancel()
    await first.release()
    await waiting

    assert api.holder == "second"
    assert api.lease is not None
    assert api.lease["spec"]["leaseTransitions"] == 1


async def test_a_dead_leaders_lease_expires() -> None:
    """Nobody renews it, so it can be taken."""
    api = LeaseApi()
    await elector(api, "dead").acquire()

    await elector(api, "heir").acquire()

    assert api.holder == "heir"


async def test_a_restarted_holder_need_not_wait() -> None:
    """The identity outlives the process."""
    api = LeaseApi()
    await elector(api, "pod").acquire()

    async with asyncio.timeout(1.0):
        await elector(api, "pod").acquire()


async def test_leadership_is_lost_when_the_api_server_is_away_for_too_long() -> None:
    """Another may lead by then."""
    api = LeaseApi()
    leader = elector(api, "leader")
    await leader.acquire()
    api.is_down = True

    with pytest.raises(LeadershipLost, match="could not be renewed in time"):
        await leader.keep()


async def test_a_request_that_hangs_does_not_prolong_the_leadership() -> None:
    """Others count from the last renewal that they saw, not from when we gave up waiting."""
    api = LeaseApi()
    leader = elector(api, "leader")
    await leader.acquire()
    api.hangs = True

    async with asyncio.timeout(1.45):  # the Lease itself lasts 1.5
        with pytest.raises(LeadershipLost, match="could not be renewed in time"):
            await leader.keep()


async def test_a_short_outage_does_not_cost_the_leadership() -> None:
    """The Lease is renewed when the API server is back."""
    api = LeaseApi()
    leader = elector(api, "leader")
    await leader.acquire()
    keeping = asyncio.create_task(leader.keep())
    api.is_down = True
    await asyncio.sleep(0.5)
    api.is_down = False
    writes = api.writes
    await until(lambda: api.writes > writes)

    assert not keeping.done()
    keeping.cancel()


async def test_a_stolen_lease_ends_the_leadership() -> None:
    """Somebody edited it, and is right until proven otherwise."""
    api = LeaseApi()
    leader = elector(api, "leader")
    await leader.acquire()
    assert api.lease is not None
    api.put(stolen(api.lease))

    with pytest.raises(LeadershipLost, match="thief leads now"):
        await leader.keep()
    await leader.release()

    assert api.holder == "thief"


def stolen(content: dict[str, Any]) -> dict[str, Any]:
    """The Lease once another process has written its name into it."""
    return {
        **content,
        "metadata": {**content["metadata"], "resourceVersion": "1000"},
        "spec": {**content["spec"], "holderIdentity": "thief"},
    }


async def test_a_released_lease_is_taken_at_once() -> None:
    """Who waits watches it; the next look, were there one, would come later."""
    api = LeaseApi()
    first = elector(api, "first")
    await first.acquire()
    waiting = asyncio.create_task(elector(api, "second").acquire())
    await until(lambda: api.watches == 1)

    await first.release()
    async with asyncio.timeout(lease.RETRY_SECONDS / 4):
        await waiting

    assert api.holder == "second"


async def test_waiting_costs_one_watch_and_no_reads_while_the_leader_renews() -> None:
    """The renewals come through the watch."""
    api = LeaseApi()
    first = elector(api, "first")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    waiting = asyncio.create_task(elector(api, "second").acquire())
    await until(lambda: api.watches == 1)
    reads, writes = api.reads, api.writes
    await until(lambda: api.writes >= writes + 5)

    assert api.watches == 1
    assert api.reads == reads
    waiting.cancel()
    keeping.cancel()


async def test_a_watch_that_shows_nothing_is_not_trusted() -> None:
    """A connection may be dead without an end: the Lease is read then."""
    api = LeaseApi()
    first = elector(api, "first")
    await first.acquire()
    waiting = asyncio.create_task(elector(api, "second").acquire())
    await until(lambda: api.watches == 1)
    reads = api.reads

    await until(lambda: api.reads > reads)

    assert api.holder == "first"
    waiting.cancel()


async def test_a_standby_survives_an_outage() -> None:
    """It goes on waiting when the API server is back."""
    api = LeaseApi()
    first = elector(api, "first")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    api.is_down = True
    waiting = asyncio.create_task(elector(api, "second").acquire())
    await asyncio.sleep(0.3)
    api.is_down = False
    await until(lambda: api.watches == 1)

    assert not waiting.done()
    waiting.cancel()
    keeping.cancel()


async def test_the_fence_is_open_while_the_lease_is_held() -> None:
    """Closed before, and from the release on."""
    api, fence = LeaseApi(), Fence()
    leader = elector(api, "leader", fence)
    assert not fence.is_open
    await leader.acquire()
    assert fence.is_open
    await leader.release()
    assert not fence.is_open


async def test_the_fence_goes_by_when_the_renewal_was_sent() -> None:
    """An answer that took long opens it for no longer than the others wait."""
    clock = PausedClock()
    api, fence = LeaseApi(), Fence(clock)
    leader = elector(api, "leader", fence)
    answer = api.request

    async def answer_late(method: str, path: str, *, body: bytes = b"") -> bytes:
        content = await answer(method, path, body=body)
        clock.paused += 0.6 if method == "PUT" else 0.0
        return content

    await leader.acquire()
    assert fence.seconds_left > 0.6
    api.request = answer_late  # type: ignore[method-assign]
    await leader.acquire()

    assert 0 < fence.seconds_left < 0.4


async def test_a_leader_that_was_paused_gives_up_before_it_asks() -> None:
    """Whatever its timers think: the renewal after the pause would be a write, too."""
    clock = PausedClock()
    api, fence = LeaseApi(), Fence(clock)
    leader = elector(api, "leader", fence)
    await leader.acquire()
    keeping = asyncio.create_task(leader.keep())
    await asyncio.sleep(0)
    writes = api.writes
    clock.paused = 60.0

    async with asyncio.timeout(2 * lease.RETRY_SECONDS):
        with pytest.raises(LeadershipLost, match="could not be renewed in time"):
            await keeping

    assert api.writes == writes
    assert not fence.is_open


@pytest.mark.parametrize("jump", [timedelta(days=-3650), timedelta(hours=1), timedelta(days=9999)])
async def test_jumps_of_the_wall_clock_change_no_leader(
    monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    """It gives the Lease its times, which people read; nothing is decided by them."""

    class WallClock:
        """The wall clock, after it was set."""

        @staticmethod
        def now(zone: tzinfo) -> datetime:
            return datetime.now(zone) + jump

    api = LeaseApi()
    first, second = elector(api, "first"), elector(api, "second")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    waiting = asyncio.create_task(second.acquire())
    await until(lambda: api.watches == 1)
    monkeypatch.setattr(lease, "datetime", WallClock)
    writes = api.writes
    await until(lambda: api.writes >= writes + 10)

    assert api.holder == "first"
    assert not keeping.done()
    assert api.lease is not None
    renewed = datetime.fromisoformat(api.lease["spec"]["renewTime"])
    assert abs(renewed - datetime.now(UTC) - jump) < timedelta(minutes=1)

    keeping.cancel()
    # Of a leader that is gone, the Lease expires after its duration, whatever time it holds.
    async with asyncio.timeout(lease.LEASE_SECONDS + 1):
        await waiting
    assert api.holder == "second"


async def test_a_lease_that_was_deleted_is_made_anew() -> None:
    """By its holder, before another one needs it."""
    api = LeaseApi()
    leader = elector(api, "leader")
    await leader.acquire()
    keeping = asyncio.create_task(leader.keep())
    api.lease = None
    await until(lambda: api.holder == "leader")

    assert not keeping.done()
    keeping.cancel()
