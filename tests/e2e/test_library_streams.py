"""What a workload prints, and its standard streams, as callers of the library have them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mcpworkload.runtime import (
    KubernetesRuntime,
    LogLine,
    RuntimeUnavailable,
    WorkloadInvalid,
    WorkloadNotFound,
    WorkloadNotRunning,
)
from tests.rig.builders import SMALL, make_running_workload
from tests.rig.cluster import Cluster
from tests.rig.cuttable import Cuttable
from tests.rig.kinds import Manifest
from tests.rig.predicates import Predicate, field
from tests.rig.space import Space

START_SECONDS = 60
CRASHES = 20
LINES_A_RUN = 50

# Prints numbered lines that go on where the last instance ended: the scratch volume keeps count.
_COUNT = """
import pathlib, sys, time
state = pathlib.Path("/tmp/next")
first = int(state.read_text()) if state.exists() else 0
for number in range(first, first + {lines}):
    print(number, flush=True)
state.write_text(str(first + {lines}))
{end}
"""
_TICK = """
import itertools, time
for number in itertools.count():
    print(number, flush=True)
    time.sleep(0.05)
"""
# As `_TICK`, with a last word when told to end.
_FAREWELL = """
import itertools, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("bye", flush=True)))
for number in itertools.count():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print(number, flush=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    time.sleep(0.05)
"""
# A megabyte a second.
_MANY = """
import itertools, time
for number in itertools.count():
    print(number, "x" * 1000)
    if number % 100 == 0: time.sleep(0.1)
"""
# Answers each line on stdout, and says on stderr how long it was.
_ECHO = """
import sys
for line in sys.stdin.buffer:
    if line == b"exit\\n": sys.exit(7)
    print("noise", len(line), file=sys.stderr, flush=True)
    sys.stdout.buffer.write(line); sys.stdout.buffer.flush()
"""


@pytest.fixture
async def runtime(cluster: Cluster, space: Space) -> AsyncIterator[KubernetesRuntime]:
    """The library in the test's namespace; leaves no task, no socket behind."""
    before = _open_sockets()
    opened = await KubernetesRuntime.from_environment(space.name, kubeconfig=cluster.kubeconfig)
    async with opened as runtime:
        yield runtime
    async with asyncio.timeout(5):
        while _open_sockets() > before:  # noqa: ASYNC110 - transports close by and by
            await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _open_sockets() -> int:
    links = (link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return sum(str(link).startswith("socket:") for link in links)


def make_script(script: str, name: str = "weather", **spec: object) -> Manifest:
    """A workload that runs *script*, and is not asked whether it serves."""
    return make_running_workload(name, command=["python3", "-u", "-I", "-S", "-c", script], **spec)


def make_counter(lines: int, end: str) -> Manifest:
    """Prints *lines* numbered lines, remembers the last, and does what *end* says."""
    script = _COUNT.format(lines=lines, end=end)
    return make_script(script)


def has_run(restarts: int = 0, container: int = 0) -> Predicate:
    """The container has begun, so many times over."""

    def holds(pod: Manifest | None) -> bool:
        status = field(pod or {}, "status", "containerStatuses", container) or {}
        is_up = "running" in (status.get("state") or {})
        return is_up and status["restartCount"] >= restarts

    return Predicate(f"runs after {restarts} restarts", holds)


async def start(space: Space, manifest: Manifest, restarts: int = 0, replicas: int = 1) -> None:
    """Apply the workload, and wait until its containers run."""
    await space.apply(manifest)
    names = [f"{manifest['metadata']['name']}-{number}" for number in range(replicas)]
    await space.until_all("Pod", names, has_run(restarts), START_SECONDS)


async def take(lines: AsyncGenerator[LogLine], count: int, seconds: float = 60) -> list[LogLine]:
    """The next *count* lines."""
    async with asyncio.timeout(seconds):
        return [await anext(lines) for _ in range(count)]


def numbers(lines: Sequence[LogLine]) -> list[int]:
    """The numbers that the lines hold."""
    return [int(line.text) for line in lines]


async def test_the_text_of_a_log(space: Space, runtime: KubernetesRuntime) -> None:
    """Tail, since, times; the log before the last restart, which is another."""
    await start(space, make_counter(3, "time.sleep(600 if first else 1); sys.exit(3)"), restarts=1)
    read = partial(runtime.get_workload_logs, "weather")

    assert await read() == "3\n4\n5\n"
    assert await read(previous=True) == "0\n1\n2\n"
    assert await read(tail=1, container="mcp", pod=0) == "5\n"
    assert await read(tail=0) == ""
    assert await read(since=600) == "3\n4\n5\n"
    assert await read(since=datetime.now(UTC) + timedelta(hours=1)) == ""
    stamp, _, text = (await read(tail=1, timestamps=True)).partition(" ")
    assert text == "5\n"
    assert datetime.now(UTC) - datetime.fromisoformat(stamp) < timedelta(minutes=2)


async def test_what_cannot_be_read(space: Space, runtime: KubernetesRuntime) -> None:
    """Each says what is wrong, and what there is."""
    await start(space, make_script("import time; time.sleep(600)"))
    read = partial(runtime.get_workload_logs, "weather")

    with pytest.raises(WorkloadInvalid, match="no container 'other', but mcp"):
        await read(container="other")
    with pytest.raises(WorkloadInvalid, match="weather-0 would be"):
        await read(pod="somebody-elses-0")
    with pytest.raises(WorkloadInvalid, match="cannot be followed"):
        await runtime.get_workload_logs("weather", follow=True, previous=True)
    with pytest.raises(WorkloadNotRunning, match="no previous log"):
        await read(previous=True)
    with pytest.raises(WorkloadNotRunning, match="no pod weather-7"):
        await read(pod=7)
    with pytest.raises(WorkloadNotFound):
        await runtime.get_workload_logs("nothing", follow=True)
    await runtime.stop_workload("weather")
    for follow in (False, True):
        with pytest.raises(WorkloadNotRunning, match="start_workload"):
            await runtime.get_workload_logs("weather", follow=follow)


async def test_replicas_and_a_sidecar(space: Space, runtime: KubernetesRuntime) -> None:
    """Every pod is found by its workload, told apart, and can be asked for alone."""
    say = "import os, time; print('{}', os.uname().nodename, flush=True); time.sleep(600)"
    sidecar = {
        "name": "helper",
        "image": SMALL,
        "restartPolicy": "Always",
        "command": ["python3", "-I", "-S", "-c", say.format("sidecar")],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    patch = [{"op": "add", "path": "/spec/initContainers", "value": [sidecar]}]
    workload = make_script(say.format("server"), replicas=2, podTemplatePatch=patch)
    await start(space, workload, replicas=2)
    read = partial(runtime.get_workload_logs, "weather")

    assert await read() == "[weather-0] server weather-0\n[weather-1] server weather-1\n"
    assert await read(pod=1) == "server weather-1\n"
    assert await read(pod="weather-0", container="helper") == "sidecar weather-0\n"
    lines = await runtime.get_workload_logs("weather", follow=True, container="helper")
    async with aclosing(lines):
        got = {line.pod: line for line in await take(lines, 2)}
    assert {pod: line.text for pod, line in got.items()} == {
        "weather-0": "sidecar weather-0",
        "weather-1": "sidecar weather-1",
    }
    assert {line.container for line in got.values()} == {"helper"}


async def test_follow_over_crashes(space: Space, runtime: KubernetesRuntime) -> None:
    """Every line of twenty instances, once and in order."""
    await start(space, make_counter(LINES_A_RUN, "time.sleep(0.5); sys.exit(3)"))

    lines = await runtime.get_workload_logs("weather", follow=True)

    async with aclosing(lines):
        got = await take(lines, LINES_A_RUN * CRASHES, 150)
    assert numbers(got) == list(range(len(got)))


async def test_follow_over_replaced_pods(space: Space, runtime: KubernetesRuntime) -> None:
    """The old pod's last word, then the new one's first; the end when the workload stops."""
    await start(space, make_script(_FAREWELL))
    lines = await runtime.get_workload_logs("weather", follow=True)

    async with aclosing(lines):
        got = await take(lines, 5)
        for _ in range(2):
            await space.delete("Pod", "weather-0")
            while got[-1].text != "bye":
                got += await take(lines, 1)
            got += await take(lines, 5)
        stopping = asyncio.create_task(runtime.stop_workload("weather"))
        async with asyncio.timeout(60):
            got += [line async for line in lines]
        await stopping

    lives = [life.split() for life in " ".join(line.text for line in got).split("bye")]
    assert [len(life) >= 5 for life in lives] == [True, True, True, False]
    assert lives == [[str(number) for number in range(len(life))] for life in lives]


async def test_a_tail_is_followed(space: Space, runtime: KubernetesRuntime) -> None:
    """From there on, or from now on; nothing that was printed before."""
    await start(space, make_script(_TICK))
    whole = await runtime.get_workload_logs("weather", follow=True)
    async with aclosing(whole):
        await take(whole, 20)

    last = int(await runtime.get_workload_logs("weather", tail=1))
    for tail in (3, 0):
        lines = await runtime.get_workload_logs("weather", follow=True, tail=tail)
        async with aclosing(lines):
            got = numbers(await take(lines, 10))
        assert got == list(range(got[0], got[0] + 10))
        assert got[0] > last - tail


async def test_follow_over_broken_connections(space: Space, cluster: Cluster) -> None:
    """What was printed while nobody listened is told, once."""
    await start(space, make_script(_TICK))
    async with Cuttable.open(cluster.kubeconfig) as wire:
        runtime = await KubernetesRuntime.from_environment(space.name, kubeconfig=wire.kubeconfig)
        async with (
            runtime,
            aclosing(await runtime.get_workload_logs("weather", follow=True)) as lines,
        ):
            got = []
            for _ in range(6):
                got += await take(lines, 25)
                wire.cut()
    assert numbers(got) == list(range(len(got)))


async def test_cancelled_while_waiting(space: Space, runtime: KubernetesRuntime) -> None:
    """The fixture sees to it that no connection and no task is left."""
    await start(space, make_script("import time; print(1, flush=True); time.sleep(600)"))
    lines = await runtime.get_workload_logs("weather", follow=True)

    async def read() -> None:
        async with aclosing(lines):
            async for _ in lines:
                has_begun.set()

    has_begun = asyncio.Event()
    reading = asyncio.create_task(read())
    await has_begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


@pytest.mark.slow
async def test_follow_over_rotation(space: Space, runtime: KubernetesRuntime) -> None:
    """The kubelet begins a new file after ten megabytes, and shows the new one alone."""
    await start(space, make_script(_MANY))
    lines = await runtime.get_workload_logs("weather", follow=True)

    async with aclosing(lines):
        got = [int(line.text.split()[0]) for line in await take(lines, 28_000, 150)]

    assert got == list(range(28_000))
    first = (await runtime.get_workload_logs("weather")).split(maxsplit=1)[0]
    assert int(first) > 0, "the log was not rotated"


async def test_attached_streams_are_kept_apart(space: Space, runtime: KubernetesRuntime) -> None:
    """Lines of any size go both ways; noise comes by its own stream."""
    await start(space, make_script(_ECHO, stdin=True))
    pod = await space.get("Pod", "weather-0")

    async with await runtime.attach_to_workload("weather") as attached, asyncio.timeout(60):
        await attached.write(b"one\ntwo\n")
        assert [await attached.stdout.readline() for _ in range(2)] == [b"one\n", b"two\n"]
        long = b"x" * (10 * 1024 * 1024) + b"\n"
        writing = asyncio.create_task(attached.write(long))
        assert await attached.stdout.readline() == long
        await writing
        noise = [await attached.stderr.readline() for _ in range(3)]
        assert noise == [b"noise 4\n", b"noise 4\n", b"noise %d\n" % len(long)]

    status = pod["status"]["containerStatuses"][0]
    assert (attached.pod, attached.pod_uid) == ("weather-0", pod["metadata"]["uid"])
    assert attached.container_id == status["containerID"]


async def test_an_attachment_ends_with_its_instance(
    space: Space, runtime: KubernetesRuntime
) -> None:
    """It never turns into one to the next instance, which has to be attached to anew."""
    await start(space, make_script(_ECHO, stdin=True))
    first = await runtime.attach_to_workload("weather", pod=0)

    async with first, asyncio.timeout(60):
        await first.write(b"one\nexit\n")
        assert [line async for line in first.stdout] == [b"one\n"]
        assert [line async for line in first.stderr] == [b"noise 4\n"]
        end = await first.wait()
        assert (end.container_id, end.exit_code, end.reason) == (first.container_id, 7, "Error")
        with pytest.raises(WorkloadNotRunning, match="ended with code 7"):
            await first.write(b"two\n")
    await space.until("Pod", "weather-0", has_run(restarts=1))
    async with await runtime.attach_to_workload("weather") as second, asyncio.timeout(60):
        await second.write(b"three\n")
        assert await second.stdout.readline() == b"three\n"
    assert second.container_id != first.container_id
    assert second.pod_uid == first.pod_uid


async def test_the_input_can_be_closed_alone(space: Space, runtime: KubernetesRuntime) -> None:
    """A server that is to see the end of its input sees it, and can still answer."""
    script = "import sys; got = sys.stdin.read(); print('got', got); sys.exit(5)"
    once = [{"op": "add", "path": "/spec/containers/0/stdinOnce", "value": True}]
    await start(space, make_script(script, stdin=True, podTemplatePatch=once))

    async with await runtime.attach_to_workload("weather") as attached, asyncio.timeout(60):
        await attached.write(b"all")
        await attached.close_stdin()
        assert await attached.stdout.read() == b"got all\n"
        assert (await attached.wait()).exit_code == 5


async def test_without_input_there_is_output(space: Space, runtime: KubernetesRuntime) -> None:
    """Writing says what is missing; of what is stopped nothing can be had."""
    await start(space, make_script(_TICK))

    async with await runtime.attach_to_workload("weather") as attached, asyncio.timeout(60):
        assert (await attached.stdout.readline()).strip().isdigit()
        with pytest.raises(WorkloadInvalid, match="attach_stdio=True"):
            await attached.write(b"x")
    await runtime.stop_workload("weather")
    with pytest.raises(WorkloadNotRunning, match="start_workload"):
        await runtime.attach_to_workload("weather")


async def test_a_lost_connection_is_no_end(space: Space, cluster: Cluster) -> None:
    """The reader is told, since the instance lives on and may have said more."""
    await start(space, make_script(_ECHO, stdin=True))
    async with Cuttable.open(cluster.kubeconfig) as wire:
        runtime = await KubernetesRuntime.from_environment(space.name, kubeconfig=wire.kubeconfig)
        async with runtime, await runtime.attach_to_workload("weather") as attached:
            await attached.write(b"one\n")
            assert await attached.stdout.readline() == b"one\n"
            wire.cut()
            with pytest.raises(RuntimeUnavailable, match="attach again"):
                await attached.stdout.readline()
