"""Real servers of the official SDK, asked who they are: in both eras, strict, guarded, slow."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from mcpworkload.verification.exchange import open_session
from mcpworkload.verification.finding import Era, Finding, Result
from mcpworkload.verification.probe import probe
from mcpworkload.verification.target import Target
from tests.support.real_servers import (
    EARLY_SECONDS,
    GUARDED,
    HANGS,
    LOCAL,
    PLAIN,
    REFUSES,
    TOKEN,
    RealServer,
    Running,
    read_sessions,
    running,
)

EVENTS = next(server for server in LOCAL if server.kind == "sse")
ROUNDS = 40
SIDE_BY_SIDE = 8


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """What all verifications of a test share."""
    async with open_session() as session:
        yield session


def target_of(at: Running, **headers: str) -> Target:
    """Where a running server is to be asked."""
    server = at.server
    return Target("127.0.0.1", at.port, path=server.path, kind=server.kind, headers=headers)


def expect(finding: Finding, server: RealServer, era: str = "") -> str:
    """It is *server* that answered; the digest of its tools."""
    assert finding.result is Result.HANDSHAKE_OK, finding
    found = finding.server
    assert found is not None
    expected = (era or server.era, server.name, server.version)
    assert (found.era, found.name, found.version) == expected
    assert found.tools is not None
    assert found.tools.count == server.tools
    assert found.tools.digest.startswith("sha256:")
    return found.tools.digest


@pytest.mark.parametrize("server", LOCAL, ids=lambda server: server.label)
async def test_a_server_is_known_by_what_it_says(
    server: RealServer, session: aiohttp.ClientSession
) -> None:
    """Name, version and all tools, the same in each era that it speaks; no session is left."""
    eras: tuple[Era, ...] = ("modern", "legacy") if server.era == "modern" else ()
    async with running(server) as at:
        digest = expect(await probe(target_of(at), session=session), server)

        for era in eras:
            finding = await probe(target_of(at), session=session, era=era)
            assert expect(finding, server, era) == digest
        assert await at.begun() == 1


async def test_a_server_behind_a_token_is_known_with_it(session: aiohttp.ClientSession) -> None:
    """Without it, only that something is there that wants to know who asks."""
    async with running(GUARDED) as at:
        without = await probe(target_of(at), session=session)
        wrong = await probe(target_of(at, Authorization="Bearer no"), session=session)
        right = await probe(target_of(at, Authorization=f"Bearer {TOKEN}"), session=session)

    assert (without.result, without.server) == (Result.AUTH_REQUIRED, None)
    assert wrong.result is Result.AUTH_REQUIRED
    expect(right, GUARDED)


@pytest.mark.parametrize("server", [REFUSES, HANGS], ids=lambda server: server.label)
async def test_a_port_that_is_open_too_early_is_no_server_yet(
    server: RealServer, session: aiohttp.ClientSession
) -> None:
    """It is one once it answers, and then at the first attempt."""
    async with running(server) as at:
        begin = time.monotonic()
        first = await probe(target_of(at), session=session, timeout=1)
        assert time.monotonic() - begin < 2
        assert not first.is_ok, first
        assert first.message

        await asyncio.sleep(max(0.0, begin + EARLY_SECONDS - time.monotonic()))
        await read_sessions(at.port)  # answered as soon as it answers at all
        expect(await probe(target_of(at), session=session), server)


@pytest.mark.parametrize(("server", "era"), [(PLAIN, "legacy"), (EVENTS, None)])
async def test_no_session_is_left_however_many_ask(
    server: RealServer, era: Era | None, session: aiohttp.ClientSession
) -> None:
    """Each verification begins a session of its own, and ends it."""
    async with running(server) as at:
        target, room = target_of(at), asyncio.Semaphore(SIDE_BY_SIDE)

        async def ask() -> Finding:
            async with room:
                return await probe(target, session=session, era=era)

        findings = await asyncio.gather(*(ask() for _ in range(ROUNDS)))

        assert {finding.result for finding in findings} == {Result.HANDSHAKE_OK}
        assert await at.begun() == ROUNDS
