"""
What isolation costs: writes, time to Ready, the memory of a proxy, a request through it.

ROUNDS makes it longer.
"""

import asyncio
import os
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest

from hack.cluster.choose import choose_cluster
from tests.support.attempts import PYTHON
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster
from tests.support.manifests import make_running_workload
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.predicates import field

ROUNDS = int(os.environ.get("ROUNDS", "3"))
REQUESTS = 200
QUIET_SECONDS = 3.0
TARGET = "target"
_SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    # One packet for an answer: a second one would wait for the first to be acknowledged.
    wbufsize = -1
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
# Each request on a connection of its own, as most clients make them through a proxy.
_CLIENT = """
import socket, statistics, sys, time
def ask(place, goal, tunnel):
    begin = time.perf_counter()
    with socket.create_connection(place, 5) as link:
        if tunnel:
            link.sendall(f"CONNECT {goal} HTTP/1.1\\r\\nHost: {goal}\\r\\n\\r\\n".encode())
            assert b" 200 " in link.recv(4096)
            path = "/"
        else:
            path = "/" if place == target else f"http://{goal}/"
        fields = f"Host: {goal}\\r\\nConnection: close"
        link.sendall(f"GET {path} HTTP/1.1\\r\\n{fields}\\r\\n\\r\\n".encode())
        answer = b""
        while part := link.recv(4096):
            answer += part
        assert b" 200 " in answer, answer
    return (time.perf_counter() - begin) * 1000
goal, proxy, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
host, port = goal.rsplit(":", 1)
target = (host, int(port))
place = target
if proxy:
    address, at = proxy.rsplit(":", 1)
    place = (address, int(at))
for tunnel in ((False, True) if proxy else (False,)):
    print(statistics.median(ask(place, goal, tunnel) for _ in range(number)))
"""


def hosts(*allowed: str) -> dict[str, object]:
    """A spec that lists hosts."""
    return {
        "isolateNetwork": True,
        "permissionProfile": {"network": {"outbound": {"allowHost": list(allowed)}}},
    }


KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "none": {"isolateNetwork": True},
    "hosts": hosts("a.example"),
}
STATUS = "patch mcpworkloads/status"
#: Each child once.
PLAIN = Counter({"patch services": 1, "patch statefulsets": 1})
CREATED = {
    "plain": PLAIN,
    "none": PLAIN + Counter({"patch networkpolicies": 1}),
    "hosts": PLAIN
    + Counter({"patch networkpolicies": 2, "patch services": 1, "patch deployments": 1}),
}


@pytest.mark.timeout(300)
async def test_writes_and_time_to_ready(
    namespace: Namespace, cluster: Cluster, measurements: Measurements
) -> None:
    """Side by side, in turns; the policy of the namespace is one more write for all of them."""
    log = AuditLog(cluster.require_audit_log()).from_now()
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(ROUNDS):
        for kind, spec in KINDS.items():
            begin = time.monotonic()
            await namespace.settle(make_running_workload(f"{kind}-{number}", **spec))
            times[kind].append(time.monotonic() - begin)
    await asyncio.sleep(QUIET_SECONDS)

    for kind in KINDS:
        created = [_writes_of(log, namespace, f"{kind}-{number}") for number in range(ROUNDS)]
        statuses = [counts.pop(STATUS) for counts in created]
        assert created == [CREATED[kind]] * ROUNDS, kind
        # One more where the pods pass their gate a while before they are ready.
        assert max(statuses) <= 2 + (kind != "plain")
        measurements.note(
            f"isolation, {kind}: Ready {statistics.median(times[kind]):.1f} s after the apply "
            f"(median of {ROUNDS}), {CREATED[kind].total()} children, {max(statuses)} statuses"
        )


@pytest.mark.timeout(120)
async def test_other_hosts_cost_one_child(namespace: Namespace, cluster: Cluster) -> None:
    """The proxy's; and what does not change costs nothing."""
    await namespace.settle(make_running_workload("weather", **hosts("a.example")))
    await asyncio.sleep(QUIET_SECONDS)
    log = AuditLog(cluster.require_audit_log()).from_now()
    await asyncio.sleep(QUIET_SECONDS)
    assert not _writes_of(log, namespace, "weather")

    await namespace.settle(make_running_workload("weather", **hosts("b.example")))
    await asyncio.sleep(QUIET_SECONDS)

    counts = _writes_of(log, namespace, "weather")
    assert counts.pop(STATUS) <= 2
    assert counts == {"patch deployments": 1}


def _writes_of(log: AuditLog, namespace: Namespace, name: str) -> Counter[str]:
    writes = log.writes(namespace.name)
    return Counter(str(write) for write in writes if write.name in (name, f"{name}-egress"))


@pytest.mark.timeout(200)
async def test_a_request_through_the_proxy(
    namespace: Namespace, cluster: Cluster, measurements: Measurements
) -> None:
    """Beside a direct one of a server that is not isolated, to the same target."""
    if choose_cluster().name != "local":
        pytest.skip("the proxy's memory is read from its process: only of the local cluster")
    await namespace.settle(make_running_workload(TARGET, command=[*PYTHON, _SERVER]))
    pod = await namespace.get("Pod", f"{TARGET}-0")
    address = str(field(pod, "status", "podIP"))
    await namespace.settle(make_running_workload("direct"))
    await namespace.settle(make_running_workload("proxied", **hosts(address)))
    service = await namespace.get("Service", "proxied-egress")
    proxy = f"{field(service, 'spec', 'clusterIP')}:3128"
    goal = f"{address}:8080"

    (direct,) = await _ask(cluster, namespace, "direct", goal, "", REQUESTS)
    idle = _memory()
    http, tunnel = await _ask(cluster, namespace, "proxied", goal, proxy, REQUESTS)

    measurements.note(
        f"egress proxy: {idle:.1f} MB idle, {_memory():.1f} MB after {REQUESTS} tunnels; a request "
        f"{direct:.2f} ms directly, {http:.2f} ms through it, {tunnel:.2f} ms in a tunnel (median)"
    )
    assert http < direct + 20
    assert idle < 60


async def _ask(
    cluster: Cluster, namespace: Namespace, name: str, goal: str, proxy: str, number: int
) -> list[float]:
    """The medians that the client measures in a server's pod."""
    where = ("--namespace", namespace.name, "exec", f"{name}-0", "--container=mcp", "--")
    said = await cluster.kubectl(*where, *PYTHON, _CLIENT, goal, proxy, str(number))
    return [float(line) for line in said.split()]


def _memory() -> float:
    """The resident memory of the largest proxy on this machine, in MB."""
    found = [0.0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(
                line.split(":", 1) for line in status.read_text().splitlines() if ":" in line
            )
        except OSError:
            continue
        if lines["Name"].strip() == "squid":
            found.append(int(lines["VmRSS"].split()[0]) / 1024)
    return max(found)
