"""
A port of this machine that leads to a workload, whichever of its pods is ready.

It follows one watch of the workload and one of its pods. A connection that comes while no pod is
ready waits for one, and a connection to a pod that is gone ends.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any, Self

import aiohttp

from mcpworkload.kube.objects import Pod
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.connection import workloads_path
from mcpworkload.runtime.errors import (
    RightsMissing,
    WorkloadError,
    WorkloadInvalid,
    WorkloadNotFound,
)
from mcpworkload.runtime.info import local_url, transport_port_of
from mcpworkload.runtime.instances import own_pods
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.portforward import Exchange, open_port
from mcpworkload.runtime.watching import Body, Objects, follow

#: How long a new connection waits for a pod that is ready.
WAIT_SECONDS = 30.0
_PAUSE_SECONDS = 0.5
_HOST = "127.0.0.1"

Tell = Callable[[str], object]


class WorkloadForward:
    """
    Each connection to `url` becomes one inside a ready pod; an asynchronous context manager.

    All go to one pod as long as that is ready, so that sessions in its memory are found. Restarts
    of pods, rollouts, and an API server or operator that is away for a while end connections that
    are open, at most, and not the forward. The callback receives one line for each event.
    """

    def __init__(self, workload: WorkloadHandle, port: int = 0, tell: Tell | None = None) -> None:
        self._workload = workload
        self._tell = tell or (lambda _: None)
        self._told = ""
        #: Of this machine; 0, until it is entered, is any that is free.
        self.port = port
        #: Where clients on this machine find the server.
        self.url = ""
        self._uid = ""
        self._pod_port = 0
        self._pod: Pod | None = None
        self._is_ready = asyncio.Event()
        self._is_known = asyncio.Event()
        #: By task, the UID of the pod that it is connected to; empty while it waits for one.
        self._connections: dict[asyncio.Task[None], str] = {}
        self._failure: asyncio.Future[None] | None = None
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """
        Listen.

        Raises:
            WorkloadNotFound: there is no such workload.
            WorkloadInvalid: the port is taken, or the workload is served by nothing.
        """
        found = await self._workload.read()
        self._uid = found["metadata"]["uid"]
        self._pod_port = transport_port_of(found["spec"])
        if not self._pod_port:
            raise WorkloadInvalid(
                "it is not served over HTTP: its transport.stdio.bridge is None",
                workload=self._workload.key,
                reason="NotServed",
                advice="attach to it instead",
                fields=("workload_id",),
            )
        try:
            await self._open(found)
        except BaseException:
            await self._resources.aclose()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End it, and every connection."""
        await self._resources.aclose()

    async def wait(self) -> None:
        """
        Wait for as long as the forward lasts.

        Raises:
            WorkloadNotFound: the workload was removed.
            RightsMissing: the caller may not, or no longer, forward ports.
        """
        if self._failure is not None:
            await asyncio.shield(self._failure)

    async def _open(self, found: dict[str, Any]) -> None:
        self._failure = asyncio.get_running_loop().create_future()
        # What waits for it may never come.
        self._failure.add_done_callback(lambda failure: failure.cancelled() or failure.exception())
        self._resources.callback(self._failure.cancel)
        try:
            server = await asyncio.start_server(self._accept, _HOST, self.port)
        except OSError as error:
            raise WorkloadInvalid(
                f"port {self.port} of this machine cannot be opened: {error.strerror}",
                workload=self._workload.key,
                reason="PortTaken",
                advice="choose another, or 0 for any that is free",
                fields=("port",),
            ) from error
        self._resources.push_async_callback(self._end_connections)
        self._resources.callback(server.close)
        self.port = server.sockets[0].getsockname()[1]
        self.url = local_url(found, self.port)
        watching = asyncio.create_task(self._watch(), name=f"forward to {self._workload.key}")
        self._resources.push_async_callback(_end, watching)
        known = asyncio.create_task(self._is_known.wait())
        self._resources.push_async_callback(_end, known)
        await asyncio.wait((known, self._failure), return_when=asyncio.FIRST_COMPLETED)
        if self._failure.done():
            await self._failure

    async def _watch(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_workload())
                group.create_task(self._watch_pods())
        except ExceptionGroup as errors:
            self._fail(errors.exceptions[0])

    async def _watch_workload(self) -> None:
        path = workloads_path(self._workload.namespace)
        query = {"fieldSelector": f"metadata.name={self._workload.name}"}
        async with aclosing(follow(self._workload.connection, path, query, Body)) as states:
            async for objects in states:
                found = objects.get(self._workload.name)
                if found is None or found["metadata"]["uid"] != self._uid:
                    raise WorkloadNotFound(
                        "it was removed", workload=self._workload.key, reason="NotFound"
                    )
                self._pod_port = transport_port_of(found["spec"])

    async def _watch_pods(self) -> None:
        path = core_path("pods", self._workload.namespace)
        states = follow(self._workload.connection, path, self._workload.by_label, Pod)
        async with aclosing(states):
            async for objects in states:
                self._see(objects)
                self._is_known.set()

    def _see(self, objects: Objects[Pod]) -> None:
        pods = own_pods(objects.values(), self._workload.name)
        present = {pod.metadata.uid for pod in pods}
        for task, uid in self._connections.items():
            if uid and uid not in present:
                task.cancel()
        ready = [pod for pod in pods if pod.is_ready]
        known = self._pod.metadata.uid if self._pod is not None else ""
        same = [pod for pod in ready if pod.metadata.uid == known]
        self._pod = next(iter(same or ready), None)
        if self._pod is None:
            self._is_ready.clear()
            self._say("no pod is ready: new connections wait for one")
        else:
            self._is_ready.set()
            self._say(f"pod {self._pod.metadata.name} serves")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(Exchange(reader, writer)))
        self._connections[task] = ""
        task.add_done_callback(self._connections.pop)

    async def _serve(self, exchange: Exchange) -> None:
        limit = asyncio.get_running_loop().time() + WAIT_SECONDS
        try:
            while not await self._carry(exchange, limit):
                # It listens no more, or not yet: nothing of what the client sent has arrived.
                self._untie()
        except TimeoutError:
            self._say(f"a connection was closed: no pod accepted it within {WAIT_SECONDS:g} s")
        except (aiohttp.ClientError, OSError) as error:
            self._say(f"a connection broke: {error}")
        except WorkloadError as error:
            self._fail(error)
        finally:
            await exchange.close()

    async def _carry(self, exchange: Exchange, limit: float) -> bool:
        """Carry over one connection to a pod; False if that pod refused it."""
        async with AsyncExitStack() as stack:
            async with asyncio.timeout_at(limit):
                pod, socket = await self._reach(stack)
            words = await exchange.run(socket)
        if words:
            self._say(f"pod {pod.metadata.name}: {words}")
        if "refused" not in words or not exchange.is_repeatable:
            return True
        await asyncio.sleep(_PAUSE_SECONDS)
        return False

    async def _reach(self, stack: AsyncExitStack) -> tuple[Pod, aiohttp.ClientWebSocketResponse]:
        """Return a connection to the pod that serves; tries until one is made."""
        connection, namespace = self._workload.connection, self._workload.namespace
        while True:
            await self._is_ready.wait()
            assert self._pod is not None  # noqa: S101 - one is ready
            pod = self._pod
            name = pod.metadata.name
            opening = open_port(connection, namespace, name, self._pod_port, self._workload.key)
            try:
                socket = await stack.enter_async_context(opening)
            except RightsMissing:
                raise
            except WorkloadError as error:
                self._say(f"pod {name} cannot be reached: {error.message}")
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            self._tie(pod)
            return pod, socket

    def _tie(self, pod: Pod) -> None:
        """Have the connection of this task end with *pod*."""
        if (task := asyncio.current_task()) is not None:
            self._connections[task] = pod.metadata.uid

    def _untie(self) -> None:
        if (task := asyncio.current_task()) is not None:
            self._connections[task] = ""

    def _say(self, line: str) -> None:
        if line != self._told:
            self._told = line
            self._tell(line)

    def _fail(self, error: Exception) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)

    async def _end_connections(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
