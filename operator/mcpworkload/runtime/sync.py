"""The runtime for callers without an event loop: the same methods, each of them waited for."""

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from mcpworkload.runtime.kubernetes import KubernetesRuntime

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
        """What *work* returns or raises; interrupted, it is cancelled and its cleanup awaited."""
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

    def close(self) -> None:
        """End the thread; closing twice is fine."""
        if self._loop.is_closed():
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
        kubeconfig: str | None = None,
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
        """Close every connection and end the thread."""
        try:
            self._background.run(self._runtime.close())
        finally:
            self._background.close()

    deploy_workload = _blocking(KubernetesRuntime.deploy_workload)
    list_workloads = _blocking(KubernetesRuntime.list_workloads)
    stop_workload = _blocking(KubernetesRuntime.stop_workload)
    start_workload = _blocking(KubernetesRuntime.start_workload)
    remove_workload = _blocking(KubernetesRuntime.remove_workload)
    is_workload_running = _blocking(KubernetesRuntime.is_workload_running)
    get_workload_info = _blocking(KubernetesRuntime.get_workload_info)
    is_running = _blocking(KubernetesRuntime.is_running)
