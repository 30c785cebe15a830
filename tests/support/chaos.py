"""Servers that end at random and keep a book of it, and what else goes wrong meanwhile."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hack.kubectl import kubectl
from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.process import OperatorProcess

# What ends it is written down first; a request to end (SIGTERM) then has to wait, and one that
# comes before is no exit to be told. The volume outlives container and pod.
_MORTAL = """
import ctypes, os, random, signal, socket, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server = socket.create_server(("", 8080))
server.settimeout(0.2)
end = time.time() + random.uniform(1, {life})
while True:
    try:
        server.accept()[0].close()
    except TimeoutError:
        pass
    if end < time.time() < {until}:
        way = random.choice([0, 1, 3, 7, 137, 139])
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        with open("/data/book", "a") as book:
            book.write(f"{{way}}\\n")
            book.flush()
            os.fsync(book.fileno())
        if way == 137:
            held = b"x" * (1 << 30)
        if way == 139:
            ctypes.string_at(0)
        os._exit(way)
"""
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Mi"}},
    },
}


def make_mortal(name: str, *, until: float, life: float) -> Manifest:
    """A server that ends again and again until that moment (Unix time), after *life* at most."""
    return make_running_workload(
        name,
        command=["python3", "-I", "-S", "-c", _MORTAL.format(until=until, life=life)],
        resources={"limits": {"memory": "48Mi"}},
        volumeClaimTemplates=[CLAIM],
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
    )


def read_book(namespace: Namespace, workload: str) -> Counter[int]:
    """How often the server of a workload ended, by exit code, as it wrote down itself."""
    script = "cat /data/book 2>/dev/null || true"
    command = ("exec", f"{workload}-0", "-n", namespace.name, "-c", "mcp", "--", "sh", "-c", script)
    return Counter(int(line) for line in kubectl(*command).split())


def make_calm(name: str) -> Manifest:
    """
    A server that ends when it is asked to, and takes its time for that.

    As long as no operator may be there: who deletes a pod that is gone before one comes back has
    made it vanish, and that is one unknown exit.
    """
    pause = {"preStop": {"sleep": {"seconds": 12}}}
    return make_running_workload(name, terminationGracePeriodSeconds=30, lifecycle=pause)


async def kill_again_and_again(operator: OperatorProcess, every: float) -> None:
    """Kill the operator at that interval; start it whenever it does not run, until cancelled."""
    killed_at = time.monotonic()
    while True:
        await asyncio.sleep(0.5)
        if time.monotonic() - killed_at > every:
            await asyncio.to_thread(operator.kill)
            killed_at = time.monotonic()
        if not operator.is_running:
            # Without an API server it ends again, and is started again, as by a kubelet.
            with contextlib.suppress(AssertionError):
                await asyncio.to_thread(operator.start_leading)


async def disturb(namespace: Namespace, names: list[str], pause: float) -> None:
    """Do to workloads what somebody may ask for: none of it is an unexpected exit."""
    deeds: list[Callable[[str], Any]] = [
        lambda name: namespace.delete("Pod", f"{name}-0"),
        lambda name: _change(namespace, name, restartedAt=datetime.now(UTC).isoformat()),
        lambda name: _change(namespace, name, replicas=2),
        lambda name: _change(namespace, name, operatingMode="Stopped"),
        lambda name: _change(namespace, name, operatingMode="Running"),
        lambda name: _change(namespace, name, replicas=1),
    ]
    for deed, name in zip(itertools.cycle(deeds), itertools.cycle(names), strict=False):
        try:
            await deed(name)
        except Exception as error:  # noqa: BLE001 - the API server may be away, or the pod
            print(f"not done to {name}: {error}")  # noqa: T201
        await asyncio.sleep(pause)


async def _change(namespace: Namespace, name: str, **spec: Any) -> None:
    await namespace.patch("MCPWorkload", name, {"spec": spec})
