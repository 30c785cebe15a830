"""Attaching again and again: refusals, dead containers, successors, an API server that restarts."""

import asyncio
import itertools
import logging
from http import HTTPStatus
from pathlib import Path

import pytest

from mcpworkload.bridge import app, attach
from mcpworkload.bridge.attaching import source as sources
from mcpworkload.bridge.attaching.apiserver import ApiServer, NotInCluster, Target
from mcpworkload.bridge.attaching.source import AttachSource
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.effects import ServerKey
from mcpworkload.bridge.era import detect_era
from mcpworkload.bridge.message_router import NoClients
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.peer import Peer
from mcpworkload.protocol import jsonrpc
from tests.component.bridge.test_attach_channel import HEARTBEAT, TARGET, echo
from tests.support.bridges import free_port
from tests.support.fake_attach import ERROR, Container, Refusal, make_credentials, playing

FORBIDDEN = Refusal(HTTPStatus.FORBIDDEN, 'pods \\"time-0\\" is forbidden')
GREETING = (
    b'{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}'
)


async def dead(container: Container) -> None:
    """Accept, and close at once: a container that is not there."""
    await container.write(b'{"status":"Failure","message":"container not running (123)"}', ERROR)


async def one_answer(container: Container) -> None:
    """Answer one line, then end."""
    await container.write(await container.line() + b"\n")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the source has logged."""
    return [r.getMessage() for r in caplog.records if r.name.startswith("mcpworkload")]


async def test_what_is_asked_for(credentials: Path) -> None:
    """This container's input and output, with our token; standard error has a log already."""
    async with playing(credentials, echo) as api:
        channel = await AttachSource(api.server, TARGET, HEARTBEAT).start()
        await channel.end(1)

    request = api.requests[0]
    assert request.path == (
        "/api/v1/namespaces/shop/pods/time-0/attach"
        "?container=mcp&stdin=true&stdout=true&stderr=false&tty=false"
    )
    assert request.headers["Authorization"] == "Bearer first"
    assert request.headers["Sec-WebSocket-Protocol"] == "v5.channel.k8s.io, v4.channel.k8s.io"


async def test_the_token_is_read_each_time(credentials: Path) -> None:
    """The kubelet renews it in its file."""
    async with playing(credentials, one_answer, echo) as api:
        source = AttachSource(api.server, TARGET, HEARTBEAT)
        channel = await source.start()
        await channel.send(b"{}")
        await channel.wait()
        (credentials / "token").write_text("second\n")
        await (await source.start()).end(1)

    assert [r.headers["Authorization"] for r in api.requests] == ["Bearer first", "Bearer second"]


