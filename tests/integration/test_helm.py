"""
Helm 4 waits for a workload by kstatus, without knowing anything about it.

Helm is built from source at its first use, which takes minutes: tests use the one that is there,
or build one if HELM_TESTS=1 says so.
"""

import asyncio
import json
import os
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hack.cluster.tools import find_tool
from hack.local import binaries
from tests.support.cluster import Cluster
from tests.support.manifests import make_object, make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, exists, has_condition
from tests.support.process import OperatorProcess

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CHART = Path(__file__).parent / "chart"
HELM_SECONDS = 90
# Long enough to be sure that Helm looks and does not like what it sees.
WATCH_SECONDS = 4.0
# "Fast" is well below the time that Helm was given.
FAST_SECONDS = HELM_SECONDS / 3


@pytest.fixture(scope="session")
def helm() -> Path:
    """The program; the test is skipped where it would have to be built unasked."""
    if not binaries.cached(binaries.HELM).is_dir() and os.environ.get("HELM_TESTS") != "1":
        pytest.skip("Helm is not built: `python3 -m hack.cluster tool helm` or HELM_TESTS=1")
    return find_tool("helm")


@dataclass(frozen=True)
class Installation:
    """A `helm install --wait` that goes on."""

    process: Process

    @property
    def is_waiting(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    async def end(self) -> tuple[int, str]:
        """Its exit status and what it said."""
        assert self.process.stdout is not None
        words = await self.process.stdout.read()
        return await self.process.wait(), words.decode()


Install = Callable[[dict[str, Any]], Awaitable[Installation]]


@pytest.fixture
async def install(
    helm: Path, namespace: Namespace, cluster: Cluster, tmp_path: Path
) -> AsyncIterator[Install]:
    """Start an installation of the chart with this spec; none outlives the test."""
    async with _installer(helm, namespace, cluster, tmp_path) as start:
        yield start


@asynccontextmanager
async def _installer(
    helm: Path, namespace: Namespace, cluster: Cluster, folder: Path
) -> AsyncIterator[Install]:
    started: list[Process] = []
    environment = {
        **os.environ,
        "KUBECONFIG": cluster.kubeconfig,
        **{f"HELM_{word}_HOME": str(folder / word) for word in ("CACHE", "CONFIG", "DATA")},
    }

    async def start(spec: dict[str, Any]) -> Installation:
        values = folder / "values.json"
        values.write_text(json.dumps({"spec": spec}))
        process = await asyncio.create_subprocess_exec(
            *(str(helm), "install", "weather", str(CHART), "--namespace", namespace.name),
            *("--values", str(values), "--wait", f"--timeout={HELM_SECONDS}s"),
            env=environment,
            stdout=PIPE,
            stderr=STDOUT,
        )
        started.append(process)
        return Installation(process)

    try:
        yield start
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
                await process.communicate()


def spec_of(**spec: Any) -> dict[str, Any]:
    """The spec of a workload that runs."""
    manifest: dict[str, Any] = make_running_workload("weather", **spec)["spec"]
    return manifest


async def test_it_waits_for_the_operator(
    install: Install, namespace: Namespace, operator: OperatorProcess
) -> None:
    """A workload that nobody has looked at is in progress; Ready ends the wait."""
    operator.stop()
    installation = await install(spec_of())
    await namespace.until("MCPWorkload", "weather", exists())
    await asyncio.sleep(WATCH_SECONDS)
    assert installation.is_waiting

    await asyncio.to_thread(operator.start_leading)
    status, words = await installation.end()

    assert status == 0, words
    workload = await namespace.get("MCPWorkload", "weather")
    assert has_condition("Ready", "True").holds(workload)


async def test_it_fails_fast_when_no_retry_can_help(install: Install, namespace: Namespace) -> None:
    """Stalled is a failure, not something to wait for."""
    patch = [{"op": "test", "path": "/spec/containers/0/name", "value": "other"}]
    begin = time.monotonic()

    status, words = await (await install(spec_of(podTemplatePatch=patch))).end()

    assert status != 0
    assert time.monotonic() - begin < FAST_SECONDS, words
    workload = await namespace.get("MCPWorkload", "weather")
    assert condition_of(workload, "Stalled")["reason"] == "PatchRejected"


async def test_it_waits_on_for_a_secret(install: Install, namespace: Namespace) -> None:
    """What can heal from outside is no failure."""
    missing = [{"secretRef": {"name": "weather"}}]
    installation = await install(spec_of(envFrom=missing))
    await namespace.until("MCPWorkload", "weather", has_condition("Ready", "False"))
    await asyncio.sleep(WATCH_SECONDS)
    assert installation.is_waiting

    await namespace.create(make_object("Secret", "weather", stringData={"CITY": "Oslo"}))
    status, words = await installation.end()

    assert status == 0, words
