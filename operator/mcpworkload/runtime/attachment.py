"""
The standard streams of one instance of a container.

The API server attaches to whichever instance the kubelet has, and does not report which. So the pod
is read before and after, and watched for as long as the connection lasts: if the instance has ended
and the connection does not end with it, the connection belongs to another instance.
"""

import asyncio
import contextlib
from contextlib import AsyncExitStack, aclosing
from typing import Self

import aiohttp

from mcpworkload.kube.objects import Pod
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.channels import (
    CLOSE,
    PROTOCOLS,
    STATUS,
    STDERR,
    STDIN,
    STDOUT,
    Output,
    status_of,
)
from mcpworkload.runtime.checking import checked
from mcpworkload.runtime.errors import (
    RuntimeUnavailable,
    WorkloadError,
    WorkloadInvalid,
    WorkloadNotFound,
    WorkloadNotRunning,
)
from mcpworkload.runtime.instances import (
    Instance,
    containers_of,
    instance_by_id,
    newest_instance,
)
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.watching import follow

# As large as the API server's own clients make them.
_FRAME = 32 * 1024
# From the end of an instance, as the API server reports it, to that of a connection to it.
_END_SECONDS = 5.0
# How long the API server may take to learn that an instance has ended.
_NEWS_SECONDS = 30.0
_ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)


