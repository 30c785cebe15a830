"""Leadership, against a Lease in memory that checks versions as the API server does."""

import asyncio
import json
from typing import Any

import pytest

from mcpworkload.kube import lease
from mcpworkload.kube.errors import Conflict, NotFound, Unavailable
from mcpworkload.kube.lease import LeaderLease, LeadershipLost
from tests.support.waits import until


class LeaseApi:
    """The API server's part: one Lease, optimistic locking, and a switch that cuts it off."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.is_down = False
        self.writes = 0
        self.hangs = False

    async def request(self, method: str, path: str, *, body: bytes = b"") -> bytes:
        """Read, create or update the Lease."""
        if self.hangs:
            await asyncio.sleep(3600)
        if self.is_down:
            raise Unavailable("no answer")
        if method == "GET":
            if self.lease is None:
                raise NotFound("no such Lease")
            return json.dumps(self.lease).encode()
        wanted = json.loads(body)
        stored = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if wanted["metadata"].get("resourceVersion") != stored:
            raise Conflict(f"{path} was modified")
        self.writes += 1
        wanted["metadata"]["resourceVersion"] = str(self.writes)
        self.lease = wanted
        return json.dumps(wanted).encode()

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


def elector(api: LeaseApi, identity: str) -> LeaderLease:
    """One of several operators."""
    return LeaderLease(api, "ops", "lock", identity)  # type: ignore[arg-type]


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
    api.lease["spec"]["holderIdentity"] = "thief"
    api.lease["metadata"]["resourceVersion"] = "1000"

    with pytest.raises(LeadershipLost, match="thief leads now"):
        await leader.keep()
    await leader.release()

    assert api.holder == "thief"
