"""Servers that end in all the ways there are, and what is told of it."""

from collections import Counter
from typing import Any

from mcpworkload.runtime import Monitor, WorkloadEvent, WorkloadExited
from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace

# Survives the container, not the pod.
MEMORY = {
    "volumes": [{"name": "memory", "emptyDir": {}}],
    "volumeMounts": [{"name": "memory", "mountPath": "/memory"}],
}
_ONCE = """
import os, pathlib, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
server = socket.create_server(("", 8080))
mark = pathlib.Path("/memory/mark")
if not mark.exists():
    mark.touch()
    time.sleep(1)
    {end}
while True:
    server.accept()[0].close()
"""
WAYS = {
    "code": "print('so it ends', flush=True); os._exit(3)",
    "zero": "os._exit(0)",
    "fault": "import ctypes; ctypes.string_at(0)",
    "memory": "held = b'x' * (1 << 30)",
}


def make_mortal(name: str, way: str, **spec: Any) -> Manifest:
    """A server that ends once, one second after its first start, that way."""
    command = ["python3", "-I", "-c", _ONCE.format(end=WAYS[way])]
    return make_running_workload(name, command=command, **MEMORY, **spec)


class Listener:
    """A library Monitor of a test's namespace, and what it has told."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.told: list[WorkloadEvent] = []

    async def listen(self) -> None:
        """Keep what is told, until monitoring ends."""
        async for event in self.monitor:
            self.told.append(event)

    def exits(self, workload: str) -> list[WorkloadExited]:
        """The exits that were told of a workload."""
        return [
            each
            for each in self.told
            if isinstance(each, WorkloadExited) and each.workload.endswith(f"/{workload}")
        ]


async def exit_events(namespace: Namespace, workload: str = "") -> Counter[str]:
    """The Events of exits of a workload, or of all in *namespace*, by reason."""
    events = await namespace.read_all("Event")
    return Counter(
        event["reason"]
        for event in events
        if event["reason"] in ("Exited", "Evicted", "Unknown")
        and event["involvedObject"]["kind"] == "MCPWorkload"
        and workload in ("", event["involvedObject"]["name"])
    )
