"""The runtime for callers without an event loop: the same methods, each of them waited for."""

import asyncio
import functools
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from os import PathLike
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack, cast, overload

from mcpworkload.api.names import CONTAINER
from mcpworkload.runtime.answers import closed
from mcpworkload.runtime.attachment import ContainerAttachment
from mcpworkload.runtime.channels import Output
from mcpworkload.runtime.checking import checked
from mcpworkload.runtime.events import WorkloadEvent
from mcpworkload.runtime.instances import Instance
from mcpworkload.runtime.kubernetes import KubernetesRuntime
from mcpworkload.runtime.lines import LogLine
from mcpworkload.runtime.logs import LogArguments
from mcpworkload.runtime.monitor import Monitor

P = ParamSpec("P")
T = TypeVar("T")
# How long an interrupted call may take to leave nothing half done.
_CLEANUP_SECONDS = 15.0


def _blocking(
    method: Callable[Concatenate[KubernetesRuntime, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["SyncRuntime", P], T]:
    """*method*, with the same arguments, result and errors, in the runtime's own thread."""

    @functools.wraps(method)
    def call(self: "SyncRuntime", *args: P.args, **kwargs: P.kwargs) -> T:
        return self._background.run(method(self._runtime, *args, **kwargs))

    # The first argument is the one thing that differs, and wraps cannot say that.
    return cast("Callable[Concatenate[SyncRuntime, P], T]", call)


class _Background:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="mcpworkload-runtime", daemon=True
        )
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Return what *work* returns; interrupted, it is cancelled and its cleanup awaited.

        Raises:
            RuntimeClosed: the thread has ended.
        """
        if self.is_closed:
            work.close()
            raise closed()
        ended = threading.Event()

        async def to_its_end() -> T:
            try:
                return await work
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(to_its_end(), self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                ended.wait(_CLEANUP_SECONDS)
            raise

    @property
    def is_closed(self) -> bool:
        """Whether the thread has ended, and with it all that was open."""
        return self._loop.is_closed()

    def end(self, closing: Coroutine[Any, Any, None]) -> None:
        """Run what closes something, unless the thread has ended and so has that."""
        if self.is_closed:
            closing.close()
        else:
            self.run(closing)

    def close(self) -> None:
        """End the thread; closing twice is fine."""
        if self.is_closed:
            return
        # An interrupt may have hit a call just before anybody waited for it.
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class SyncLines:
    """The lines of a log that is followed, each of them waited for; a context manager."""

    def __init__(self, lines: AsyncGenerator[LogLine], background: _Background) -> None:
        self._lines = lines
        self._background = background

    def __enter__(self) -> Self:
        """The lines themselves."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close them."""
        self.close()

    def __iter__(self) -> Self:
        """The lines themselves."""
        return self

    def __next__(self) -> LogLine:
        """The next line."""
        line = self._background.run(_next(self._lines))
        if line is None:
            raise StopIteration
        return line

    def close(self) -> None:
        """Follow the log no more; closing twice is fine."""
        self._background.end(_aclose(self._lines))


class SyncMonitor:
    """As `Monitor`, each call waited for; iterating waits for what happens next."""

    def __init__(self, monitor: Monitor, background: _Background) -> None:
        self._monitor = monitor
        self._background = background

    def __enter__(self) -> Self:
        """Start."""
        return self.start_monitoring()

    def __exit__(self, *exc_info: object) -> None:
        """Stop."""
        self.stop_monitoring()

    def __iter__(self) -> Iterator[WorkloadEvent]:
        """As iterating over a `Monitor`."""
        events = aiter(self._monitor)
        while (event := self._background.run(_next(events))) is not None:
            yield event

    def start_monitoring(self) -> Self:
        """As `Monitor.start_monitoring`."""
        self._background.run(self._monitor.start_monitoring())
        return self

    def stop_monitoring(self) -> None:
        """As `Monitor.stop_monitoring`; from another thread, it ends an iteration."""
        self._background.end(self._monitor.stop_monitoring())


async def _aclose(lines: AsyncGenerator[LogLine]) -> None:
    await lines.aclose()


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


class SyncOutput:
    """As `Output`, each call waited for."""

    def __init__(self, output: Output, background: _Background) -> None:
        self._output = output
        self._background = background

    def read(self, limit: int = -1) -> bytes:
        """As `Output.read`."""
        return self._background.run(self._output.read(limit))

    def readline(self) -> bytes:
        """As `Output.readline`."""
        return self._background.run(self._output.readline())

    def __iter__(self) -> Iterator[bytes]:
        """Line by line, until the end."""
        return iter(self.readline, b"")


class SyncAttachment:
    """As `ContainerAttachment`, which `attached` is, each call waited for; a context manager."""

    def __init__(self, attached: ContainerAttachment, background: _Background) -> None:
        #: Knows which instance it is.
        self.attached = attached
        self.stdout = SyncOutput(attached.stdout, background)
        self.stderr = SyncOutput(attached.stderr, background)
        self._background = background

    def __enter__(self) -> Self:
        """The attachment itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Give the connection up."""
        self.close()

    def write(self, data: bytes) -> None:
        """As `ContainerAttachment.write`."""
        self._background.run(self.attached.write(data))

    def close_stdin(self) -> None:
        """As `ContainerAttachment.close_stdin`."""
        self._background.run(self.attached.close_stdin())

    def wait(self) -> Instance:
        """As `ContainerAttachment.wait`."""
        return self._background.run(self.attached.wait())

    def close(self) -> None:
        """As `ContainerAttachment.close`."""
        self._background.end(self.attached.close())


class SyncRuntime:
    """
    `KubernetesRuntime` for synchronous callers; a context manager.

    May be used by several threads at once; not from inside an event loop, which it would block.
    """

    def __init__(self, runtime: KubernetesRuntime, background: _Background) -> None:
        self._runtime = runtime
        self._background = background

    @classmethod
    def from_environment(
        cls,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | PathLike[str] | None = None,
    ) -> Self:
        """As `KubernetesRuntime.from_environment`."""
        background = _Background()
        try:
            opening = KubernetesRuntime.from_environment(namespace, context, kubeconfig)
            return cls(background.run(opening), background)
        except BaseException:
            background.close()
            raise

    def __enter__(self) -> Self:
        """The runtime itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close every connection and end the thread; closing twice is fine."""
        try:
            self._background.end(self._runtime.close())
        finally:
            self._background.close()

    @overload
    def get_workload_logs(
        self, workload_id: str, follow: Literal[False] = False, **which: Unpack[LogArguments]
    ) -> str: ...
    @overload
    def get_workload_logs(
        self, workload_id: str, follow: Literal[True], **which: Unpack[LogArguments]
    ) -> SyncLines: ...
    @checked
    def get_workload_logs(
        self, workload_id: str, follow: bool = False, **which: Unpack[LogArguments]
    ) -> str | SyncLines:
        """As `KubernetesRuntime.get_workload_logs`."""
        if not follow:
            return self._background.run(self._runtime.get_workload_logs(workload_id, **which))
        lines = self._runtime.get_workload_logs(workload_id, True, **which)
        return SyncLines(self._background.run(lines), self._background)

    def attach_to_workload(
        self, workload_id: str, *, container: str = CONTAINER, pod: str | int | None = None
    ) -> SyncAttachment:
        """As `KubernetesRuntime.attach_to_workload`."""
        attaching = self._runtime.attach_to_workload(workload_id, container=container, pod=pod)
        return SyncAttachment(self._background.run(attaching), self._background)

    def monitor(
        self, workload_id: str = "", *, namespace: str | None = None, all_namespaces: bool = False
    ) -> SyncMonitor:
        """As `KubernetesRuntime.monitor`; there is no callback form."""
        found = self._runtime.monitor(
            workload_id, namespace=namespace, all_namespaces=all_namespaces
        )
        return SyncMonitor(found, self._background)

    deploy_workload = _blocking(KubernetesRuntime.deploy_workload)
    list_workloads = _blocking(KubernetesRuntime.list_workloads)
    stop_workload = _blocking(KubernetesRuntime.stop_workload)
    start_workload = _blocking(KubernetesRuntime.start_workload)
    restart_workload = _blocking(KubernetesRuntime.restart_workload)
    wait_for_workload = _blocking(KubernetesRuntime.wait_for_workload)
    remove_workload = _blocking(KubernetesRuntime.remove_workload)
    is_workload_running = _blocking(KubernetesRuntime.is_workload_running)
    get_workload_info = _blocking(KubernetesRuntime.get_workload_info)
    is_running = _blocking(KubernetesRuntime.is_running)
