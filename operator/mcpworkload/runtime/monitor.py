"""Every unexpected exit and every change of a workload's server, or of many, exactly once."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Self

from mcpworkload.api.names import WORKLOAD_LABEL
from mcpworkload.kube.keys import split_key
from mcpworkload.kube.objects import Pod
from mcpworkload.kube.paths import apps_path, core_path
from mcpworkload.runtime.connection import RuntimeConnection, workloads_path
from mcpworkload.runtime.errors import RuntimeUnavailable, WorkloadNotFound, WorkloadNotRunning
from mcpworkload.runtime.events import WorkloadEvent, WorkloadExited, WorkloadRemoved
from mcpworkload.runtime.explaining import Explainer
from mcpworkload.runtime.ledger import Ledger
from mcpworkload.runtime.watching import Body, Changed, ItemT, Listed, observe

Callback = Callable[[WorkloadEvent], Awaitable[object] | object]
_Query = dict[str, str]
_PAUSE_SECONDS = 1.0


class _Over(Exception):
    """The one workload was removed, and its removal is reported."""


class Monitor:
    """
    Reports what happens to one workload, or to all of a namespace or of the cluster.

    ::

        async with runtime.monitor("tools/weather") as monitor:
            async for event in monitor:
                ...

    It follows two watches and polls nothing; it lists a pod's Events where a probe may have ended
    its container. It reports every exit between start and stop exactly once, whatever happens to
    the watches meanwhile, but no exit that was asked for (by a stop, a scale-down, a rollout, a
    removal, the deletion of a pod), and none from before the start. Values that the cluster no
    longer has are None. It reports each change of what the operator says of the server: whether
    it is verified, and which tools it has; changes that no watch has shown are one. The iteration
    ends with `stop_monitoring`; that of one workload also with the workload, after
    `WorkloadRemoved`.
    """

    def __init__(
        self,
        connection: RuntimeConnection,
        *,
        workload: str = "",
        namespace: str = "",
        callback: Callback | None = None,
    ) -> None:
        self._connection = connection
        self._workload = workload
        self._namespace = split_key(workload)[0] if workload else namespace
        self._callback = callback
        self._ledger = Ledger()
        self._explainer = Explainer(connection)
        self._told: asyncio.Queue[WorkloadEvent | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    async def start_monitoring(self) -> Self:
        """
        Begin; return once every event from now on will be reported. Again, it does nothing.

        Raises:
            WorkloadNotFound: there is no such workload.
            WorkloadNotRunning: no container of the one workload runs.
            WorkloadError: the API server cannot be asked.
        """
        if self._task is not None and not self._task.done():
            return self
        self._ledger, self._failure = Ledger(), None
        self._told = asyncio.Queue()
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(begun))
        try:
            await begun
        except BaseException:
            await self.stop_monitoring()
            raise
        return self

    async def stop_monitoring(self) -> None:
        """
        End; what was seen before can still be read. Again, or without a start, does nothing.

        Raises:
            Exception: what the callback raised, which has ended monitoring.
        """
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self._callback is not None and self._failure is not None:
            raise self._failure

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start_monitoring()

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop."""
        await self.stop_monitoring()

    async def __aiter__(self) -> AsyncIterator[WorkloadEvent]:
        """
        What happens, in the order in which it was seen, until monitoring ends.

        Raises:
            WorkloadError: monitoring cannot go on, because rights were taken away.
        """
        while (event := await self._told.get()) is not None:
            yield event
        # The next iteration ends at once, too.
        self._told.put_nowait(None)
        if self._failure is not None:
            raise self._failure

    async def _run(self, begun: asyncio.Future[None]) -> None:
        try:
            await self._observe(begun)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised in the iteration or in stop_monitoring
            failure = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            if not begun.done():
                begun.set_exception(failure)
            elif not isinstance(failure, _Over):
                self._failure = failure
        finally:
            self._told.put_nowait(None)

    async def _observe(self, begun: asyncio.Future[None]) -> None:
        bodies = observe(
            self._connection, workloads_path(self._namespace), self._of_workload(), Body
        )
        pods = observe(self._connection, core_path("pods", self._namespace), self._of_pods(), Pod)
        async with aclosing(bodies), aclosing(pods):
            self._open(await _first(bodies), await _first(pods))
            begun.set_result(None)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(bodies, self._workloads_listed, self._body_changed))
                group.create_task(self._follow(pods, self._pods_listed, self._pod_changed))

    async def _follow(
        self,
        states: AsyncIterator[Listed[ItemT] | Changed[ItemT]],
        listed: Callable[[Listed[ItemT]], AsyncIterator[WorkloadEvent]],
        changed: Callable[[Changed[ItemT]], Iterable[WorkloadEvent]],
    ) -> None:
        async for state in states:
            if isinstance(state, Changed):
                for event in changed(state):
                    await self._tell(event)
            else:
                async for event in listed(state):
                    await self._tell(event)

    def _open(self, bodies: Listed[Body], pods: Listed[Pod]) -> None:
        self._ledger.open(bodies.objects, pods.objects)
        if not self._workload:
            return
        if not bodies.objects:
            raise WorkloadNotFound("there is no such MCPWorkload", workload=self._workload)
        if not self._ledger.running_containers(self._workload):
            raise WorkloadNotRunning(
                "no container of it runs",
                workload=self._workload,
                advice="start it, or monitor its namespace",
            )

    def _body_changed(self, change: Changed[Body]) -> Iterable[WorkloadEvent]:
        metadata = change.object["metadata"]
        if change.is_deleted:
            return self._ledger.workload_deleted(f"{metadata['namespace']}/{metadata['name']}")
        return self._ledger.workload_changed(change.object)

    def _pod_changed(self, change: Changed[Pod]) -> Iterable[WorkloadEvent]:
        if change.is_deleted:
            return self._ledger.pod_deleted(change.object)
        return self._ledger.pod_changed(change.object)

    async def _workloads_listed(self, listed: Listed[Body]) -> AsyncIterator[WorkloadEvent]:
        present = []
        for body in listed.objects:
            for event in self._ledger.workload_changed(body):
                yield event
            present.append(f"{body['metadata']['namespace']}/{body['metadata']['name']}")
        for key in self._ledger.workloads_missing(present):
            for event in self._ledger.workload_deleted(key):
                yield event

    async def _pods_listed(self, listed: Listed[Pod]) -> AsyncIterator[WorkloadEvent]:
        uids = [pod.metadata.uid for pod in listed.objects]
        missing = self._ledger.pods_missing(uids)
        # Their successors first: whether they were rolled over shows by those.
        for pod in listed.objects:
            for event in self._ledger.pod_changed(pod):
                yield event
        for key, uid in missing:
            revision = await self._look_up(key)
            for event in self._ledger.pod_vanished(key, uid, revision):
                yield event

    async def _look_up(self, key: str) -> str:
        """Read the workload *key*, of which a pod has vanished; return its pods' revision."""
        while True:
            try:
                return await self._read_revision(key)
            except RuntimeUnavailable:
                # No later list reports the pod that has vanished, so it is asked for again.
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _read_revision(self, key: str) -> str:
        namespace, name = split_key(key)
        try:
            body = await self._connection.request("GET", workloads_path(namespace, name))
            self._ledger.workload_read(body)
            path = apps_path("statefulsets", namespace, name)
            status = (await self._connection.request("GET", path)).get("status", {})
        except WorkloadNotFound:
            return ""
        return str(status.get("updateRevision", ""))

    async def _tell(self, event: WorkloadEvent) -> None:
        if isinstance(event, WorkloadExited):
            pod = self._ledger.pod(event.workload, event.pod)
            event = await self._explainer.explain(event, pod)
        if self._callback is None:
            self._told.put_nowait(event)
        elif inspect.isawaitable(answer := self._callback(event)):
            await answer
        if self._workload and isinstance(event, WorkloadRemoved):
            raise _Over

    def _of_workload(self) -> _Query:
        name = split_key(self._workload)[1]
        return {"fieldSelector": f"metadata.name={name}"} if name else {}

    def _of_pods(self) -> _Query:
        name = split_key(self._workload)[1]
        return {"labelSelector": f"{WORKLOAD_LABEL}={name}" if name else WORKLOAD_LABEL}


async def _first(states: AsyncIterator[Listed[ItemT] | Changed[ItemT]]) -> Listed[ItemT]:
    state = await anext(states)
    if isinstance(state, Changed):
        raise TypeError("a change came before the list that it changes")
    return state
