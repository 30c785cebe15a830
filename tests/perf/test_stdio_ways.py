"""
What a stdio server's bridge costs in a pod, injected and attaching, around the same server.

Of other bridges, and without a cluster: `make bench-bridge`. CALLS makes it longer.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from hack.cluster.choose import choose_cluster
from tests.perf.bridge.load import Client, latencies, rate
from tests.support.cluster import Cluster
from tests.support.manifests import SMALL
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.predicates import field, is_ready
from tests.support.stdio import make_stdio

CALLS = int(os.environ.get("CALLS", "500"))
CLIENTS = (1, 16, 64)
RATE_SECONDS = 3.0
READY_SECONDS = 90.0
TEXT = "x" * 100
SERVER = Path(__file__).parent / "bridge" / "echo.py"
_MEMORY = "print(open('/proc/1/status').read())"


@dataclass(frozen=True)
class Cost:
    """Times in milliseconds, memory in MB."""

    p50: float
    p99: float
    rates: tuple[float, ...]
    resident: float
    anonymous: float

    def __str__(self) -> str:
        """In a line."""
        rates = ", ".join(f"{each:.0f}" for each in self.rates)
        return (
            f"p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms; {rates} calls/s with "
            f"{', '.join(map(str, CLIENTS))} clients; RSS {self.resident:.1f} MB, "
            f"anonymous {self.anonymous:.1f} MB"
        )


@pytest.mark.timeout(300)
async def test_an_injected_bridge_is_the_faster_one(
    namespace: Namespace, cluster: Cluster, measurements: Measurements
) -> None:
    """The same server, the same clients, with sessions that share it."""
    if choose_cluster().name != "local":
        pytest.skip("pods are asked without a port-forward: only of the local cluster")
    costs = {
        "Inject": await _measure(namespace, cluster, "inject", "Inject", "mcp"),
        "Attach": await _measure(namespace, cluster, "attach", "Attach", "mcpw-bridge"),
    }

    for way, cost in costs.items():
        measurements.note(f"stdio by {way}: {cost}")
    assert costs["Inject"].p50 < costs["Attach"].p50
    assert max(costs["Inject"].rates) > max(costs["Attach"].rates)


async def _measure(
    namespace: Namespace, cluster: Cluster, name: str, bridge: str, container: str
) -> Cost:
    transport = {"type": "stdio", "stdio": {"bridge": bridge, "sessions": "Shared"}}
    program = ("python3", "-S", "-I", "-c", SERVER.read_text())
    await namespace.apply(make_stdio(name, SMALL, *program, transport=transport))
    await namespace.until("MCPWorkload", name, is_ready(), READY_SECONDS)
    host = str(field(await namespace.get("Pod", f"{name}-0"), "status", "podIP"))
    (client,) = await _clients(host, 1)
    await latencies(client, 50, TEXT)
    times = [1000 * each for each in await latencies(client, CALLS, TEXT)]
    await client.close()
    rates = []
    for number in CLIENTS:
        clients = await _clients(host, number)
        rates.append(await rate(clients, RATE_SECONDS, TEXT))
        for each in clients:
            await each.close()
    look = ["/mcpw/bin/python3", "-I", "-S", "-c", _MEMORY]
    words = await cluster.kubectl(
        "-n", namespace.name, "exec", f"{name}-0", "-c", container, "--", *look
    )
    memory = dict(line.split(":", 1) for line in words.splitlines() if ":" in line)
    resident, anonymous = (int(memory[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon"))
    p99 = times[int(len(times) * 0.99)]
    return Cost(times[len(times) // 2], p99, tuple(rates), resident, anonymous)


async def _clients(host: str, number: int) -> list[Client]:
    clients = [Client(8080, is_modern=False, host=host) for _ in range(number)]
    for client in clients:
        await client.open()
    return clients
