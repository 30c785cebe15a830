"""A whole bridge beside its server: what it says while the server is not there."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest

from mcpworkload.bridge import app
from mcpworkload.bridge.app import Bridge
from mcpworkload.bridge.attaching import source
from mcpworkload.bridge.attaching.source import AttachSource
from mcpworkload.bridge.background import Background
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.message_router import NoClients
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.servers import Servers
from mcpworkload.bridge.sessions import Sessions
from mcpworkload.protocol import jsonrpc
from tests.component.bridge.test_attach_channel import HEARTBEAT, TARGET
from tests.component.bridge.test_attach_source import GREETING, dead
from tests.support.bridges import free_port, head, read_answer
from tests.support.fake_attach import Container, Play, Refusal, playing

LONG = Refusal(HTTPStatus.FORBIDDEN, "pods is forbidden: " + "x" * 5000)
GONE = "server is gone, its exit code is not known here; its successor has not answered yet"
WHERE = "cannot attach to pod shop/time-0, container mcp: "


async def short_lived(container: Container) -> None:
    """Answer ``initialize``, and end a moment later."""
    number = bytes(jsonrpc.decode(await container.line())["id"])
    await container.write(b'{"jsonrpc":"2.0","id":' + number + b',"result":' + GREETING + b"}\n")
    await container.line()
    await asyncio.sleep(0.3)


@contextlib.asynccontextmanager
async def attaching(credentials: Path, *plays: Play | Refusal) -> AsyncIterator[int]:
    """A bridge in this process that attaches to what is played; its port."""
    options = Options(port=free_port(), sessions="Shared")
    async with playing(credentials, *plays) as api:
        bridge = Bridge(options, AttachSource(api.server, TARGET, HEARTBEAT))
        running = asyncio.create_task(bridge.run())
        yield options.port
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def readiness(port: int, words: str) -> str:
    """What it says of its readiness, once that has *words* in it."""
    said = ""
    async with asyncio.timeout(15):
        while not re.search(words, said):
            await asyncio.sleep(0.02)
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(head("GET", "/readyz", None, {}))
                said = (await read_answer(reader)).body.decode()
                writer.close()
    return said


async def test_it_says_how_the_last_server_ended_and_what_keeps_it_from_the_next(
    credentials: Path,
) -> None:
    """On one line, in the API server's words, of which there may be too many."""
    async with attaching(credentials, short_lived, LONG) as port:
        first = await readiness(port, "^ready")
        second = await readiness(port, "forbidden")

    assert first == "ready\n"
    assert second.startswith(f"{GONE}; {WHERE}the API server answers 403: pods is forbidden: xxx")
    assert (second.index("\n"), len(second) < 500) == (len(second) - 1, True)


async def test_its_log_says_that_a_server_is_silent(
    credentials: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which the API server knows nothing; of one that has answered, nothing is said."""
    monkeypatch.setattr(app, "PATIENCE_SECONDS", 0.5)

    async def silent(container: Container) -> None:
        await container.until_gone()

    async def steady(container: Container) -> None:
        await short_lived(container)
        await container.until_gone()

    for play in (steady, silent):
        async with attaching(credentials, play):
            await asyncio.sleep(1)

    said = [r.getMessage() for r in caplog.records if "not ready" in r.getMessage()]
    assert said == ["not ready: the server has not answered yet"]


async def test_it_says_why_there_never_was_a_server(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that waits to be started, say."""
    # The end comes at once, but not within a tenth of a second where much else is to be done.
    monkeypatch.setattr(source, "SETTLE_SECONDS", 3)
    async with attaching(credentials, dead) as port:
        said = await readiness(port, "running")

    assert said == f"the server has not answered yet; {WHERE}container not running (123)\n"


async def test_the_reason_names_how_a_stream_ended_before_any_answer(credentials: Path) -> None:
    """It stays for a moment, and is gone before it has said anything."""

    async def mute(container: Container) -> None:
        await container.line()
        await asyncio.sleep(0.2)

    async with attaching(credentials, mute) as port:
        said = await readiness(port, "ended")

    assert said.startswith("server is gone, its exit code is not known here before it answered")
    assert "; its attach stream ended: " in said


async def test_a_fault_beside_the_serving_ends_the_bridge(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what expires sessions it would go on, and fill up."""

    async def fail(_: Sessions) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Sessions, "sweep", fail)
    options = Options(port=free_port(), sessions="Shared")
    async with playing(credentials, dead) as api:
        bridge = Bridge(options, AttachSource(api.server, TARGET, HEARTBEAT))
        with pytest.raises(ExceptionGroup) as caught:
            await bridge.run()

    assert [str(error) for error in caught.value.exceptions] == ["a bug"]


async def test_a_fault_in_what_was_begun_is_logged(
    credentials: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With its traceback, and ends the bridge: it would only look alive."""

    async def fail() -> None:
        raise ValueError("a bug")

    options = Options()
    async with playing(credentials, dead) as api:
        source = AttachSource(api.server, TARGET, HEARTBEAT)

        async def serve() -> None:
            async with Background() as background:
                Servers(options, source, NoClients(), NoClients(), background, Changes()).spawn(
                    fail()
                )
                await asyncio.sleep(5)

        with pytest.raises(ExceptionGroup) as caught:
            await serve()

    assert [str(error) for error in caught.value.exceptions] == ["a bug"]
    assert caplog.records[0].exc_info is not None
