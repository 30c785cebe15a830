"""The standard streams of a container, as callers of the library have them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mcpworkload.runtime import (
    KubernetesRuntime,
    RuntimeUnavailable,
    SyncRuntime,
    WorkloadInvalid,
    WorkloadNotRunning,
)
from tests.support.cluster import Cluster
from tests.support.flaky_proxy import FlakyProxy
from tests.support.namespace import Namespace
from tests.support.streams import TICK, has_run, make_script, open_runtime, start

# Answers each line on stdout, and says on stderr how long it was.
_ECHO = """
import sys
for line in sys.stdin.buffer:
    if line == b"exit\\n": sys.exit(7)
    print("noise", len(line), file=sys.stderr, flush=True)
    sys.stdout.buffer.write(line); sys.stdout.buffer.flush()
"""


@pytest.fixture
async def runtime(cluster: Cluster, namespace: Namespace) -> AsyncIterator[KubernetesRuntime]:
    """The library in the test's namespace."""
    async with open_runtime(namespace, cluster.kubeconfig) as runtime:
        yield runtime


async def test_attached_streams_are_kept_apart(
    namespace: Namespace, runtime: KubernetesRuntime
) -> None:
    """Lines of any size go both ways; noise comes by its own stream."""
    await start(namespace, make_script(_ECHO, stdin=True))
    pod = await namespace.get("Pod", "weather-0")

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
    namespace: Namespace, runtime: KubernetesRuntime
) -> None:
    """It never turns into one to the next instance, which has to be attached to anew."""
    await start(namespace, make_script(_ECHO, stdin=True))
    first = await runtime.attach_to_workload("weather", pod=0)

    async with first, asyncio.timeout(60):
        await first.write(b"one\nexit\n")
        assert [line async for line in first.stdout] == [b"one\n"]
        assert [line async for line in first.stderr] == [b"noise 4\n"]
        end = await first.wait()
        assert (end.container_id, end.exit_code, end.reason) == (first.container_id, 7, "Error")
        with pytest.raises(WorkloadNotRunning, match="ended with code 7"):
            await first.write(b"two\n")
    await namespace.until("Pod", "weather-0", has_run(restarts=1))
    async with await runtime.attach_to_workload("weather") as second, asyncio.timeout(60):
        await second.write(b"three\n")
        assert await second.stdout.readline() == b"three\n"
    assert second.container_id != first.container_id
    assert second.pod_uid == first.pod_uid


async def test_the_input_can_be_closed_alone(
    namespace: Namespace, runtime: KubernetesRuntime
) -> None:
    """A server that is to see the end of its input sees it, and can still answer."""
    script = "import sys; got = sys.stdin.read(); print('got', got); sys.exit(5)"
    once = [{"op": "add", "path": "/spec/containers/0/stdinOnce", "value": True}]
    await start(namespace, make_script(script, stdin=True, podTemplatePatch=once))

    async with await runtime.attach_to_workload("weather") as attached, asyncio.timeout(60):
        await attached.write(b"all")
        await attached.close_stdin()
        assert await attached.stdout.readline() == b"got all\n"
        assert (await attached.wait()).exit_code == 5


async def test_without_input_there_is_output(
    namespace: Namespace, runtime: KubernetesRuntime
) -> None:
    """Writing says what is missing; of what is stopped nothing can be had."""
    await start(namespace, make_script(TICK))

    async with await runtime.attach_to_workload("weather") as attached, asyncio.timeout(60):
        assert (await attached.stdout.readline()).strip().isdigit()
        with pytest.raises(WorkloadInvalid, match="attach_stdio=True"):
            await attached.write(b"x")
    await runtime.stop_workload("weather")
    with pytest.raises(WorkloadNotRunning, match="start_workload"):
        await runtime.attach_to_workload("weather")


async def test_a_lost_connection_is_no_end(namespace: Namespace, cluster: Cluster) -> None:
    """The reader is told, since the instance lives on and may have said more."""
    await start(namespace, make_script(_ECHO, stdin=True))
    async with FlakyProxy.open(cluster.kubeconfig) as wire:
        runtime = await KubernetesRuntime.from_environment(
            namespace.name, kubeconfig=wire.kubeconfig
        )
        async with runtime, await runtime.attach_to_workload("weather") as attached:
            await attached.write(b"one\n")
            assert await attached.stdout.readline() == b"one\n"
            wire.cut()
            with pytest.raises(RuntimeUnavailable, match="attach again"):
                await attached.stdout.readline()


async def test_without_an_event_loop(namespace: Namespace, cluster: Cluster) -> None:
    """The facade waits for each line, of a log as of an output."""
    await start(namespace, make_script(_ECHO, stdin=True))

    def talk() -> list[object]:
        opened = SyncRuntime.from_environment(namespace.name, kubeconfig=cluster.kubeconfig)
        with opened as runtime, runtime.attach_to_workload("weather") as attached:
            attached.write(b"one\n")
            answer = next(iter(attached.stdout))
            with runtime.get_workload_logs("weather", follow=True) as lines:
                printed = {next(lines), next(lines)}
            attached.write(b"exit\n")
            return [answer, printed, attached.wait().exit_code, list(attached.stdout)]

    told = await asyncio.to_thread(talk)

    assert told == [b"one\n", {"one", "noise 4"}, 7, []]
