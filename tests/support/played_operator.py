"""
Forty minutes of an operator, played in a second: what Prometheus would have read of it.

The queue, the reconciler, the middleware and the metrics are the operator's own; the cluster is the
one in memory, and the clock is moved.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from yarl import URL

from mcpworkload.controller.memory_limit import Memory, MemoryWatch
from mcpworkload.controller.metrics import Metrics
from mcpworkload.controller.process_metrics import ProcessMetrics
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.controller.store import Body, WorkloadStore, key_of
from mcpworkload.controller.verification_metrics import VerificationMetrics
from mcpworkload.controller.workload_metrics import WorkloadMetrics
from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.objects import Pod
from mcpworkload.kube.requested import CountRequests
from mcpworkload.verification.finding import Result
from tests.support.harness import KEY, FakeCluster, Harness, make_harness
from tests.support.parsed import make_observation, make_pod
from tests.support.prometheus import Scrape

BEGIN = 1_800_000_000.0
STEP_SECONDS = 30.0
STEPS = 80
OTHERS = 12


class SlowCluster(FakeCluster):
    """A cluster in memory that takes a moment for each status, and is away for some of them."""

    away: bool = False

    async def write_status(self, body: Any, status: dict[str, Any]) -> dict[str, Any]:
        """Take thirty milliseconds."""
        self.seconds += 0.03
        if self.away:
            raise Unavailable("no answer")
        return await super().write_status(body, status)


@dataclass
class Limits:
    """What the operator's limiter shows in a step."""

    step: int = 0
    limit: int = 16

    @property
    def in_flight(self) -> int:
        """As many as there may be, every now and then."""
        return self.limit if self.step % 3 else 2

    @property
    def waiting(self) -> int:
        """Some, while none more may be sent."""
        return 5 if self.step % 3 else 0

    @property
    def throttled(self) -> int:
        """One more in every step."""
        return self.step


def crashing(times: int) -> Pod:
    """The pod of a server that has ended so many times and runs again."""
    words = {"exitCode": 3, "reason": "Error", "message": "boom"}
    last = {"terminated": {**words, "containerID": f"containerd://{times}"}} if times else {}
    container = {"restartCount": times, "state": {"running": {}}, "lastState": last}
    return make_pod(ready=True, container=container)


class PlayedOperator:
    """One workload that is reconciled, and others with the status that it had at the beginning."""

    def __init__(self) -> None:
        self.cluster = SlowCluster(version=500)
        self._harness: Harness = make_harness(self.cluster)
        self.process = ProcessMetrics(lambda: True)
        self.queue = KeyQueue(lambda: self.cluster.seconds, on_result=self.process.reconciled)
        self._count = CountRequests(self.process.requested, lambda: self.cluster.seconds)
        self.limits = Limits()
        self._others = WorkloadStore()
        self._verifications = VerificationMetrics()
        sources = self.process.sources
        sources.queue, sources.limiter = self.queue, self.limits
        sources.watch_ages = lambda: {"pods": 20.0, "mcpworkloads": self.limits.step % 2 * 60.0}
        workloads = WorkloadMetrics(_Both(self._harness.store, self._others), self._ages)
        memory = MemoryWatch(lambda: OTHERS, self._memory)
        self._metrics = Metrics(workloads, self.process, self._verifications, memory)

    async def scrapes(self) -> list[Scrape]:
        """Return what was served in each step."""
        found = []
        for step in range(STEPS):
            self.limits.step = step
            await self._reconcile(step)
            await self._send(step)
            self._verify(step)
            self.queue.add("team/waits")
            self.cluster.seconds += STEP_SECONDS
            text = b"".join([part async for part in self._metrics.render()]).decode()
            found.append(Scrape(BEGIN + step * STEP_SECONDS, text))
        return found

    async def _reconcile(self, step: int) -> None:
        """Let the server end in every fourth step; the API server is away at every fifth end."""
        pod = crashing(step // 4)
        self.cluster.away = step % 20 == 8
        self.cluster.observation = make_observation(pod)
        self.cluster.observed.seen(KEY, pod)
        self.queue.add(KEY)
        worker = asyncio.create_task(self.queue.work(self._harness.reconcile))
        while any(self.queue.depths().values()) or self.queue._active:
            await asyncio.sleep(0)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        for reason, count in self.cluster.counted.items():
            self.process.exited(reason, count)
        self.cluster.counted.clear()
        if step == 1:
            self._copy()

    def _copy(self) -> None:
        (body,) = self._harness.store
        for number in range(OTHERS):
            metadata = {**body["metadata"], "name": f"other-{number}"}
            status = {**(body.get("status") or {}), "server": {"tools": {"count": 3}}}
            self._others.put({**body, "metadata": metadata, "status": status})

    def _verify(self, step: int) -> None:
        result = Result.HANDSHAKE_OK if step % 5 else Result.NOT_MCP
        self._verifications.count(result, 0.02)
        if step % 7 == 6:
            self._verifications.count_tools_change(KEY)

    def _memory(self) -> Memory:
        """A little more in every step."""
        return Memory((80 + self.limits.step) * 2**20, 256 * 2**20)

    def _ages(self) -> Iterator[tuple[str, float]]:
        return ((key_of(body), 12.0) for body in self._others)

    async def _send(self, step: int) -> None:
        """Send the requests of a step, of which some fail."""
        apply = "/apis/apps/v1/namespaces/team/statefulsets/weather"
        await self._request("PATCH", apply, 503 if step % 9 == 8 else 200)
        await self._request("GET", "/api/v1/pods?watch=true", 200)
        if step % 20 == 19:
            with contextlib.suppress(TimeoutError):
                await self._request("GET", "/api/v1/pods", None)

    async def _request(self, method: str, path: str, status: int | None) -> None:
        """Pass a request through the middleware; there is no response without a *status*."""

        async def handler(_: Any) -> Any:
            self.cluster.seconds += 0.004
            if status is None:
                raise TimeoutError
            return SimpleNamespace(status=status)

        request: Any = SimpleNamespace(method=method, url=URL(f"https://cluster{path}"))
        await self._count(request, handler)


@dataclass
class _Both:
    """The workloads of two stores."""

    one: WorkloadStore
    other: WorkloadStore

    def __iter__(self) -> Iterator[Body]:
        yield from self.one
        yield from self.other
