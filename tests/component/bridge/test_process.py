"""A child on pipes."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcpworkload.bridge.channel import CannotStart, ChannelClosed, End
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.process import PipeChannel
from mcpworkload.bridge.spawn import PipeSource

CAT = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.flush()"


@pytest.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[int]:
    """Where servers' standard error goes."""
    target = os.open(tmp_path / "stderr", os.O_RDWR | os.O_CREAT)
    yield target
    os.close(target)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)


async def start(stderr: int, script: str, program: str = sys.executable) -> PipeChannel:
    """Start a script."""
    option = "-c" if program == "/bin/sh" else "-Sc"
    source = PipeSource((program, option, script), dict(os.environb), Outlet(stderr))
    return await source.start()


async def test_lines_go_and_come(quiet: int) -> None:
    """In order, whole, of any length; the end of the input is the end of the server."""
    channel = await start(quiet, CAT)
    lines = [b"a", b"", b"x" * 3_000_000, "é".encode() * 1000, b"last"]
    sending = asyncio.gather(*(channel.send(line) for line in lines))
    found: list[bytes] = []
    while len(found) < len(lines):
        found += await channel.receive()
    await sending
    channel.close_input()

    assert found == lines
    assert await channel.receive() == []
    assert await channel.wait() == End(code=0)
    with pytest.raises(ChannelClosed):
        await channel.send(b"too late")


async def test_a_server_that_does_not_read_makes_senders_wait(quiet: int) -> None:
    """With one line kept, and no more; a sender that gives up has sent nothing."""
    channel = await start(quiet, "import time; time.sleep(60)")
    line = b"x" * 1_000_000
    await channel.send(line)
    waiting = [asyncio.create_task(channel.send(line)) for _ in range(3)]
    await asyncio.sleep(0.1)
    states = [task.done() for task in waiting]
    waiting[0].cancel()
    end = await channel.end(0.3)
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert states == [False, False, False]
    assert end.signal == signal.SIGTERM
    assert [type(r) for r in results] == [asyncio.CancelledError, ChannelClosed, ChannelClosed]


async def test_a_server_waits_for_us_to_receive(quiet: int) -> None:
    """What we do not take, it can't write."""
    script = "import sys\nfor n in range(200): sys.stdout.write('x' * 99999 + '\\n')"
    channel = await start(quiet, script)
    await asyncio.sleep(0.5)
    held = channel._queued
    found = 0
    while lines := await channel.receive():
        found += len(lines)
    await channel.end(1)

    assert held < 6_000_000
    assert found == 200
    assert await channel.wait() == End(code=0)


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("exit 3", End(code=3)),
        ("exit 0", End(code=0)),
        ("kill -SEGV $$", End(signal=signal.SIGSEGV)),
        ("echo one >&2; printf two >&2; exit 1", End(code=1, stderr_tail=("one", "two"))),
    ],
)
async def test_every_caller_receives_how_a_process_ended(quiet: int, script: str, end: End) -> None:
    """To everybody who asks, however often."""
    channel = await start(quiet, script, "/bin/sh")
    found = await asyncio.gather(channel.wait(), channel.wait(), channel.end(1))

    assert list(found) == [end] * 3
    assert end.exit_status == (end.code if end.code is not None else 128 + (end.signal or 0))


async def test_the_last_lines_of_standard_error_are_kept(quiet: int, tmp_path: Path) -> None:
    """All are passed on; the last twenty are remembered, cut if long."""
    channel = await start(
        quiet, "import sys\nfor n in range(99): print(n, 'y' * 9000, file=sys.stderr)"
    )
    end = await channel.wait()
    passed = (tmp_path / "stderr").read_text().splitlines()

    assert [line.split()[0] for line in end.stderr_tail] == [str(n) for n in range(79, 99)]
    assert [line.split()[0] for line in passed] == [str(n) for n in range(99)]
    assert "".join(passed).count("y") == 99 * 9000


async def test_a_line_without_an_end_does_not_fill_the_memory(quiet: int, tmp_path: Path) -> None:
    """It is passed on in pieces, of which the beginnings are remembered."""
    channel = await start(quiet, "import sys\nsys.stderr.write('z' * 1_000_000)")
    end = await channel.wait()

    assert (tmp_path / "stderr").read_text().count("z") == 1_000_000
    assert max(map(len, end.stderr_tail)) <= 16384


@pytest.mark.parametrize(
    ("script", "number"),
    [
        ("echo; read line; exit 0", None),
        ("echo; while read line; do :; done; sleep 60", signal.SIGTERM),
        ("trap '' TERM; sleep 60 & echo; wait; sleep 60", signal.SIGKILL),
    ],
)
async def test_ending_goes_as_far_as_it_has_to(quiet: int, script: str, number: int | None) -> None:
    """Input closed, SIGTERM, SIGKILL; nothing of its group is left, and it is in time."""
    channel = await start(quiet, script, "/bin/sh")
    assert await channel.receive() == [b""]
    begin = asyncio.get_running_loop().time()
    # Long enough for a machine that has much else to do.
    end = await channel.end(2)

    assert end.signal == number
    assert asyncio.get_running_loop().time() - begin < 4
    assert not in_group(channel.pid)


def in_group(group: int) -> list[int]:
    """Return the processes of a group, but those that only wait to be reaped."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize(
    ("command", "status"), [("/no/such/program", 127), ("/etc/passwd", 126), ("a\0b", 126)]
)
async def test_what_cannot_be_started_is_named(quiet: int, command: str, status: int) -> None:
    """With the exit code of a shell in its place."""
    source = PipeSource((command,), {}, Outlet(quiet))
    with pytest.raises(CannotStart, match="cannot start") as raised:
        await source.start()

    assert raised.value.end.code == status
