"""
Misbehaving servers, asked who they are: each gets its reason, and takes no more than it may.

What users read about them in `docs/troubleshooting.md` is compared with what the probe says; with
MCPWORKLOAD_WRITE_PAGE=1 this test writes it there.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from mcpworkload.verification.exchange import open_session
from mcpworkload.verification.finding import Era, Finding, Result
from mcpworkload.verification.probe import probe
from tests.support.api import open_sockets
from tests.support.certificate import self_signed
from tests.support.page import read_table, write_table
from tests.support.zoo.animals import ANIMALS
from tests.support.zoo.cage import Animal, Cage
from tests.support.zoo.serving import open_cage
from tests.support.zoo.table import PASSING, ROWS, TITLE, build_table

IS_TO_WRITE = bool(os.environ.get("MCPWORKLOAD_WRITE_PAGE"))
TIMEOUT, DEFAULT_TIMEOUT = 2.0, 10.0
#: Where many are asked at once, a tenth of it has to be enough to end a session.
TIMEOUT_AT_ONCE = 4.0
#: What the machine may take beyond the probe's own time.
GRACE_SECONDS = 0.5
EMPTY_SECONDS = 1.0
#: A megabyte is read; what the kernel holds of each of up to three connections was sent as well.
MOST_BYTES = 1024**2 + 3 * 300 * 1024
AT_ONCE = 8
#: Those that keep a probe waiting for its whole time, each in its own way.
SLOWEST = ("mute", "byte-a-second", "endless-comments")
EXPECTED = {name: (row.result, row.says) for row in ROWS for name in row.animals}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody signed."""
    return self_signed(tmp_path_factory.mktemp("zoo"), "weather.demo.svc")


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """What all probes share."""
    async with open_session() as session:
        yield session


async def ask(
    animal: Animal,
    certificate: Path,
    session: aiohttp.ClientSession,
    era: Era | None = None,
    limit: float = TIMEOUT,
) -> tuple[Finding, Cage]:
    """
    What the probe finds within *limit* seconds, and what it leaves.

    Raises:
        AssertionError: it takes or leaves more than it may.
    """
    loop = asyncio.get_running_loop()
    async with open_cage(animal, certificate) as cage:
        begin = loop.time()
        finding = await probe(cage.target, session=session, era=era, timeout=limit)
        seconds = loop.time() - begin
        is_empty = await cage.until_empty(EMPTY_SECONDS)
    assert seconds <= limit + GRACE_SECONDS, animal.name
    assert is_empty, f"{animal.name}: {cage.connections} connections are open"
    assert cage.sessions == set(), animal.name
    assert cage.sent <= MOST_BYTES, animal.name
    assert cage.strayed == 0, animal.name
    return finding, cage


async def ask_all(
    names: Iterable[str],
    certificate: Path,
    session: aiohttp.ClientSession,
    era: Era | None = None,
    limit: float = TIMEOUT,
) -> dict[str, Finding]:
    """What the probe finds of each."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask_one(name: str) -> tuple[str, Finding]:
        async with gate:
            finding, _ = await ask(ANIMALS[name], certificate, session, era, limit)
            return name, finding

    return dict(await asyncio.gather(*map(ask_one, names)))


def test_every_animal_is_in_the_table() -> None:
    """Once."""
    assert len(ANIMALS) > 40
    assert sorted([*PASSING, *EXPECTED]) == sorted(ANIMALS)
    assert len(EXPECTED) == sum(len(row.animals) for row in ROWS)


@pytest.mark.parametrize("name", EXPECTED)
async def test_each_gets_its_reason(
    name: str, certificate: Path, session: aiohttp.ClientSession
) -> None:
    """And a sentence that says what came back."""
    before = open_sockets()
    finding, _ = await ask(ANIMALS[name], certificate, session)

    result, words = EXPECTED[name]
    assert finding.result is result, finding
    assert [each for each in words if each not in finding.message] == [], finding.message
    assert finding.server is None
    assert finding.message.isprintable()
    await until_closed(before)


@pytest.mark.parametrize("name", PASSING)
async def test_some_pass(name: str, certificate: Path, session: aiohttp.ClientSession) -> None:
    """What they do is odd, and does not matter."""
    before = open_sockets()
    finding, cage = await ask(ANIMALS[name], certificate, session)

    assert (finding.result, finding.message) == (Result.HANDSHAKE_OK, "")
    assert finding.server
    server = finding.server
    words = (server.name, server.title, server.version, *server.capabilities)
    assert all(len(each) <= 128 and each.isprintable() for each in words)
    assert max(len(server.capabilities), len(server.supported_versions)) <= 32
    assert cage.opened_sessions == (server.era == "legacy")
    await until_closed(before)


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.timeout(120)
async def test_an_era_that_is_not_the_servers_costs_no_more(
    era: Era, certificate: Path, session: aiohttp.ClientSession
) -> None:
    """A server may be another one after it was replaced, and misbehave from then on."""
    findings = await ask_all(ANIMALS, certificate, session, era, TIMEOUT_AT_ONCE)

    assert {name for name in PASSING if not findings[name].is_ok} == set()
    assert {name for name in EXPECTED if findings[name].is_ok} == set()


@pytest.mark.parametrize("name", ["session-and-hang", "tools-hang", "delete-hangs", "sse-silent"])
async def test_a_probe_that_is_cancelled_leaves_nothing(
    name: str, certificate: Path, session: aiohttp.ClientSession
) -> None:
    """As when the operator ends, or its pod is deleted meanwhile."""
    before = open_sockets()
    async with open_cage(ANIMALS[name], certificate) as cage:
        task = asyncio.ensure_future(probe(cage.target, session=session, timeout=TIMEOUT))
        while not cage.opened_sessions:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await cage.until_empty(EMPTY_SECONDS)
        assert cage.sessions == set()
    await until_closed(before)


@pytest.mark.long
@pytest.mark.timeout(60)
async def test_the_page_says_what_the_probe_says(
    certificate: Path, session: aiohttp.ClientSession
) -> None:
    """In a row for each kind of misbehaviour, with the time that a probe has by default."""
    names = dict.fromkeys([*(row.animals[0] for row in ROWS), *SLOWEST])
    findings = await ask_all(names, certificate, session, None, DEFAULT_TIMEOUT)
    table = build_table({name: finding.message for name, finding in findings.items()})
    if IS_TO_WRITE:
        write_table(TITLE, table)

    assert read_table(TITLE) == table


async def until_closed(before: int) -> None:
    """
    Wait until this process has no more sockets than *before*: the servers' are closed as well.

    Raises:
        AssertionError: some stay open.
    """
    for _ in range(int(EMPTY_SECONDS / 0.01)):
        if open_sockets() <= before:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{open_sockets()} sockets are open, and were {before}")