async def test_a_refusal_is_logged_once_and_retried(
    credentials: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights may come late; the log has the API server's words."""
    monkeypatch.setattr(sources, "FIRST_PAUSE_SECONDS", 0.01)
    caplog.set_level(logging.INFO)

    async with playing(credentials, FORBIDDEN, FORBIDDEN, FORBIDDEN, echo) as api:
        channel = await AttachSource(api.server, TARGET, HEARTBEAT).start()
        await channel.end(1)

    assert len(api.requests) == 4
    assert said(caplog) == [
        "cannot attach to pod shop/time-0, container mcp, trying again: "
        'the API server answers 403: pods "time-0" is forbidden',
        "attached to pod shop/time-0, container mcp",
    ]


async def test_a_dead_container_is_not_taken_for_a_server(
    credentials: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its stream is accepted, and closed; only the one that stays counts."""
    async with playing(credentials, dead, dead, echo) as api:
        channel = await AttachSource(api.server, TARGET, HEARTBEAT).start()
        await channel.send(b"{}")

        assert await channel.receive() == [b"{}"]
        await channel.end(1)

    assert len(api.requests) == 3
    assert said(caplog)[0].endswith("trying again: container not running (123)")


async def test_the_successor_is_sought_at_once(credentials: Path) -> None:
    """A server that worked and ended is followed without a pause."""
    async with playing(credentials, one_answer, echo) as api:
        source = AttachSource(api.server, TARGET, HEARTBEAT)
        first = await source.start()
        await first.send(b"{}")
        await first.wait()
        begin = asyncio.get_running_loop().time()
        second = await source.start()
        taken = asyncio.get_running_loop().time() - begin
        await second.end(1)

    assert second is not first
    assert taken < sources.SETTLE_SECONDS + 2


async def test_pauses_grow_up_to_a_limit(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that is gone for long costs the API server little."""
    pauses: list[float] = []
    real_sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    async with playing(credentials, *itertools.repeat(dead, 8), echo) as api:
        channel = await AttachSource(api.server, TARGET, HEARTBEAT).start()
        await channel.end(1)

    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_an_api_server_that_restarts_is_waited_for(credentials: Path) -> None:
    """The stream ends with it, and there is another one once it is back."""
    async with playing(credentials, echo) as api:
        source = AttachSource(api.server, TARGET, HEARTBEAT)
        first = await source.start()
        await api.stop()

        assert await first.receive() == []
        starting = asyncio.create_task(source.start())
        await asyncio.sleep(0.3)
        assert not starting.done()
        await api.listen()
        second = await starting
        await second.send(b"{}")
        assert await second.receive() == [b"{}"]
        await second.end(1)


async def test_an_api_server_that_hangs_is_given_up(
    credentials: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It accepts the connection and says nothing."""
    monkeypatch.setattr(sources, "ATTACH_SECONDS", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    server = ApiServer("127.0.0.1", silent.sockets[0].getsockname()[1], credentials)

    starting = asyncio.create_task(AttachSource(server, TARGET, HEARTBEAT).start())
    await asyncio.sleep(0.5)

    assert not starting.done()
    assert "no answer from the API server within 0.2 s" in said(caplog)[0]
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    silent.close()
    await asyncio.sleep(0.1)


async def test_another_certificate_is_refused(
    credentials: Path, caplog: pytest.LogCaptureFixture, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Our token goes to the cluster's API server, and to nobody else."""
    stranger = make_credentials(tmp_path_factory.mktemp("stranger"))
    async with playing(stranger, echo) as api:
        server = ApiServer(api.server.host, api.server.port, credentials)
        starting = asyncio.create_task(AttachSource(server, TARGET, HEARTBEAT).start())
        await asyncio.sleep(0.3)
        starting.cancel()

    assert api.requests == []
    assert "certificate verify failed" in said(caplog)[0]


async def test_what_others_say_is_ignored(credentials: Path) -> None:
    """Half a line from before we came, and answers to other attachers' requests."""

    async def play(container: Container) -> None:
        await container.write(
            b'half a line"}\n{"jsonrpc":"2.0","id":1,"result":{"foreign":true}}\n'
        )
        asked = jsonrpc.decode(await container.line())
        number = bytes(asked["id"])
        await container.write(
            b'{"jsonrpc":"2.0","id":' + number + b',"result":' + GREETING + b"}\n"
        )
        await container.until_gone()

    async with playing(credentials, play) as api:
        source = AttachSource(api.server, TARGET, HEARTBEAT)

        async def start() -> Peer:
            channel, key = await source.start(), ServerKey("server", 1)
            return Peer(channel, NoClients(), key, asyncio.create_task, Changes())

        spawn = asyncio.create_task
        found = await detect_era(start, spawn, starts_many=False, is_shared=True, report=print)
        assert found.stateful is not None
        await found.stateful.end(1)

    assert jsonrpc.value(found.initialize_result["protocolVersion"]) == "2025-11-25"


async def refuse_all(container: Container) -> None:
    """Answer every request with an error, as one that wants no second handshake."""
    while True:
        number = bytes(jsonrpc.decode(await container.line())["id"])
        error = b'{"code":-32600,"message":"initialized already"}'
        await container.write(b'{"jsonrpc":"2.0","id":' + number + b',"error":' + error + b"}\n")


async def test_a_server_that_never_answers_is_asked_seldom_and_left(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try ends the stream that it has opened, and tries have pauses between them."""
    monkeypatch.setattr(app, "UNANSWERED_SECONDS", 0.6)
    left = 0

    async def play(container: Container) -> None:
        nonlocal left
        try:
            await refuse_all(container)
        finally:
            left += 1

    async with playing(credentials, play) as api:
        bridge = app.Bridge(Options(port=free_port()), AttachSource(api.server, TARGET, HEARTBEAT))
        running = asyncio.create_task(bridge.run())
        begin = asyncio.get_running_loop().time()
        while left < 2:
            await asyncio.sleep(0.02)
        took = asyncio.get_running_loop().time() - begin
        found = len(api.requests), left
        bridge._stop.set()
        code = await running

    # Each try has its time, and the second begins after a pause.
    assert took > 0.6
    assert left == found[0] == found[1] == 2
    assert code == 0


@pytest.mark.parametrize(
    ("environment", "files", "words"),
    [
        pytest.param({}, ["token", "ca.crt"], "KUBERNETES_SERVICE_HOST=''", id="no pod"),
        pytest.param(
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "x"},
            ["token", "ca.crt"],
            "KUBERNETES_SERVICE_PORT='x'",
            id="no port",
        ),
        pytest.param(
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"},
            ["ca.crt"],
            "token is missing",
            id="no token",
        ),
    ],
)
def test_outside_of_a_pod(
    tmp_path: Path, environment: dict[str, str], files: list[str], words: str
) -> None:
    """What is missing is named."""
    for name in files:
        (tmp_path / name).touch()

    with pytest.raises(NotInCluster, match=words):
        ApiServer.from_pod(environment, tmp_path)


def test_the_command_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and no success."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    assert attach.run(Options(), pod="time-0", container="mcp") == 1

    assert capsys.readouterr().err.startswith("mcpw attach: KUBERNETES_SERVICE_HOST")


def test_a_target_is_one_container() -> None:
    """Names are quoted, though Kubernetes has none that need it."""
    target = Target("a/b", "c?d", "e&f")

    assert target.path.startswith("/api/v1/namespaces/a%2Fb/pods/c%3Fd/attach?container=e%26f&")
