"""Servers that try to get out in their first millisecond, many started at once."""

import pytest

from tests.support.attempts import PYTHON
from tests.support.cluster import Cluster
from tests.support.escapes import PORT, find_dns, open_goals
from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import is_ready

# Imports take longer than a first attempt may: it comes right after that of `socket`. Attempts go
# on for longer than a policy engine takes to notice a pod, and only then the server is ready. Each
# is made at a pod and at the cluster's DNS. Either of them is too much for an isolated server; one
# that is not isolated has to reach both.
_RUNNER = """
import socket
QUERY = b"\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0\\1"
def reach(address, kind):
    with socket.socket(type=kind) as client:
        client.settimeout(0.05 if IS_ISOLATED else 0.5)
        try:
            client.connect(address)
            if kind is socket.SOCK_DGRAM:
                client.send(QUERY)
                client.recv(512)
        except OSError:
            return False
        return True
LEAST = 10
ways = [((GOAL, PORT), socket.SOCK_STREAM), ((DNS, 53), socket.SOCK_DGRAM)]
wanted = any if IS_ISOLATED else all
def get_out():
    return int(wanted([reach(*way) for way in ways]))
first = get_out()
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
made, out, end = 1, first, time.monotonic() + 3
while made <= LEAST or time.monotonic() < end:
    made, out = made + 1, out + get_out()
    time.sleep(0.005)
print(f"made {made} out {out} first {first}", flush=True)
server = socket.create_server(("", PORT))
while True:
    server.accept()[0].close()
"""


def make_runner(name: str, address: str, dns: str, *, is_isolated: bool) -> Manifest:
    """A workload whose server tries to reach *address* and *dns* from its first instruction on."""
    constants = f"GOAL, PORT, DNS, IS_ISOLATED = {address!r}, {PORT}, {dns!r}, {is_isolated}"
    program = f"{constants}\n{_RUNNER}"
    return make_running_workload(name, command=[*PYTHON, program], isolateNetwork=is_isolated)


async def read_result(cluster: Cluster, namespace: Namespace, name: str) -> list[int]:
    """How many attempts a server made, how many succeeded, and whether the first one did."""
    where = ("--namespace", namespace.name, f"{name}-0", "--container=mcp")
    words = (await cluster.kubectl("logs", *where)).split()
    return [int(word) for word in words[1::2]]


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", [8, pytest.param(50, marks=pytest.mark.slow)])
async def test_no_isolated_server_gets_out_before_its_rules_hold(
    namespace: Namespace, cluster: Cluster, number: int
) -> None:
    """While a server that is not isolated gets out at once."""
    (address,) = await open_goals(namespace)
    dns = (await find_dns(namespace)).host
    names = [f"runner-{each}" for each in range(number)]
    for name in names:
        await namespace.apply(make_runner(name, address, dns, is_isolated=True))
    await namespace.apply(make_runner("free", address, dns, is_isolated=False))
    await namespace.until_all("MCPWorkload", [*names, "free"], is_ready(), 60 + 5 * number)

    results = {name: await read_result(cluster, namespace, name) for name in names}

    assert {name: result for name, result in results.items() if result[1:] != [0, 0]} == {}
    assert min(made for made, _, _ in results.values()) > 10
    made, out, first = await read_result(cluster, namespace, "free")
    assert first == 1
    assert out > made / 2
