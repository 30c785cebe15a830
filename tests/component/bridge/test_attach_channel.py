"""Lines through an attach stream: both ways, whole, with everybody waiting for everybody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mcpworkload.bridge.attaching import channel as channels
from mcpworkload.bridge.attaching import stream as streams
from mcpworkload.bridge.attaching.apiserver import ApiServer, Target
from mcpworkload.bridge.attaching.channel import AttachChannel
from mcpworkload.bridge.attaching.source import AttachSource
from mcpworkload.bridge.channel import ChannelClosed
from tests.support.fake_attach import ERROR, STDERR, V4, V5, Container, Play, playing

TARGET = Target("shop", "time-0", "mcp")
HEARTBEAT = b'{"ping":1}'


@asynccontextmanager
async def attached(credentials: Path, *plays: Play) -> AsyncIterator[AttachChannel]:
    """A channel to a container that does what is played."""
    async with playing(credentials, *plays) as api:
        channel = await AttachSource(api.server, TARGET, HEARTBEAT).start()
        yield channel
        await channel.end(1)


async def echo(container: Container) -> None:
    """Write back every line."""
    while True:
        await container.write(await container.line() + b"\n")


async def silent(container: Container) -> None:
    """Read nothing, write nothing."""
    container.connection.transport.pause_reading()
    await asyncio.sleep(60)


class Unheard:
    """A listener that hears nothing, since its stream never was there."""

    def ended(self, reason: str) -> None:
        """Fail: there was nothing to end."""
        raise AssertionError(reason)


async def test_a_stream_whose_caller_was_cancelled_ends_without_an_error() -> None:
    """Whoever waited for it was cancelled before the API server answered."""
    server = ApiServer("127.0.0.1", 1)
    stream = streams.Stream(server, TARGET, "token", Unheard())  # type: ignore[arg-type]
    stream.accepted.cancel()

    stream.connection_lost(None)

    assert stream.accepted.cancelled()


async def test_lines_go_both_ways(credentials: Path) -> None:
    """As they are, one by one."""
    async with attached(credentials, echo) as channel:
        await channel.send(b'{"a":1}')
        await channel.send("é".encode())
        lines = await channel.receive()
        while len(lines) < 2:
            lines += await channel.receive()

    assert lines == [b'{"a":1}', "é".encode()]


async def test_large_lines_go_in_pieces(credentials: Path) -> None:
    """Of a size that the API server takes, and come back whole."""
    sizes: list[int] = []

    async def play(container: Container) -> None:
        line = await container.line()
        sizes.extend(container.sizes)
        for begin in range(0, len(line), 30_000):
            await container.write(line[begin : begin + 30_000])
        await container.write(b"\n")
        await container.until_gone()

    text = b"x" * 3_000_000
    async with attached(credentials, play) as channel:
        await channel.send(text)
        lines = await channel.receive()

    assert lines == [text]
    assert max(sizes) == streams.SENT_BYTES + 1


async def test_characters_may_be_split(credentials: Path) -> None:
    """Frames know nothing of characters or lines."""

    async def play(container: Container) -> None:
        for piece in (b'"\xc3', b'\xa9"\n"se', b'cond"', b"\n"):
            await container.write(piece)
        await container.until_gone()

    async with attached(credentials, play) as channel:
        lines = await channel.receive()
        while len(lines) < 2:
            lines += await channel.receive()

    assert lines == [b'"\xc3\xa9"', b'"second"']


async def test_other_streams_are_no_messages(credentials: Path) -> None:
    """What is said on standard error or about the stream itself is not the server's answer."""

    async def play(container: Container) -> None:
        await container.write(b"a complaint\n", STDERR)
        await container.write(b'{"status":"Success"}', ERROR)
        await container.write(b"{}\n")
        await container.until_gone()

    async with attached(credentials, play) as channel:
        assert await channel.receive() == [b"{}"]