class ContainerAttachment:
    """
    A connection to the standard streams of one container instance; a context manager.

    Both outputs share the connection: read both, or the one that is not read holds up the other.
    What was printed before is not repeated here, but in the log.
    """

    def __init__(self, workload: WorkloadHandle, pod: Pod, container: str) -> None:
        instance = newest_instance(pod, container)
        assert instance is not None, "only a running instance is attached to"  # noqa: S101
        #: The name and the UID of the pod, and which instance of the container it is.
        self.pod: str = pod.metadata.name
        self.pod_uid: str = pod.metadata.uid
        self.container = container
        self.container_id = instance.container_id
        self.stdout = Output()
        self.stderr = Output()
        self._workload = workload
        self._has_stdin = containers_of(pod)[container].stdin
        self._resources = AsyncExitStack()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._received, self._is_handing_out = 0, False
        self._ended = asyncio.Event()
        self._known_end: Instance | None = None
        self._is_gone = asyncio.Event()

    async def __aenter__(self) -> Self:
        """The attachment itself."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Give the connection up."""
        await self.close()

    async def open(self) -> bool:
        """Connect; return False, with nothing left open, if that reached another instance."""
        path = core_path("pods", self._workload.namespace, self.pod, "attach")
        query = [("container", self.container), ("stdout", "true"), ("stderr", "true")]
        query += [("stdin", "true")] if self._has_stdin else []
        try:
            self._socket = await self._resources.enter_async_context(
                self._workload.connection.websocket(path, query, PROTOCOLS, self._workload.key)
            )
            is_right = await self._is_still_running()
        except WorkloadNotFound:
            is_right = False
        except RuntimeUnavailable:
            # So the API server answers where the container has just ended.
            if await self._is_still_running():
                await self.close()
                raise
            is_right = False
        except BaseException:
            await self.close()
            raise
        if not is_right:
            await self.close()
            return False
        tasks = (self._receive(), self._watch())
        self._tasks = tuple(
            asyncio.create_task(task, name=f"attached {self.pod}") for task in tasks
        )
        return True

    @checked
    async def write(self, data: bytes) -> None:
        """
        Send to standard input; waits while the container does not take it.

        Raises:
            WorkloadNotRunning: the instance has ended.
            WorkloadInvalid: the container has no standard input.
        """
        self._require_stdin()
        for start in range(0, len(data), _FRAME):
            await self._send(bytes((STDIN,)) + data[start : start + _FRAME])

    async def close_stdin(self) -> None:
        """
        Send no more; both outputs stay open.

        The server sees the end of its input only if its container has `stdinOnce`, since
        otherwise the next to attach may go on writing.

        Raises:
            RuntimeUnavailable: the API server is older than version 5 of the protocol.
        """
        self._require_stdin()
        if self._socket is None or self._socket.protocol != PROTOCOLS[0]:
            raise RuntimeUnavailable(
                "this API server cannot close one stream alone",
                workload=self._workload.key,
                reason="Unsupported",
                advice="close the attachment instead",
            )
        await self._send(CLOSE + bytes((STDIN,)))

    async def wait(self) -> Instance:
        """
        Return how the instance ended, once it has, with the kubelet's exit code and reason.

        Both outputs have to be read for it to end.

        Raises:
            RuntimeUnavailable: the connection was lost; the instance lives on.
            WorkloadNotRunning: it has ended, and the kubelet no longer has the exit code.
        """
        await self._ended.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NEWS_SECONDS):
                await self._is_gone.wait()
        if self._known_end is not None:
            return self._known_end
        raise self._over() if self._is_gone.is_set() else self._lost("")

    async def close(self) -> None:
        """Give the connection up; the container lives on. Closing twice is fine."""
        tasks, self._tasks = self._tasks, ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._end(None)
        await self._resources.aclose()

    async def _is_still_running(self) -> bool:
        """Return whether the instance to attach to is the one that runs now."""
        try:
            pod = await self._workload.pod(self.pod)
        except WorkloadNotFound:
            return False
        return self._is_current(pod)

    def _is_current(self, pod: Pod) -> bool:
        if pod.metadata.uid != self.pod_uid:
            return False
        newest = newest_instance(pod, self.container)
        return newest is not None and (newest.container_id, newest.is_over) == (
            self.container_id,
            False,
        )

    def _require_stdin(self) -> None:
        if not self._has_stdin:
            raise WorkloadInvalid(
                f"container {self.container} has no standard input",
                workload=self._workload.key,
                reason="NoStdin",
                advice="deploy it with attach_stdio=True, or set spec.stdin",
                fields=("spec.stdin",),
            )

    async def _send(self, message: bytes) -> None:
        if self._ended.is_set() or self._socket is None:
            raise self._over()
        try:
            await self._socket.send_bytes(message)
        except (aiohttp.ClientError, OSError) as error:
            raise self._over() from error

    async def _receive(self) -> None:
        """Hand out what comes, until it ends."""
        assert self._socket is not None  # noqa: S101 - open() has set it
        outputs = {STDOUT: self.stdout, STDERR: self.stderr}
        status: str | None = None
        while True:
            message = await self._socket.receive()
            if message.type in _ENDS or message.type == aiohttp.WSMsgType.ERROR:
                break
            self._received += 1
            channel, data = message.data[0], message.data[1:]
            if channel == STATUS and data:
                status = status_of(data)
            elif data and channel in outputs:
                self._is_handing_out = True
                await outputs[channel].put(data)
                self._is_handing_out = False
        # Without a status it was cut off on the way, unless the container is known to be over.
        if status == "" or self._is_gone.is_set():
            self._end(None)
        else:
            self._end(self._lost(status or ""))

    async def _watch(self) -> None:
        """Learn of the instance's end; a connection that outlives it is not to it, and goes."""
        path = core_path("pods", self._workload.namespace)
        query = {"fieldSelector": f"metadata.name={self.pod}"}
        with contextlib.suppress(WorkloadError):
            async with aclosing(follow(self._workload.connection, path, query, Pod)) as states:
                async for objects in states:
                    pod = objects.get(self.pod)
                    if pod is None or not self._is_current(pod):
                        self._note_end(pod)
                        break
        if self._is_gone.is_set():
            await self._end_soon()

    async def _end_soon(self) -> None:
        """Let what is under way arrive, however slowly it is read; then end it ourselves."""
        assert self._socket is not None  # noqa: S101 - open() has set it
        while not self._ended.is_set():
            before = self._received
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await self._ended.wait()
            if before == self._received and not self._is_handing_out:
                self._end(self._over())
                await self._socket.close()

    def _note_end(self, pod: Pod | None) -> None:
        if pod is not None and pod.metadata.uid == self.pod_uid:
            self._known_end = instance_by_id(pod, self.container, self.container_id)
        self._is_gone.set()

    def _end(self, error: WorkloadError | None) -> None:
        self.stdout.end(error)
        self.stderr.end(error)
        self._ended.set()

    def _over(self) -> WorkloadNotRunning:
        end = self._known_end
        how = "" if end is None else f" with code {end.exit_code} ({end.reason})"
        return WorkloadNotRunning(
            f"container {self.container} of pod {self.pod} has ended{how}",
            workload=self._workload.key,
            reason=(end.reason if end else "") or "Ended",
            advice="attach again once it runs",
        )

    def _lost(self, why: str) -> RuntimeUnavailable:
        return RuntimeUnavailable(
            f"the connection to pod {self.pod} was lost" + (f": {why}" if why else ""),
            workload=self._workload.key,
            reason="Detached",
            advice="attach again; what was printed meanwhile is in the log",
        )
