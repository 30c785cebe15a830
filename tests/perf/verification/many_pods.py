"""
The cost of verifying many pods again and again, of the verifier alone.

Usage: python -m tests.perf.verification.many_pods [PODS...]. For each number of pods (1,000 and
10,000) and each era: a share of one core at an interval of five minutes, over a minute, and the
memory that the verifier takes for them. The pods are played: all have the address of one server,
which runs in a process of its own.
"""

import asyncio
import gc
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from mcpworkload.controller import verifier
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.desired import DEFAULT_POLICY, Check, build_check
from mcpworkload.controller.probe_headers import NO_HEADERS
from mcpworkload.controller.verification_metrics import VerificationMetrics
from mcpworkload.controller.verifier import WORKERS, Verifier
from mcpworkload.kube.objects import Pod
from mcpworkload.verification.exchange import open_session
from mcpworkload.verification.finding import Result
from tests.perf.verification.cost import serving
from tests.support.cost import resident_megabytes
from tests.support.parsed import make_pod, make_workload

INTERVAL: Final = 300.0
WINDOW_SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "60"))
_STORED: Final = {
    "conditions": [
        {
            "type": "Verified",
            "status": "True",
            "reason": "HandshakeOk",
            "lastTransitionTime": datetime.now(UTC).isoformat(),
        }
    ]
}
_ANSWERS_A_SECOND: Final = 250
Era = Literal["modern", "legacy"]


def check_at(port: int) -> Check:
    """How all of them are verified: as a workload that says nothing of it."""
    transport = {"type": "streamable-http", "port": port}
    return build_check(make_workload(transport=transport), DEFAULT_POLICY)


def key_of(number: int) -> str:
    """The key of a workload: one namespace has a share of those who ask, so there are several."""
    return f"team-{number % 50}/w{number}"


def older_pod(number: int) -> Pod:
    """A pod that ran before the operator."""
    started = datetime.now(UTC) - timedelta(hours=1)
    container = {
        "containerID": f"containerd://{number:064x}",
        "started": True,
        "ready": True,
        "state": {"running": {"startedAt": started.isoformat()}},
    }
    return make_pod(f"w{number}-0", ready=True, container=container, podIP="127.0.0.1")


class Played:
    """So many pods, each of a workload of its own, and who verifies them."""

    def __init__(self, found: Verifier, metrics: VerificationMetrics, pods: list[Pod]) -> None:
        self._verifier, self._metrics, self._pods = found, metrics, pods

    @property
    def answered(self) -> float:
        """How many verifications have succeeded."""
        families = {family.name: family for family in self._metrics.collect()}
        samples = families["mcpworkload_verification_probes"].samples
        by_result = {sample.labels["result"]: sample.value for sample in samples}
        assert sum(by_result.values()) == by_result[Result.HANDSHAKE_OK], by_result
        return by_result[Result.HANDSHAKE_OK]

    def follow(self, check: Check, within: float) -> None:
        """Begin to verify all of them, the first time within so many seconds."""
        verifier._SPREAD_SECONDS = within  # type: ignore[misc]
        for number, pod in enumerate(self._pods):
            key = key_of(number)
            self._verifier.drop(key)
            self._verifier.follow(key, {pod.metadata.name: pod}, check, NO_HEADERS, _STORED)

    def drop(self) -> None:
        """Verify none of them."""
        for number in range(len(self._pods)):
            self._verifier.drop(key_of(number))


async def measure(era: Era, count: int, port: int) -> str:
    """Return the line about *count* pods of servers of *era*."""
    pods = [older_pod(number) for number in range(count)]
    metrics = VerificationMetrics()
    async with open_session() as session:
        found = Verifier(session, lambda _: None, Clock(), metrics)
        played = Played(found, metrics, pods)
        tasks = [asyncio.create_task(found.work()) for _ in range(WORKERS)]
        gc.collect()
        before = resident_megabytes(os.getpid())
        played.follow(check_at(port), count / _ANSWERS_A_SECOND)
        while played.answered < count:
            await asyncio.sleep(0.2)
        gc.collect()
        memory = resident_megabytes(os.getpid()) - before
        # As it goes on: the dates are spread over an interval.
        played.follow(check_at(port), INTERVAL)
        begun, spent, first = time.monotonic(), time.process_time(), played.answered
        await asyncio.sleep(WINDOW_SECONDS)
        share = (time.process_time() - spent) / (time.monotonic() - begun)
        rate = (played.answered - first) / (time.monotonic() - begun)
        played.drop()
        for task in tasks:
            task.cancel()
    each = share / rate * 1000 if rate else 0.0
    return (
        f"{count} pods, {era}: {rate:.1f} verifications a second take {share:.2%} of a core "
        f"({each:.2f} ms each), and {memory:.1f} MB\n"
    )


def main(counts: list[int]) -> None:
    """Measure all."""
    eras: tuple[Era, ...] = ("modern", "legacy")
    for count in counts:
        for era in eras:
            with serving(era) as port:
                sys.stdout.write(asyncio.run(measure(era, count, port)))
                sys.stdout.flush()


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000])
