"""
Stdio servers under load: killed at random moments, and rolled over.

KILLS makes it longer: see `make chaos-stdio`.
"""

import asyncio
import os
import random
import time

import pytest

from mcpworkload.runtime import KubernetesRuntime
from tests.support.cluster import Cluster
from tests.support.exit_scenarios import Listener, exit_events
from tests.support.mcp_load import VERSION, WITH_SESSIONS, Load, load
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.predicates import field, is_ready
from tests.support.stdio import make_slow, make_time

KILLS = int(os.environ.get("KILLS", "8"))
WORKLOADS = 4
CLIENTS = 4
# From the death of a server to the answer, or the error, of who has asked it.
ANSWER_SECONDS = 1.0
READY_SECONDS = 90.0
SIGKILLED = 137
_TOOL, _ARGUMENTS = "get_current_time", {"timezone": "Europe/Oslo"}
# Ends what the bridge has started, from inside of the container, which ends with it: says when
# that will be, and leaves it to a process that nobody waits for.
_KILL = """
import os, pathlib, signal, time
moment = time.time() + 0.2
print(moment, flush=True)
if os.fork():
    os._exit(0)
for number in range(3):
    os.close(number)
time.sleep(moment - time.time())
for entry in pathlib.Path("/proc").iterdir():
    if entry.name.isdecimal() and b"mcp_server_time" in (entry / "cmdline").read_bytes():
        if entry.name not in ("1", str(os.getpid())):
            os.kill(int(entry.name), signal.SIGKILL)
"""


# Clients do not end theirs.
_SHORT_SESSIONS = {"idleTimeout": "1s", "maxSessions": 1024}
# Longer than the pause between the end of a pod's endpoint and the signal.
SLOW_SECONDS = 8.0


@pytest.mark.timeout(300 + 15 * KILLS)
@pytest.mark.usefixtures("_quick_restarts", "_operator_in_cluster")
async def test_after_the_kill_of_a_server_no_client_waits(
    namespace: Namespace, cluster: Cluster, measurements: Measurements
) -> None:
    """Who has asked gets an answer or an error within a second; each death is told once."""
    names = [f"time-{number}" for number in range(WORKLOADS)]
    for name in names:
        await namespace.apply(make_time(name))
    await namespace.until_all("MCPWorkload", names, is_ready(), READY_SECONDS)
    runtime = await KubernetesRuntime.from_environment(kubeconfig=cluster.kubeconfig)
    async with runtime, runtime.monitor(namespace=namespace.name) as monitor:
        listener = Listener(monitor)
        listening = asyncio.create_task(listener.listen())
        kills = [KILLS // WORKLOADS] * WORKLOADS
        waits = await asyncio.gather(
            *(
                _kill_under_load(namespace, cluster, name, count)
                for name, count in zip(names, kills, strict=True)
            )
        )
        await namespace.until_all("MCPWorkload", names, is_ready(), READY_SECONDS)
        await monitor.stop_monitoring()
        await listening

    for name, count in zip(names, kills, strict=True):
        told = [each.exit_code for each in listener.exits(name)]
        assert told == [SIGKILLED] * count
        assert (await exit_events(namespace, name)).total() == count
        status = (await namespace.get("MCPWorkload", name))["status"]
        assert status["restarts"] == count
    longest = sorted(wait for each in waits for wait in each)
    measurements.note(
        f"{sum(kills)} kills: {len(longest)} requests were under way; answered or refused after "
        f"{longest[len(longest) // 2]:.3f} s (median), {longest[-1]:.3f} s at the latest"
    )
    assert longest[-1] < ANSWER_SECONDS


async def _kill_under_load(
    namespace: Namespace, cluster: Cluster, name: str, kills: int
) -> list[float]:
    """How long, after its server was killed, each request that was under way took to end."""
    address = field(await namespace.get("Pod", f"{name}-0"), "status", "podIP")
    waits: list[float] = []
    async with load(f"http://{address}:8080/mcp", CLIENTS, _TOOL, **_ARGUMENTS) as running:
        for _ in range(kills):
            await _until_served(running)
            await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311
            told = await cluster.kubectl(
                "-n", namespace.name, "exec", f"{name}-0", "--", *_killer()
            )
            killed_at = time.monotonic() - (time.time() - float(told))
            await asyncio.sleep(ANSWER_SECONDS + 0.5)
            waits += [
                each.ended_at - killed_at
                for each in running.outcomes
                if each.begun_at < killed_at < each.ended_at
            ]
    return waits


def _killer() -> list[str]:
    return ["python", "-I", "-S", "-c", _KILL]


async def _until_served(running: Load) -> None:
    begin = time.monotonic()
    while not any(each.begun_at > begin for each in running.of_kind("answered")):
        assert time.monotonic() - begin < READY_SECONDS, running.outcomes[-5:]
        await asyncio.sleep(0.05)


@pytest.mark.usefixtures("_operator_in_cluster")
@pytest.mark.parametrize(("bridge", "version"), [("Inject", VERSION), ("Attach", WITH_SESSIONS)])
async def test_a_rollout_loses_no_request(
    namespace: Namespace, measurements: Measurements, bridge: str, version: str
) -> None:
    """What a pod has accepted it answers, though it is told to end meanwhile."""
    await namespace.apply(
        make_slow(
            transport={"type": "stdio", "stdio": {"bridge": bridge, **_SHORT_SESSIONS}},
            service={"type": "ClusterIP"},
            terminationGracePeriodSeconds=30,
        )
    )
    await namespace.until("MCPWorkload", "slow", is_ready(), READY_SECONDS)
    address = field(await namespace.get("Service", "slow-svc"), "spec", "clusterIP")
    url = f"http://{address}:8080/mcp"
    async with (
        load(url, 4, "wait", version, seconds=0.01) as running,
        load(url, 8, "wait", version, seconds=SLOW_SECONDS) as slow,
    ):
        for number in range(3):
            await _until_served(running)
            when = f"2026-01-01T00:00:0{number}Z"
            await namespace.patch("MCPWorkload", "slow", {"spec": {"restartedAt": when}})
            await namespace.until("MCPWorkload", "slow", is_ready(), READY_SECONDS)
        await _until_served(slow)

    measurements.note(
        f"{bridge}: three rollouts under load: {dict(running.kinds())}, slow {dict(slow.kinds())}"
    )
    for each in (running, slow):
        assert each.of_kind("lost") == []
        assert each.of_kind("error") == []
