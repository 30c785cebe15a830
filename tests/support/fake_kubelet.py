"""
A kubelet that is only played: nobody runs the pods, and their statuses are what one would write.

So a thousand servers cost no memory, and it is known to the millisecond when an exit was stored.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mcpworkload.api.names import CONTAINER
from tests.support.audit import AuditLog
from tests.support.kinds import Manifest
from tests.support.manifests import SMALL, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import is_ready

# By itself, and by a SIGKILL.
EXIT_CODES = (3, 137)
AT_ONCE = 20
_PAUSE_SECONDS = 3.0
_CONDITIONS = ("PodScheduled", "PodReadyToStartContainers", "Initialized")


def make_workload_of_fake_kubelet(name: str, **spec: Any) -> Manifest:
    """A workload with a pod that the scheduler leaves alone, and so the real kubelet."""
    nobody = {"op": "add", "path": "/spec/schedulerName", "value": "nobody"}
    return make_workload(name, **{"replicas": 1, "podTemplatePatch": [nobody], **spec})


async def settle_fleet(
    namespace: Namespace, kubelet: "FakeKubelet", audit: AuditLog, manifests: Sequence[Manifest]
) -> None:
    """Return when all of *manifests* are Ready, and the operator has nothing left to write."""
    turns = asyncio.Semaphore(AT_ONCE)
    names = [manifest["metadata"]["name"] for manifest in manifests]

    async def apply(manifest: Manifest) -> None:
        async with turns:
            await namespace.apply(manifest)

    await asyncio.gather(kubelet.run(len(names)), *map(apply, manifests))
    await namespace.until_all("MCPWorkload", names, is_ready(), 60 + len(names) / 5)
    log = audit.from_now()
    await asyncio.sleep(_PAUSE_SECONDS)
    while log.writes(namespace.name):
        log = audit.from_now()
        await asyncio.sleep(_PAUSE_SECONDS)


def exit_code(pod: str) -> int:
    """How the pod's container ends, whenever it does."""
    return EXIT_CODES[zlib.crc32(pod.encode()) % len(EXIT_CODES)]


class FakeKubelet:
    """Reports the status of the pods of a namespace; each has one container."""

    def __init__(self, namespace: Namespace, address: str = "") -> None:
        """All pods have *address*; the operator asks none that has no address who it is."""
        self._namespace, self._address = namespace, address
        #: By pod: how often its container has been restarted.
        self._restarts: dict[str, int] = {}

    async def run(self, count: int) -> None:
        """Let each pod run, and be Ready, once it has been made, until *count* do."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def begin(pod: str) -> None:
            async with turns:
                self._restarts[pod] = 0
                await self._write(pod, {"running": {"startedAt": _now()}})

        while len(self._restarts) < count:
            # A list of many pods is real work for a small machine.
            await asyncio.sleep(1)
            names = {pod["metadata"]["name"] for pod in await self._namespace.read_all("Pod")}
            await asyncio.gather(*(begin(name) for name in names - self._restarts.keys()))

    async def end(self, pod: str) -> str:
        """Say that the pod's container has ended; return its ID once that is stored."""
        ended = self._ended(pod)
        await self._write(pod, {"terminated": ended})
        return str(ended["containerID"])

    async def restart(self, pod: str) -> None:
        """Say that the container which has ended runs again."""
        ended = self._ended(pod)
        self._restarts[pod] += 1
        await self._write(pod, {"running": {"startedAt": _now()}}, {"terminated": ended})

    def _ended(self, pod: str) -> dict[str, Any]:
        return {
            "containerID": self._container_id(pod),
            "exitCode": exit_code(pod),
            "reason": "Error",
            "message": "so it ends",
            "startedAt": _now(),
            "finishedAt": _now(),
        }

    async def _write(
        self, pod: str, state: dict[str, Any], last: dict[str, Any] | None = None
    ) -> None:
        runs = "running" in state
        container = {
            "name": CONTAINER,
            "image": SMALL,
            "imageID": SMALL,
            "containerID": self._container_id(pod),
            "ready": runs,
            "started": runs,
            "restartCount": self._restarts[pod],
            "state": state,
            "lastState": last or {},
        }
        conditions = dict.fromkeys(_CONDITIONS, True) | {"ContainersReady": runs, "Ready": runs}
        status = {
            "phase": "Running",
            "conditions": [
                {"type": kind, "status": str(holds), "lastTransitionTime": _now()}
                for kind, holds in conditions.items()
            ],
            "containerStatuses": [container],
            "podIPs": [{"ip": self._address}] if self._address else [],
            "podIP": self._address,
        }
        await self._namespace.api.patch(
            "Pod", self._namespace.name, pod, {"status": status}, subresource="status"
        )

    def _container_id(self, pod: str) -> str:
        said = f"{self._namespace.name} {pod} {self._restarts[pod]}"
        return f"containerd://{hashlib.sha256(said.encode()).hexdigest()}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