@pytest.mark.parametrize("protocol", [V5, V4])
async def test_older_clusters_speak_v4(credentials: Path, protocol: str) -> None:
    """Where the API server does not know the newer protocol, the older one does."""
    async with playing(credentials, echo, protocols=[V5, V4] if protocol == V5 else [V4]) as api:
        channel = await AttachSource(api.server, TARGET, HEARTBEAT).start()
        await channel.send(b"{}")

        assert await channel.receive() == [b"{}"]
        await channel.end(1)


async def test_the_end_is_reported_to_every_caller(credentials: Path) -> None:
    """Who receives gets nothing more, who sends is refused, who waits knows."""

    async def play(container: Container) -> None:
        await container.line()
        await container.write(b"{}\n")

    async with attached(credentials, play) as channel:
        await channel.send(b"{}")

        assert await channel.receive() == [b"{}"]
        assert await channel.receive() == []
        assert await channel.receive() == []
        with pytest.raises(ChannelClosed):
            await channel.send(b"{}")
        end = await channel.wait()

    assert (end.code, end.signal) == (None, None)


async def test_a_server_that_does_not_read_lets_its_clients_wait(credentials: Path) -> None:
    """One line is kept, the next one waits; one that is given up was never sent."""
    async with attached(credentials, silent) as channel:
        await channel.send(b"x" * 30_000_000)
        waiting = asyncio.create_task(channel.send(b"{}"))
        await asyncio.sleep(0.1)

        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_the_end_frees_who_waits_to_send(credentials: Path) -> None:
    """It is refused, not forgotten."""

    async def play(container: Container) -> None:
        container.connection.transport.pause_reading()
        await asyncio.sleep(0.3)
        container.connection.transport.abort()

    async with attached(credentials, play) as channel:
        await channel.send(b"x" * 30_000_000)

        with pytest.raises(ChannelClosed):
            await channel.send(b"{}")


async def test_clients_that_do_not_read_let_the_server_wait(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounded part of what it writes is kept; all of it arrives in the end."""
    monkeypatch.setattr(channels, "QUEUE_BYTES", 100_000)
    written = 0

    async def play(container: Container) -> None:
        nonlocal written
        for _ in range(1_000):
            await container.write(b"x" * 29_999 + b"\n")
            written += 1
        await container.until_gone()

    async with attached(credentials, play) as channel:
        await asyncio.sleep(0.5)
        held = written
        received = 0
        while received < 1_000:
            received += len(await channel.receive())

    assert held < 900
    assert written == 1_000


async def test_a_peer_that_answers_no_ping_is_noticed(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer to our pings, the stream is over."""
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)
    monkeypatch.setattr(streams, "SILENCE_SECONDS", 0.2)

    async with attached(credentials, silent) as channel:
        assert await channel.receive() == []
        assert "silent" in channel.reason


async def test_a_quiet_server_is_left_alone(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings are answered by the API server, whatever the server does."""
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)
    monkeypatch.setattr(streams, "SILENCE_SECONDS", 0.2)

    async with attached(credentials, echo) as channel:
        await asyncio.sleep(0.5)
        await channel.send(b"{}")

        assert await channel.receive() == [b"{}"]


async def test_long_silence_is_broken(credentials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubelet does not count pings; a line that does no harm goes through to the server."""
    monkeypatch.setattr(channels, "HEARTBEAT_SECONDS", 0.1)

    async with attached(credentials, echo) as channel:
        assert await channel.receive() == [HEARTBEAT]


async def test_leaving_sends_what_was_taken(credentials: Path) -> None:
    """A line that `send` took is not lost by the end that follows it."""
    got = asyncio.get_running_loop().create_future()

    async def play(container: Container) -> None:
        got.set_result(await container.line())
        await container.until_gone()

    async with attached(credentials, play) as channel:
        await channel.send(b"x" * 1_000_000)
        await channel.end(2)

    assert len(await got) == 1_000_000
