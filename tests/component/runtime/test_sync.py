"""The facade for synchronous callers adds waiting, and nothing else."""

import asyncio
import inspect
import os
import signal
import threading

import pytest

from mcpworkload.runtime import KubernetesRuntime, SyncRuntime, WorkloadExited
from mcpworkload.runtime.sync import SyncMonitor, _Background
from tests.component.runtime.test_monitor import Script, make_monitor
from tests.unit.runtime.test_ledger import make_body, make_raw_pod


def test_every_method_is_there() -> None:
    """With the signature of the method that it stands for."""
    methods = {
        name: method
        for name, method in inspect.getmembers(KubernetesRuntime, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }

    assert len(methods) > 8
    for name, method in methods.items():
        facade = getattr(SyncRuntime, name)
        assert not inspect.iscoroutinefunction(facade)
        assert list(inspect.signature(facade).parameters) == list(
            inspect.signature(method).parameters
        ), name


def test_an_interrupted_call_is_cancelled_and_cleans_up_first() -> None:
    """Ctrl-C leaves no more half done than cancelling does."""
    background, steps = _Background(), []

    async def work() -> None:
        # The main thread waits by then.
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            steps.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        background.run(work())

    assert steps == ["cleaned up"]
    background.close()


def test_neither_a_thread_nor_a_call_is_left() -> None:
    """Closing twice is fine."""
    before = threading.active_count()
    background = _Background()
    assert background.run(asyncio.sleep(0, "result")) == "result"
    forgotten = asyncio.run_coroutine_threadsafe(asyncio.Event().wait(), background._loop)

    background.close()
    background.close()

    assert threading.active_count() == before
    assert forgotten.cancelled()


def test_a_monitor_without_a_loop() -> None:
    """Iterating waits for what happens, and ends with the monitoring."""
    script, background = Script([make_body()], [make_raw_pod()]), _Background()
    script.show(make_raw_pod(state="terminated"))
    try:
        with SyncMonitor(make_monitor(script), background) as monitor:
            events = iter(monitor)
            assert isinstance(next(events), WorkloadExited)
        assert list(events) == []
    finally:
        background.close()
