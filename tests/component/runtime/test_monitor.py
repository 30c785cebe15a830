"""Start, stop, and what is told in between, at an API server that says what the test wants."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from mcpworkload.runtime import (
    Monitor,
    RightsMissing,
    RuntimeUnavailable,
    ToolsChanged,
    WorkloadEvent,
    WorkloadExited,
    WorkloadNotFound,
    WorkloadNotRunning,
    WorkloadRemoved,
    WorkloadUnverified,
    WorkloadVerified,
    explaining,
)
from mcpworkload.runtime.connection import RuntimeConnection
from tests.unit.runtime.test_ledger import KEY, make_body, make_raw_pod

RUNNING, ENDED = make_raw_pod(), make_raw_pod(state="terminated")


class Script:
    """A connection on which lists and watches are answered as written down."""

    namespace = "team"

    def __init__(self, bodies: list[Any], pods: list[Any]) -> None:
        self.lists: dict[str, Any] = {"mcpworkloads": bodies, "pods": pods}
        self.changes: asyncio.Queue[dict[str, Any] | Exception] = asyncio.Queue()
        self.removals: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.requests: list[str] = []
        #: How many of the next looks at one object are not answered.
        self.outages = 0

    async def request(self, method: str, path: str, **_: Any) -> Any:
        """A list."""
        self.requests.append(f"{method} {path}")
        if path.endswith("/weather"):
            if self.outages:
                self.outages -= 1
                raise RuntimeUnavailable("no answer")
            return make_body() | {"status": {"updateRevision": "a"}}
        items = self.lists[path.rpartition("/")[2]]
        if isinstance(items, Exception):
            raise items
        return {"metadata": {"resourceVersion": "1"}, "items": items}

    @asynccontextmanager
    async def watch(self, path: str, _: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of one watch."""
        async with aclosing(self._lines(path)) as lines:
            yield lines

    async def _lines(self, path: str) -> AsyncGenerator[bytes]:
        """What the test puts into `changes`, for pods; into `removals`, for workloads."""
        while path.endswith("pods"):
            change = await self.changes.get()
            if isinstance(change, Exception):
                raise change
            yield json.dumps(change).encode()
        while True:
            yield json.dumps(await self.removals.get()).encode()

    def show_body(self, body: dict[str, Any]) -> None:
        """The watch of workloads delivers that."""
        self.removals.put_nowait({"type": "MODIFIED", "object": body})

    def remove(self, body: dict[str, Any]) -> None:
        """The watch of workloads delivers that it is gone."""
        metadata = {**body["metadata"], "resourceVersion": "2"}
        self.removals.put_nowait({"type": "DELETED", "object": {**body, "metadata": metadata}})

    def show(self, pod: dict[str, Any]) -> None:
        """The watch of pods delivers that."""
        metadata = {**pod["metadata"], "resourceVersion": "2"}
        self.changes.put_nowait({"type": "MODIFIED", "object": {**pod, "metadata": metadata}})


def make_monitor(script: Script, **which: Any) -> Monitor:
    """A Monitor on that connection."""
    connection: Any = script
    assert isinstance(connection.namespace, str)
    typed: RuntimeConnection = connection
    return Monitor(typed, **(which or {"workload": KEY}))


@asynccontextmanager
async def no_task_left() -> AsyncIterator[None]:
    """Nothing goes on behind the test's back."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() == before


async def test_an_exit_is_reported_and_the_iteration_ends_with_the_monitor() -> None:
    """By two lists and two watches, and nothing else."""
    script = Script([make_body()], [RUNNING])
    async with no_task_left():
        monitor = make_monitor(script)
        async with monitor:
            script.show(ENDED)
            first = await anext(aiter(monitor))
        rest = [each async for each in monitor]

    assert isinstance(first, WorkloadExited)
    assert rest == []
    assert len(script.requests) == 2


PROBED = {"containers": [{"name": "mcp", "livenessProbe": {"periodSeconds": 1}}]}
SAID = "Liveness probe failed: HTTP 500"
KILLING = [
    {
        "metadata": {"name": reason, "namespace": "team"},
        "involvedObject": {"uid": "one", "fieldPath": "spec.containers{mcp}"},
        "reason": reason,
        "message": message,
        "lastTimestamp": "2026-01-01T12:00:00Z",
    }
    for reason, message in {
        "Unhealthy": SAID,
        "Killing": "Container mcp failed liveness probe, will be restarted",
    }.items()
]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param(KILLING, ("ProbeFailed", SAID), id="killed"),
        pytest.param(KILLING[:1], ("Error", "boom"), id="not killed"),
        pytest.param(RightsMissing("no", workload=KEY), ("Error", "boom"), id="no right"),
        pytest.param(RuntimeUnavailable("no", workload=KEY), ("Error", "boom"), id="no answer"),
    ],
)
async def test_a_probe_that_ended_it_is_named(
    events: Any, told: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the pod's Events may be read; that it ended is told in any case."""
    monkeypatch.setattr(explaining, "_PAUSE_SECONDS", 0.0)
    script = Script([make_body()], [RUNNING | {"spec": PROBED}])
    script.lists["events"] = events
    async with make_monitor(script) as monitor:
        script.show(ENDED | {"spec": PROBED})
        exited = await anext(aiter(monitor))

    assert isinstance(exited, WorkloadExited)
    assert (exited.reason, exited.message, exited.exit_code) == (*told, 3)


async def test_starting_and_stopping_twice_does_nothing_more() -> None:
    """As in the original."""
    script = Script([make_body()], [RUNNING])
    async with no_task_left():
        monitor = make_monitor(script)
        await monitor.stop_monitoring()
        await monitor.start_monitoring()
        await monitor.start_monitoring()
        await monitor.stop_monitoring()
        await monitor.stop_monitoring()

    assert len(script.requests) == 2


