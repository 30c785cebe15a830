"""Workloads that print, and what is open while somebody reads them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from mcpworkload.runtime import KubernetesRuntime, LogLine
from tests.support.api import open_sockets
from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, field

START_SECONDS = 60
_LINES_A_RUN = 50
# Counts, twenty times a second.
TICK = """
import itertools, time
for number in itertools.count():
    print(number, flush=True)
    time.sleep(0.05)
"""

# Prints numbered lines that go on where the last instance ended, as /tmp remembers.
_COUNT = """
import pathlib, sys, time
state = pathlib.Path("/tmp/next")
first = int(state.read_text()) if state.exists() else 0
for number in range(first, first + {lines}):
    print(number, flush=True)
state.write_text(str(first + {lines}))
{end}
"""


@asynccontextmanager
async def open_runtime(namespace: Namespace, kubeconfig: str) -> AsyncIterator[KubernetesRuntime]:
    """The library in the test's namespace; leaves no task and no socket behind."""
    before = open_sockets()
    async with await KubernetesRuntime.from_environment(
        namespace.name, kubeconfig=kubeconfig
    ) as found:
        yield found
    async with asyncio.timeout(5):
        while open_sockets() > before:
            await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def make_script(script: str, name: str = "weather", **spec: object) -> Manifest:
    """A workload that runs *script*, and is not asked whether it serves."""
    return make_running_workload(name, command=["python3", "-u", "-I", "-S", "-c", script], **spec)


def has_run(restarts: int = 0, container: int = 0) -> Predicate:
    """The container has begun, so many times over."""

    def holds(pod: Manifest | None) -> bool:
        status = field(pod or {}, "status", "containerStatuses", container) or {}
        is_up = "running" in (status.get("state") or {})
        return is_up and status["restartCount"] >= restarts

    return Predicate(f"runs after {restarts} restarts", holds)


HAS_BEGUN = Predicate(
    "has begun",
    lambda pod: bool(field(pod or {}, "status", "containerStatuses", 0, "containerID")),
)


async def start(
    namespace: Namespace, manifest: Manifest, restarts: int = 0, replicas: int = 1
) -> None:
    """Apply the workload, and wait until its containers run."""
    await namespace.apply(manifest)
    names = [f"{manifest['metadata']['name']}-{number}" for number in range(replicas)]
    await namespace.until_all("Pod", names, has_run(restarts), START_SECONDS)


def make_counter(lines: int, end: str) -> Manifest:
    """Prints *lines* numbered lines, remembers the last, and does what *end* says."""
    script = _COUNT.format(lines=lines, end=end)
    return make_script(script)


async def take(lines: AsyncGenerator[LogLine], count: int, seconds: float = 60) -> list[LogLine]:
    """The next *count* lines."""
    async with asyncio.timeout(seconds):
        return [await anext(lines) for _ in range(count)]


def numbers(lines: Sequence[LogLine]) -> list[int]:
    """The numbers that the lines hold."""
    return [int(line) for line in lines]


async def follow_over_crashes(
    namespace: Namespace, runtime: KubernetesRuntime, crashes: int
) -> None:
    """Follow a server that ends again and again; every line is there, once and in order."""
    await namespace.apply(make_counter(_LINES_A_RUN, "time.sleep(0.5); sys.exit(3)"))
    # Not until it runs: that is over before anybody looks.
    await namespace.until("Pod", "weather-0", HAS_BEGUN, START_SECONDS)
    lines = await runtime.get_workload_logs("weather", follow=True)
    async with aclosing(lines):
        got = await take(lines, _LINES_A_RUN * (crashes + 1), 150)
    assert numbers(got) == list(range(len(got)))
