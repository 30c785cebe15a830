"""What the API server has stored of workloads and children, as watches tell it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import aiohttp
import msgspec

from tests.perf.scale.client import Client
from tests.perf.scale.contender import Contender, Resource

_PAGE = 500
_RETRY_SECONDS = 0.2


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    generation: int = 0
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Condition(msgspec.Struct, rename="camel"):
    type: str
    status: str
    observed_generation: int = 0


class _Status(msgspec.Struct, rename="camel"):
    observed_generation: int = 0
    conditions: list[_Condition] = []
    ready_replicas: int = 0
    updated_replicas: int = 0


class _Container(msgspec.Struct):
    image: str = ""


class _PodSpec(msgspec.Struct):
    containers: list[_Container] = []


class _Template(msgspec.Struct):
    spec: _PodSpec = msgspec.field(default_factory=_PodSpec)


class _Spec(msgspec.Struct):
    replicas: int = 1
    template: _Template = msgspec.field(default_factory=_Template)


class Stored(msgspec.Struct):
    """What is read of a workload or a child. Also of the Status in an ERROR event."""

    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status | str = msgspec.field(default_factory=_Status)

    @property
    def state(self) -> _Status:
        """The object's status."""
        return self.status if isinstance(self.status, _Status) else _Status()

    @property
    def is_observed(self) -> bool:
        """Whether its controller has seen its present generation."""
        return self.state.observed_generation == self.metadata.generation

    @property
    def images(self) -> list[str]:
        """The images of its pod template."""
        return [container.image for container in self.spec.template.spec.containers]

    @property
    def has_ready_pods(self) -> bool:
        """Whether its controller reports all pods as updated and ready."""
        replicas, state = self.spec.replicas, self.state
        return self.is_observed and state.ready_replicas == state.updated_replicas == replicas

    def has_condition(self, kind: str) -> bool:
        """Whether that condition is True for the present generation."""
        generation = self.metadata.generation
        return any(
            one.type == kind and one.status == "True" and one.observed_generation == generation
            for one in self.state.conditions
        )


class _Page(msgspec.Struct):
    metadata: _Metadata
    items: list[Stored]


class _Event(msgspec.Struct):
    type: str
    object: Stored


_decode_page = msgspec.json.Decoder(_Page).decode
_decode_event = msgspec.json.Decoder(_Event).decode
Predicate = Callable[[str], bool]


class Wait:
    """Workloads of which something has to become true; each counts once it has been."""

    def __init__(self, names: Iterable[str], predicate: Predicate) -> None:
        self.remaining = set(names)
        self.total = len(self.remaining)
        self.done_at = 0.0
        self._predicate = predicate
        self._done = asyncio.Event()
        self.on_done: Callable[[], None] = lambda: None

    @property
    def count(self) -> int:
        """The number of workloads of which it has been true."""
        return self.total - len(self.remaining)

    def look(self, name: str) -> None:
        """Look at the workload of that name again."""
        if name in self.remaining and self._predicate(name):
            self.remaining.discard(name)
            if not self.remaining:
                self.done_at = time.time()
                self.on_done()
                self._done.set()

    async def done(self) -> None:
        """Return when it has been true of all."""
        await self._done.wait()


class World:
    """The workloads of one namespace and their children."""

    def __init__(self, client: Client, contender: Contender, namespace: str) -> None:
        self._client, self._contender, self._namespace = client, contender, namespace
        self.workloads: dict[str, Stored] = {}
        self.children: list[dict[str, Stored]] = [{} for _ in contender.children]
        self._waits: list[Wait] = []

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Keep the world up to date within the block."""
        resource = self._contender.resource
        jobs = [self._follow(resource, self.workloads, lambda name: name)]
        for child, store in zip(self._contender.children, self.children, strict=True):
            jobs.append(self._follow(child.resource, store, child.workload_of))
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def waiting(self, names: Iterable[str], predicate: Predicate) -> AsyncIterator[Wait]:
        """Yield a wait that follows the world within the block."""
        wait = Wait(names, predicate)
        for name in list(wait.remaining):
            wait.look(name)
        self._waits.append(wait)
        try:
            yield wait
        finally:
            self._waits.remove(wait)

    def is_served(self, name: str) -> bool:
        """Return whether all children exist and the status tells of the present generation."""
        workload = self.workloads.get(name)
        return (
            workload is not None and workload.is_observed and all(name in c for c in self.children)
        )

    def is_updated_to(self, image: str) -> Predicate:
        """Return the question whether a workload is served, and its pods' template has *image*."""

        def is_updated(name: str) -> bool:
            return self.is_served(name) and all(
                image in children[name].images
                for child, children in zip(self._contender.children, self.children, strict=True)
                if child.runs_pods
            )

        return is_updated

    def is_settled(self, name: str) -> bool:
        """Return whether a workload is served, and its pods and it itself are ready."""
        if not self.is_served(name):
            return False
        ready = self._contender.ready_condition
        if ready and not self.workloads[name].has_condition(ready):
            return False
        return all(
            children[name].has_ready_pods
            for child, children in zip(self._contender.children, self.children, strict=True)
            if child.runs_pods
        )

    def is_gone(self, name: str) -> bool:
        """Return whether neither the workload nor a child of it exists."""
        return name not in self.workloads and not any(name in c for c in self.children)

    async def _follow(
        self, resource: Resource, store: dict[str, Stored], workload_of: Callable[[str], str]
    ) -> None:
        """Keep *store* up to date for ever; a lost connection is opened again."""
        path, version = resource.path_in(self._namespace), ""
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
                version = version or await self._list(path, store, workload_of)
                async for event in self._watch(path, version):
                    if event.type == "ERROR":
                        version = ""
                        break
                    version = event.object.metadata.resource_version
                    self._take(event, store, workload_of)
                else:
                    continue
            version = ""
            await asyncio.sleep(_RETRY_SECONDS)

    async def _list(
        self, path: str, store: dict[str, Stored], workload_of: Callable[[str], str]
    ) -> str:
        token, found = "", dict[str, Stored]()
        while True:
            params = {"limit": str(_PAGE), "continue": token}
            async with self._client.session.get(path, params=params) as response:
                page = _decode_page(await response.read())
            found.update((workload_of(item.metadata.name), item) for item in page.items)
            token = page.metadata.continue_
            if not token:
                break
        changed = store.keys() | found.keys()
        store.clear()
        store.update(found)
        for name in changed:
            self._look(name)
        return page.metadata.resource_version

    async def _watch(self, path: str, version: str) -> AsyncIterator[_Event]:
        params = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        async with self._client.session.get(path, params=params) as response:
            response.raise_for_status()
            async for line in response.content:
                yield _decode_event(line)

    def _take(
        self, event: _Event, store: dict[str, Stored], workload_of: Callable[[str], str]
    ) -> None:
        name = workload_of(event.object.metadata.name)
        if event.type == "DELETED":
            store.pop(name, None)
        elif event.type != "BOOKMARK":
            store[name] = event.object
        else:
            return
        self._look(name)

    def _look(self, name: str) -> None:
        for wait in list(self._waits):
            wait.look(name)
