"""
Exits under chaos: what is told equals what the containers themselves wrote down.

Servers end in every way while the operator is killed again and again, others are deleted,
rolled over, scaled and stopped, and the API server is restarted once, which also expires every
watch. CHAOS_SECONDS makes it longer: see `make chaos`.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter

import pytest

from mcpworkload.runtime import KubernetesRuntime
from tests.support import chaos
from tests.support.cluster import ROOT, Cluster, make
from tests.support.exit_scenarios import Listener, exit_events
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest
from tests.support.predicates import is_ready

SECONDS = float(os.environ.get("CHAOS_SECONDS", "45"))
MORTALS = [f"mortal-{number}" for number in range(16)]
CALM = [f"calm-{number}" for number in range(4)]
KILL_SECONDS = 20.0
LIFE_SECONDS = 12.0
SETTLE_SECONDS = 90.0


def restart_api_server() -> None:
    """Kill it, and bring it up again."""
    command = ["python3", "-m", "hack.local", "pid", "kube-apiserver"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    os.kill(int(found.stdout), signal.SIGKILL)
    time.sleep(2)
    make("up", CRASH_BACKOFF="1s")


@pytest.mark.timeout(SECONDS + 400)
@pytest.mark.usefixtures("_quick_restarts")
async def test_the_exits_reported_are_those_that_happened(
    namespace: Namespace,
    operator_under_test: OperatorUnderTest,
    cluster: Cluster,
    measurements: Measurements,
) -> None:
    """Nothing missing, nothing twice, nothing that was asked for."""
    operator = operator_under_test.take_out()
    until = time.time() + SECONDS
    runtime = await KubernetesRuntime.from_environment(kubeconfig=cluster.kubeconfig)
    async with runtime, runtime.monitor(namespace=namespace.name) as monitor:
        listener = Listener(monitor)
        listening = asyncio.create_task(listener.listen())
        for name in MORTALS:
            await namespace.apply(chaos.make_mortal(name, until=until, life=LIFE_SECONDS))
        for name in CALM:
            await namespace.apply(chaos.make_calm(name))
        trouble = [
            asyncio.create_task(chaos.kill_again_and_again(operator, KILL_SECONDS)),
            asyncio.create_task(chaos.disturb(namespace, CALM, pause=3)),
        ]
        await asyncio.sleep(SECONDS / 2)
        await asyncio.to_thread(restart_api_server)
        await asyncio.sleep(max(0.0, until - time.time()))
        for task in trouble:
            task.cancel()
        await asyncio.gather(*trouble, return_exceptions=True)
        # What lost its Lease while the API server was away has ended itself.
        await asyncio.to_thread(make, "up", CRASH_BACKOFF="1s")
        if not operator.is_running:
            await asyncio.to_thread(operator.start_leading)
        for name in CALM:
            await namespace.patch("MCPWorkload", name, {"spec": {"operatingMode": "Running"}})
        await namespace.until_all("MCPWorkload", [*MORTALS, *CALM], is_ready(), SETTLE_SECONDS)
        await monitor.stop_monitoring()
        await listening

    total: Counter[str] = Counter()
    for name in [*MORTALS, *CALM]:
        book = chaos.read_book(namespace, name) if name in MORTALS else Counter[int]()
        status = (await namespace.get("MCPWorkload", name))["status"]
        events = await exit_events(namespace, name)
        told = listener.exits(name)
        known = Counter(each.exit_code for each in told if each.exit_code is not None)
        measurements.note(
            f"{name}: book {book.total()}, status {status['restarts']}, Events {dict(events)}, "
            f"Monitor {sum(each.count for each in told)}"
        )
        assert status["restarts"] == book.total()
        assert events.total() == book.total()
        assert sum(each.count for each in told) == book.total()
        assert known <= book
        ids = [each.container_id for each in told if each.container_id]
        assert len(ids) == len(set(ids))
        total.update({"exits": book.total(), **events})
        total["details by the Monitor"] += known.total()
    measurements.note(f"{SECONDS:.0f} s of chaos: {dict(total)}")
