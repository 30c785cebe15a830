"""What a workload prints, as callers of the library read it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from mcpworkload.runtime import (
    KubernetesRuntime,
    WorkloadInvalid,
    WorkloadNotFound,
    WorkloadNotRunning,
)
from tests.support.cluster import Cluster
from tests.support.flaky_proxy import FlakyProxy
from tests.support.manifests import SMALL
from tests.support.namespace import Namespace
from tests.support.streams import (
    TICK,
    follow_over_crashes,
    make_counter,
    make_script,
    numbers,
    open_runtime,
    start,
    take,
)

# As `TICK`, with a last word when told to end.
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


@pytest.fixture
async def runtime(cluster: Cluster, namespace: Namespace) -> AsyncIterator[KubernetesRuntime]:
    """The library in the test's namespace."""
    async with open_runtime(namespace, cluster.kubeconfig) as runtime:
        yield runtime


async def test_the_text_of_a_log(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """Tail, since, times; the log before the last restart, which is another."""
    await start(
        namespace, make_counter(3, "time.sleep(600 if first else 1); sys.exit(3)"), restarts=1
    )
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


async def test_what_cannot_be_read(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """Each says what is wrong, and what there is."""
    await start(namespace, make_script("import time; time.sleep(600)"))
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


async def test_replicas_and_a_sidecar(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """Every pod is found by its workload, told apart, and followed until that is removed."""
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
    await start(namespace, workload, replicas=2)
    read = partial(runtime.get_workload_logs, "weather")

    assert await read() == "[weather-0] server weather-0\n[weather-1] server weather-1\n"
    assert await read(pod=1) == "server weather-1\n"
    assert await read(pod="weather-0", container="helper") == "sidecar weather-0\n"
    lines = await runtime.get_workload_logs("weather", follow=True, container="helper")
    async with aclosing(lines):
        got = {line.pod: line for line in await take(lines, 2)}
        await runtime.remove_workload("weather")
        async with asyncio.timeout(60):
            assert [line async for line in lines] == [], "it ends with the workload"
    assert got == {
        "weather-0": "sidecar weather-0",
        "weather-1": "sidecar weather-1",
    }
    assert {line.container for line in got.values()} == {"helper"}


async def test_follow_over_a_crash(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """Every line of both instances; twenty of them are in `machine`, where restarts are quick."""
    await follow_over_crashes(namespace, runtime, 1)


async def test_follow_over_replaced_pods(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """The old pod's last word, then the new one's first; the end when the workload stops."""
    await start(namespace, make_script(_FAREWELL))
    lines = await runtime.get_workload_logs("weather", follow=True)

    async with aclosing(lines):
        got = await take(lines, 5)
        for _ in range(2):
            await namespace.delete("Pod", "weather-0")
            while got[-1] != "bye":
                got += await take(lines, 1)
            got += await take(lines, 5)
        stopping = asyncio.create_task(runtime.stop_workload("weather"))
        async with asyncio.timeout(60):
            got += [line async for line in lines]
        await stopping

    lives = [life.split() for life in " ".join(line for line in got).split("bye")]
    assert [len(life) >= 5 for life in lives] == [True, True, True, False]
    assert lives == [[str(number) for number in range(len(life))] for life in lives]


async def test_a_tail_is_followed(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """From there on, or from now on; nothing that was printed before."""
    await start(namespace, make_script(TICK))
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


async def test_follow_over_broken_connections(namespace: Namespace, cluster: Cluster) -> None:
    """What was printed while nobody listened is told, once."""
    await start(namespace, make_script(TICK))
    async with FlakyProxy.open(cluster.kubeconfig) as wire:
        runtime = await KubernetesRuntime.from_environment(
            namespace.name, kubeconfig=wire.kubeconfig
        )
        async with (
            runtime,
            aclosing(await runtime.get_workload_logs("weather", follow=True)) as lines,
        ):
            got = []
            for _ in range(6):
                got += await take(lines, 25)
                wire.cut()
    assert numbers(got) == list(range(len(got)))


async def test_cancelled_while_waiting(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """The fixture sees to it that no connection and no task is left."""
    await start(namespace, make_script("import time; print(1, flush=True); time.sleep(600)"))
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
async def test_follow_over_rotation(namespace: Namespace, runtime: KubernetesRuntime) -> None:
    """The kubelet begins a new file after ten megabytes, and shows the new one alone."""
    await start(namespace, make_script(_MANY))
    lines = await runtime.get_workload_logs("weather", follow=True)

    async with aclosing(lines):
        got = [int(line.split()[0]) for line in await take(lines, 28_000, 150)]

    assert got == list(range(28_000))
    first = (await runtime.get_workload_logs("weather")).split(maxsplit=1)[0]
    assert int(first) > 0, "the log was not rotated"