async def test_it_can_be_started_again() -> None:
    """What happened meanwhile is not told."""
    script = Script([make_body()], [RUNNING])
    monitor = make_monitor(script)
    async with monitor:
        pass
    script.lists["pods"] = [make_raw_pod(restarts=1)]
    async with monitor:
        script.show(make_raw_pod(restarts=1, state="terminated"))
        told = await anext(aiter(monitor))

    assert isinstance(told, WorkloadExited)
    assert told.container_id == "c2"


@pytest.mark.parametrize(
    ("bodies", "pods", "error"),
    [
        pytest.param([], [], WorkloadNotFound, id="no such workload"),
        pytest.param([make_body()], [], WorkloadNotRunning, id="stopped"),
        pytest.param([make_body()], [ENDED], WorkloadNotRunning, id="between two lives"),
    ],
)
async def test_what_does_not_run_cannot_be_monitored(
    bodies: list[Any], pods: list[Any], error: type[Exception]
) -> None:
    """As in the original; a namespace can."""
    async with no_task_left():
        with pytest.raises(error):
            await make_monitor(Script(bodies, pods)).start_monitoring()
        async with make_monitor(Script(bodies, pods), namespace="team"):
            pass


async def test_the_callback_form() -> None:
    """Each event goes there, awaited where it is to be."""
    script, told = Script([make_body()], [RUNNING]), asyncio.Queue[WorkloadEvent]()
    async with no_task_left(), make_monitor(script, workload=KEY, callback=told.put):
        script.show(ENDED)
        assert isinstance(await told.get(), WorkloadExited)


async def test_a_callback_that_fails_ends_it_and_is_not_swallowed() -> None:
    """Who stops it learns why."""
    script, called = Script([make_body()], [RUNNING]), asyncio.Event()

    def fail(_: WorkloadEvent) -> None:
        called.set()
        raise LookupError("a bug of the caller's")

    monitor = make_monitor(script, workload=KEY, callback=fail)
    await monitor.start_monitoring()
    script.show(ENDED)
    await called.wait()
    with pytest.raises(LookupError):
        await monitor.stop_monitoring()


async def test_lost_rights_end_the_iteration_with_an_error() -> None:
    """Silence would look like health."""
    script = Script([make_body()], [RUNNING])
    async with make_monitor(script) as monitor:
        script.changes.put_nowait(RightsMissing("pods is forbidden"))
        with pytest.raises(RightsMissing):
            await anext(aiter(monitor))


async def test_a_pod_that_vanished_is_reported_though_the_api_server_is_away_again() -> None:
    """It has said that the pod is no more, and not yet whether that was asked for."""
    script = Script([make_body()], [RUNNING])
    async with make_monitor(script) as monitor:
        script.lists["pods"], script.outages = [], 1
        script.changes.put_nowait({"type": "ERROR", "object": {"code": 410}})
        told = await anext(aiter(monitor))

    assert isinstance(told, WorkloadExited)
    assert told.reason == "Unknown"


@pytest.mark.parametrize("is_told", [False, True], ids=["iterated over", "by callback"])
async def test_the_monitor_of_one_workload_ends_with_it(is_told: bool) -> None:
    """Nothing is left that could be told; a restart of it finds that there is none."""
    script, told = Script([make_body()], [RUNNING]), asyncio.Queue[WorkloadEvent]()
    callback = told.put if is_told else None
    async with no_task_left():
        monitor = make_monitor(script, workload=KEY, callback=callback)
        await monitor.start_monitoring()
        script.remove(make_body())
        rest = [each async for each in monitor]
        found = [told.get_nowait()] if is_told else rest
        await monitor.stop_monitoring()

    assert found == [WorkloadRemoved(KEY)]
    assert rest == ([] if is_told else found)


async def test_the_monitor_of_a_namespace_outlives_a_workload() -> None:
    """Others may come."""
    script = Script([make_body()], [RUNNING])
    async with make_monitor(script, namespace="team") as monitor:
        script.remove(make_body())
        script.show(ENDED)
        told = [await anext(aiter(monitor)), await anext(aiter(monitor))]

    assert {type(each) for each in told} == {WorkloadRemoved, WorkloadExited}


def make_verified(version: int, status: str, digest: str) -> dict[str, Any]:
    """The workload with that condition Verified, and tools of that digest."""
    body = make_body()
    body["metadata"]["resourceVersion"] = str(version)
    body["status"] = {
        "conditions": [{"type": "Verified", "status": status, "reason": "x", "message": "words"}],
        "server": {"era": "modern", "tools": {"count": 1, "digest": digest}},
    }
    return body


async def test_what_a_server_is_is_followed_over_a_lost_watch() -> None:
    """What changed and was seen is told once; what changed unseen, as one change."""
    first, second = make_verified(1, "True", "a"), make_verified(2, "False", "a")
    script = Script([first], [RUNNING])
    async with make_monitor(script) as monitor:
        script.show_body(second)
        script.lists["mcpworkloads"] = [make_verified(9, "False", "d")]
        script.removals.put_nowait({"type": "ERROR", "object": {"code": 410}})
        script.show_body(make_verified(10, "True", "d"))
        events = aiter(monitor)
        told = [await anext(events) for _ in range(3)]
        await monitor.stop_monitoring()
        rest = [each async for each in monitor]

    assert told == [
        WorkloadUnverified(KEY, "x", "words"),
        ToolsChanged(KEY, "a", "d", 1, 1),
        WorkloadVerified(KEY),
    ]
    assert rest == []
