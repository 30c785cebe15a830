"""One contender on a control plane of its own: started, watched, and measured."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.perf.scale import requests
from tests.perf.scale.client import Client
from tests.perf.scale.contender import Contender
from tests.perf.scale.process import Process, Sampler
from tests.perf.scale.progress import Progress
from tests.perf.scale.result import Phase, Result
from tests.perf.scale.templates import write_children
from tests.perf.scale.world import Predicate, Wait, World
from tests.support.control_plane import ControlPlane, build_account

NAMESPACE = "fleet"
FIRST_IMAGE = "weather:1"
#: The account of the benchmark itself, which changes and watches; its requests are recorded too.
CHANGER, CHANGER_NAMESPACE = "changer", "bench"
CHANGER_USER = f"system:serviceaccount:{CHANGER_NAMESPACE}:{CHANGER}"
_ANYTHING = ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},)
# The line of a request is written before its answer is sent, but not always before others see it.
_AUDIT_SECONDS = 0.5


@dataclass
class Measurement:
    """A scenario while it runs."""

    arena: "Arena"
    result: Result
    #: What the process had used when it began.
    cpu: float
    begin: float = field(default_factory=time.time)
    _until: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        """Note that a phase has ended now."""
        now = time.time()
        cpu = self.arena.process.cpu() - self.cpu
        self.result.phases[name] = Phase(now - self.begin, cpu)
        self._until[name] = now

    def ended(self, name: str) -> float:
        """Return when a phase ended, in seconds since the epoch; 0 while it has not."""
        return self._until.get(name, 0.0)

    def restarted(self) -> None:
        """Note that what follows is the work of a new process."""
        self.cpu = self.arena.process.cpu()

    async def until(self, name: str, wait: Wait) -> None:
        """Return when the wait is over, the phase having been marked at that moment."""
        wait.on_done = lambda: self.mark(name)
        if not wait.remaining:
            self.mark(name)
            return
        with self.arena.progress.showing(
            lambda: f"{name} {wait.count}/{wait.total}, {time.time() - self.begin:.0f} s"
        ):
            await wait.done()

    async def close(self, position: int) -> list[requests.Request]:
        """Complete the result with what the audit log has; return all requests of the time."""
        result, arena = self.result, self.arena
        result.seconds = time.time() - self.begin
        result.cpu_seconds = arena.process.cpu() - self.cpu
        result.held_mb, _ = arena.process.memory()
        await asyncio.sleep(_AUDIT_SECONDS)
        found = await asyncio.to_thread(requests.read_requests, arena.audit_log, position)
        own = requests.of(found, arena.contender.user)
        result.requests = requests.count(own)
        # A watch's end, a name that does not exist yet: not every answer above 400 is an error.
        result.errors = sum(one.code >= 400 and one.code not in (404, 409) for one in own)
        result.conflicts = sum(one.code == 409 for one in own)
        for name, at in self._until.items():
            result.phases[name].requests = len(requests.of(own, arena.contender.user, at))
        return found


@dataclass
class Arena:
    """A control plane, one contender's process, and the benchmark's view of both."""

    plane: ControlPlane
    contender: Contender
    size: int
    process: Process
    client: Client
    world: World
    progress: Progress
    #: By how much the scenarios are shortened: 1 for the full length.
    brevity: float = 1.0
    #: One of each scenario that was begun, also where its time was up.
    results: dict[str, Result] = field(default_factory=dict)
    #: Everybody's requests during the last scenario.
    last_requests: list[requests.Request] = field(default_factory=list)

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self.plane.settings.audit_log

    @property
    def names(self) -> list[str]:
        """The names of the workloads that the first scenario creates."""
        return [f"w{number:05}" for number in range(self.size)]

    @asynccontextmanager
    async def measuring(self, scenario: str, operations: int) -> AsyncIterator[Measurement]:
        """Yield a measurement, which is complete after the block."""
        position, deaths = self.audit_log.stat().st_size, self.process.deaths
        measurement = Measurement(self, Result(scenario, operations), self.process.cpu())
        self.results[scenario] = measurement.result
        sampler = Sampler(self.process)
        task = asyncio.create_task(sampler.run())
        try:
            yield measurement
        finally:
            task.cancel()
            sampler.look()
            measurement.result.most_mb = sampler.most
            if died := self.process.deaths - deaths:
                measurement.result.figures["ended by itself"] = died
            self.last_requests = await measurement.close(position)

    def waiting(
        self, names: Iterable[str], predicate: Predicate
    ) -> AbstractAsyncContextManager[Wait]:
        """Return a wait for *predicate* to have been true of each of *names*."""
        return self.world.waiting(names, predicate)

    async def create(self, name: str, image: str = FIRST_IMAGE) -> None:
        """Create one workload."""
        manifest = self.contender.workload.replace("{name}", name).replace("{image}", image)
        await self.client.create(self.contender.resource.path_in(NAMESPACE), manifest)

    async def set_image(self, name: str, image: str) -> None:
        """Change the image of one workload."""
        patch: object = image
        for part in reversed(self.contender.image_path):
            patch = {part: patch}
        assert isinstance(patch, dict)
        await self.client.merge(self.contender.resource.path_in(NAMESPACE, name), patch)

    async def delete(self, name: str) -> None:
        """Delete one workload."""
        await self.client.delete(self.contender.resource.path_in(NAMESPACE, name))


@asynccontextmanager
async def open_arena(
    contender: Contender,
    size: int,
    checkout: Path,
    python: str,
    progress: Progress,
    brevity: float,
) -> AsyncIterator[Arena]:
    """Yield an arena in which the contender runs and has nothing to do yet."""
    nodes = max(2, size // 500)
    with ControlPlane(nodes=nodes, root=checkout) as plane:
        _prepare(plane, contender)
        folder = plane.settings.state
        process = _build_process(plane, contender, python, folder)
        changer = plane.write_kubeconfig(folder / "changer.kubeconfig", CHANGER_NAMESPACE, CHANGER)
        async with Client.open(changer) as client:
            world = World(client, contender, NAMESPACE)
            async with world.watching():
                await process.start()
                keeping = asyncio.create_task(process.keep())
                try:
                    await process.until_quiet()
                    yield Arena(plane, contender, size, process, client, world, progress, brevity)
                finally:
                    keeping.cancel()
                    await process.stop()


def _prepare(plane: ControlPlane, contender: Contender) -> None:
    """Make namespace, accounts and what the contender needs."""
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *build_account(CHANGER, CHANGER_NAMESPACE, _ANYTHING),
    ]
    for path in contender.manifests:
        objects += [one for one in yaml.safe_load_all(Path(path).read_text()) if one]
    if contender.rules:
        objects += build_account(contender.account, contender.namespace, contender.rules)
    plane.apply(objects)
    plane.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")


def _build_process(plane: ControlPlane, contender: Contender, python: str, folder: Path) -> Process:
    kubeconfig = plane.write_kubeconfig(
        folder / "contender.kubeconfig", contender.namespace, contender.account
    )
    children = folder / "children.json"
    values = {
        "python": python,
        "kubeconfig": str(kubeconfig),
        "here": str(Path(__file__).parent),
        "resource": contender.resource.path,
        "children": str(children),
    }
    if any("{children}" in word for word in contender.command):
        # The floor runs on what the benchmark runs on: it needs nothing of a checkout.
        values["python"] = sys.executable
        children.write_text(json.dumps(write_children(contender)))
    command = [word.format_map(values) for word in contender.command]
    environment = {name: value.format_map(values) for name, value in contender.environment.items()}
    return Process(command, environment, folder / "contender.log", contender.log_words)
