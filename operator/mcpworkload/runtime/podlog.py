"""
Reading the log of one container of one pod to its very end, whatever instances it has.

Which instance the kubelet shows is the kubelet's to decide, and the API server learns of it
later. So nothing here relies on that: before the first new line of an answer comes what is left
of the log before (`previous`), and a `Position` drops what was had already.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import aiohttp

from mcpworkload.kube.lines import split_lines
from mcpworkload.kube.objects import Pod
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.connection import Query
from mcpworkload.runtime.errors import RuntimeUnavailable, WorkloadInvalid, WorkloadNotFound
from mcpworkload.runtime.instances import Instance, newest_instance
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.lines import LogLine, Position, Stamped, split_stamp
from mcpworkload.runtime.logs import LogOptions

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
# A server may have nothing to say for hours; a network may be gone without a word.
_SILENT_SECONDS = 300.0
# The API server was away, or the container was: nothing that a later try would not get.
_MISSED = (
    RuntimeUnavailable,
    WorkloadInvalid,
    WorkloadNotFound,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
)

# None is the end.
Lines = asyncio.Queue[LogLine | None]


class Reader:
    """Reads the log of one container of one pod, whatever instances it has."""

    def __init__(
        self, workload: WorkloadHandle, options: LogOptions, pod: Pod, lines: Lines
    ) -> None:
        self._connection = workload.connection
        self._key = workload.key
        self._options = options
        self._workload = workload
        self._name = pod.metadata.name
        self._uid = pod.metadata.uid
        self._path = core_path("pods", workload.namespace, self._name)
        self._pod: Pod | None = pod
        self._news = asyncio.Event()
        self._lines = lines
        self._position = Position()
        # The end of a log without a line feed: the rest of the line may still come.
        self._unfinished: Stamped | None = None

    def see(self, pod: Pod | None) -> None:
        """Take notice of what became of the pod; None means that it is gone."""
        self._pod = pod
        self._news.set()

    async def run(self, *, is_old: bool, after: asyncio.Task[None] | None) -> None:
        """
        Put every line into the queue; of what an *old* pod has printed, what the options say.

        The pod that had the name before comes first: its log is read *after* which task.
        """
        if after is not None:
            await asyncio.wait([after])
        if is_old and (first := self._instance()) is not None:
            await self._begin(first)
        complete, pause = "", _FIRST_PAUSE
        while self._pod is not None:
            self._news.clear()
            instance = self._instance()
            if instance is None or instance.container_id == complete:
                await self._news.wait()
                continue
            before = self._position.count
            is_whole = await self._read(is_static=instance.is_over)
            if is_whole and instance.is_over:
                complete, pause = instance.container_id, _FIRST_PAUSE
                continue
            # It has ended and the API server does not know yet, or the connection broke.
            pause = _FIRST_PAUSE if self._position.count > before else pause
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()
            pause = min(pause * 2, _LONGEST_PAUSE)
        if self._unfinished is not None:
            await self._deliver(self._unfinished)

    def _instance(self) -> Instance | None:
        return None if self._pod is None else newest_instance(self._pod, self._options.container)

    async def _begin(self, instance: Instance) -> None:
        """Read what the caller wants of the lines that are there, and go on from there."""
        tail, since = self._options.tail, self._options.since
        earliest = [time for time in (instance.started, since) if time is not None]
        self._position = Position(max(earliest, default=None))
        if tail is None:
            return
        # Of no lines at all we still have to know where they end.
        wanted = replace(self._options, timestamps=True, tail=tail or 1)
        with contextlib.suppress(*_MISSED):
            async with self._open(wanted.query) as content:
                await self._require_same_pod()
                async for line, is_ended in _stamped(content):
                    if not self._position.count:
                        self._position.begin_at(line)
                    if not tail:
                        self._position.advance(line)
                    elif is_ended:
                        await self._deliver(line)

    async def _read(self, *, is_static: bool) -> bool:
        """
        Read on until the container ends; whether all was read that the kubelet had.

        A log that *is_static* may end without a line feed.
        """
        query = {**LogOptions(self._options.container, timestamps=True).query}
        query |= self._position.query
        replay, is_first = self._position.replay(), True
        try:
            async with self._open({**query, "follow": "true"}) as content:
                self._unfinished = None
                async for line, is_ended in _stamped(content):
                    if not replay.is_new(line):
                        continue
                    if is_first and await self._read_previous(query):
                        replay = self._position.replay()
                        if not replay.is_new(line):
                            continue
                    is_first = False
                    if is_ended or is_static:
                        await self._deliver(line)
                    else:
                        self._unfinished = line
        except _MISSED:
            return False
        return True

    async def _read_previous(self, query: Query) -> bool:
        """
        Read what is left of the log of the instance before; whether there was anything.

        Raises:
            WorkloadNotFound: the pod was replaced; it may be the other's log that is being read.
        """
        replay, before = self._position.replay(), self._position.count
        try:
            async with self._open({**query, "previous": "true"}) as content:
                await self._require_same_pod()
                async for line, _ in _stamped(content):
                    if replay.is_new(line):
                        await self._deliver(line)
        except WorkloadInvalid:
            await self._require_same_pod()  # it has no previous one
        return self._position.count > before

    def _open(self, query: Query) -> AbstractAsyncContextManager[aiohttp.StreamReader]:
        path = f"{self._path}/log"
        return self._connection.stream(path, query, self._key, silence=_SILENT_SECONDS)

    async def _require_same_pod(self) -> None:
        """Make sure that what was opened until now belongs to the pod that we know."""
        pod = await self._workload.pod(self._name)
        if pod.metadata.uid != self._uid:
            raise WorkloadNotFound(f"pod {self._name} was replaced", workload=self._key)

    async def _deliver(self, line: Stamped) -> None:
        text = f"{line.stamp} {line.text}" if self._options.timestamps else line.text
        await self._lines.put(LogLine(text, line.time, self._name, self._options.container))
        self._position.advance(line)


async def _stamped(content: aiohttp.StreamReader) -> AsyncIterator[tuple[Stamped, bool]]:
    """Yield each line, and whether it has ended; the last may not have."""
    async for line, is_ended in split_lines(content.iter_any()):
        if stamped := split_stamp(line):
            yield stamped, is_ended
