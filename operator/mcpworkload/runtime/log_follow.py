"""
Following what a workload's containers print, through restarts, rotation and replaced pods.

One watch of the workload and one of its pods show when there is something to read. Each pod has a
reader, which holds one line until the consumer takes it: a slow consumer slows the reading.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from mcpworkload.kube.objects import Pod
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.connection import workloads_path
from mcpworkload.runtime.info import is_stopped
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.lines import LogLine
from mcpworkload.runtime.logs import LogOptions, no_pods, pods_of_proxy, require_container
from mcpworkload.runtime.podlog import Lines, Reader
from mcpworkload.runtime.watching import Body, Objects, follow


async def follow_logs(workload: WorkloadHandle, options: LogOptions) -> AsyncGenerator[LogLine]:
    """
    Return the lines as they are printed, until the workload ends and all is read.

    Raises:
        WorkloadNotFound: there is no such workload.
        WorkloadNotRunning: it is stopped, or has no egress proxy.
    """
    found = await workload.read()
    if _rests(found):
        raise no_pods(workload, found)
    if options.egress:
        await pods_of_proxy(workload)
    return _lines_of(Follower(workload, options, found["metadata"]["uid"]))


def _rests(found: Body) -> bool:
    return is_stopped(found) or found["spec"].get("replicas", 1) == 0


async def _lines_of(follower: "Follower") -> AsyncGenerator[LogLine]:
    task = asyncio.create_task(follower.run(), name=f"logs of {follower.workload.key}")
    try:
        while (line := await follower.lines.get()) is not None:
            yield line
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Follower:
    """Keeps one reader for each pod, from the pod's first sight until all is read."""

    def __init__(self, workload: WorkloadHandle, options: LogOptions, uid: str) -> None:
        self.workload = workload
        self.options = options
        self.lines: Lines = asyncio.Queue(maxsize=1)
        self._uid = uid
        self._ends = False
        self._readers: dict[str, Reader] | None = None
        # By the pods' names: a pod's log comes after that of the pod which it replaces.
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Fill `lines`; the last is None, also when this raises."""
        try:
            await self._run()
        except BaseExceptionGroup as group:
            await self.lines.put(None)
            raise _first_of(group) from None
        await self.lines.put(None)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            watches = (
                group.create_task(self._watch_workload()),
                group.create_task(self._watch_pods(group)),
            )
            await self._done.wait()
            for watch in watches:
                watch.cancel()

    async def _watch_workload(self) -> None:
        path = workloads_path(self.workload.namespace)
        query = {"fieldSelector": f"metadata.name={self.workload.name}"}
        async with aclosing(follow(self.workload.connection, path, query, Body)) as states:
            async for objects in states:
                found = objects.get(self.workload.name)
                self._ends = (
                    found is None
                    or found["metadata"]["uid"] != self._uid
                    or "deletionTimestamp" in found["metadata"]
                    or _rests(found)
                )
                self._check()

    async def _watch_pods(self, group: asyncio.TaskGroup) -> None:
        path = core_path("pods", self.workload.namespace)
        query = self.options.query_of(self.workload)
        states = follow(self.workload.connection, path, query, Pod)
        async with aclosing(states):
            async for objects in states:
                self._see(objects, group)
                self._check()

    def _see(self, objects: Objects[Pod], group: asyncio.TaskGroup) -> None:
        pods = self.options.chosen(objects.values(), self.workload.name)
        present = {pod.metadata.uid: pod for pod in pods}
        known = self._readers or {}
        for uid in known.keys() - present.keys():
            known.pop(uid).see(None)
        for uid, pod in present.items():
            if uid in known:
                known[uid].see(pod)
                continue
            require_container(self.workload, pod, self.options.container)
            known[uid] = Reader(self.workload, self.options, pod, self.lines)
            name = pod.metadata.name
            reading = known[uid].run(is_old=self._readers is None, after=self._reading.get(name))
            self._reading[name] = group.create_task(reading, name=f"log of {name}")
            self._reading[name].add_done_callback(lambda _: self._check())
        self._readers = known

    def _check(self) -> None:
        if (
            self._ends
            and self._readers == {}
            and all(map(asyncio.Task.done, self._reading.values()))
        ):
            self._done.set()


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one of the errors that a group was made of."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
