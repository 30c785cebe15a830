"""
A leader that is stopped anywhere on the way of a write, and wakes when another one leads.

Each kind of write is stopped before the check of the Lease, after it (which is where a request is
that is already on the wire), and with its answer, before the next write.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hack.local.settings import REPOSITORY
from tests.support.api import Api, RequestFailed
from tests.support.audit import OPERATOR, WRITES, AuditLog
from tests.support.control_plane import ControlPlane
from tests.support.kinds import Manifest
from tests.support.leader_points import NAME, POINTS, Point
from tests.support.manifests import make_object
from tests.support.measurements import Measurements
from tests.support.process import OperatorProcess

pytestmark = pytest.mark.timeout(600)

OLD, NEW = "old-leader", "new-leader"
WAIT_SECONDS = 120.0
# The Lease lasts 15 s; the rest is for a machine with much else to do.
TAKE_OVER_SECONDS = 40.0
# In this time the old leader would send what it is still going to send.
QUIET_SECONDS = 3.0
CHILDREN = ("Service", "StatefulSet", "NetworkPolicy")


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    """A control plane whose one node runs no pods: the workloads have none."""
    with ControlPlane(nodes=1) as plane:
        yield plane


@pytest.fixture
async def api(plane: ControlPlane) -> AsyncIterator[Api]:
    """The API server, for the administrator."""
    async with Api.open(str(plane.kubeconfig)) as api:
        await until(lambda: serves_workloads(api))
        yield api


@pytest.fixture
def old(plane: ControlPlane, tmp_path: Path, sleeper: str) -> Iterator[OperatorProcess]:
    """The leader that is to be stopped at all points."""
    old = plane.operator(
        OLD,
        {
            "PYTHONPATH": str(REPOSITORY),
            "HOLDS": json.dumps([point.hold for point in POINTS]),
            "HOLDS_FOLDER": str(tmp_path),
            "HOLDS_SLEEP": sleeper,
            # All points are held at the same time.
            "MCPWORKLOAD_WORKERS": "80",
        },
    )
    old.module = "tests.support.held_operator"
    old.start()
    old.wait_for(f"leading as {OLD}", WAIT_SECONDS)
    yield old
    if old.is_running:
        old.send(signal.SIGCONT)
        old.kill()


@pytest.fixture
def new(plane: ControlPlane, old: OperatorProcess, tmp_path: Path) -> Iterator[OperatorProcess]:
    """The one that waits."""
    new = plane.operator(NEW, {"PYTHONPATH": str(REPOSITORY), "HOLDS_FOLDER": str(tmp_path / "no")})
    new.module = "tests.support.held_operator"
    new.start()
    new.wait_for(f"waiting: {old.identity} is the leader", WAIT_SECONDS)
    yield new
    # Not killed: the Lease would stay taken until it expires.
    new.stop()


@pytest.mark.parametrize(
    "sleeper", [pytest.param("", id="as it is"), pytest.param("yes", id="only the fence wakes")]
)
async def test_a_leader_that_wakes_too_late_writes_nothing(
    plane: ControlPlane,
    api: Api,
    old: OperatorProcess,
    new: OperatorProcess,
    tmp_path: Path,
    measurements: Measurements,
) -> None:
    """What the check stops is not sent, what was on the wire is refused, and the process ends."""
    await stop_at_all_points(api, old, tmp_path)
    await take_over(api, new)
    before, log, words = await children(api), plane.audit.from_now(), len(old.words())

    (tmp_path / "go").touch()
    old.send(signal.SIGCONT)
    woken = time.monotonic()
    assert await asyncio.to_thread(old.wait_for_end) == 1
    took = time.monotonic() - woken
    await asyncio.sleep(QUIET_SECONDS)

    sent = sorted(writes_of(OLD, log))
    stored = [each for each in sent if each[2] < 300]
    # News that the old leader alone has seen: late, and true.
    accepted = [each for each in stored if each[1] != "create events"]
    assert accepted == []
    assert {namespace for namespace, _, _ in sent} <= on_the_wire()
    assert await children(api) == before
    said = old.words()[words:]
    assert "trying again" not in said
    assert said.count("ERROR") == 1
    assert "the Lease" in said
    measurements.note(
        f"leader stopped at {len(POINTS)} points, {len(on_the_wire())} of them on the wire: "
        f"{len(sent)} writes arrived after the takeover, {len(accepted)} were accepted (and "
        f"{len(stored)} Events); it ended {took:.1f} s after it woke"
    )


def on_the_wire() -> set[str]:
    """The namespaces of the points behind the check."""
    return {point.namespace for point in POINTS if point.stage == "wire"}


async def stop_at_all_points(api: Api, old: OperatorProcess, folder: Path) -> None:
    """Have the old leader begin each write, and stop its process there."""
    await each_of(POINTS, lambda point: api.apply(make_object("Namespace", point.namespace)))
    existing = [point for point in POINTS if point.scene.begin is not None]
    await each_of(existing, lambda point: api.create(point.workload(point.scene.begin or {})))
    await settle(api, existing)
    (folder / "armed").touch()
    await each_of(POINTS, lambda point: begin(api, point))
    async with asyncio.timeout(WAIT_SECONDS):
        while any(not (folder / f"{point.namespace}.held").exists() for point in POINTS):
            assert old.is_running, old.words()[-3000:]
            await asyncio.sleep(0.5)
    old.send(signal.SIGSTOP)


async def begin(api: Api, point: Point) -> None:
    """Give the old leader a reason for the write."""
    change = point.scene.change
    if point.scene.begin is None:
        await api.create(point.workload(change or {}))
    elif change is None:
        await api.delete("MCPWorkload", point.namespace, NAME)
    else:
        await api.patch("MCPWorkload", point.namespace, NAME, {"spec": change})


async def take_over(api: Api, new: OperatorProcess) -> None:
    """Let the new leader do what is due, and then something else to the same objects."""
    at_once = [point for point in POINTS if not point.scene.is_repeated]
    await each_of(at_once, lambda point: change_again(api, point))
    await asyncio.to_thread(new.wait_for, f"leading as {NEW}", TAKE_OVER_SECONDS)
    await settle(api, POINTS)
    later = [point for point in POINTS if point.scene.is_repeated]
    await until(lambda: without_deny(api, "marked-deny"))
    await each_of(later, lambda point: change_again(api, point))
    await settle(api, POINTS)
    found: dict[str, Manifest] = {}
    # A StatefulSet is replaced in two steps, and the status is written with the first.
    while found != (found := await children(api)):
        await asyncio.sleep(QUIET_SECONDS)


async def change_again(api: Api, point: Point) -> None:
    """Change the workload, or make the one that was deleted anew."""
    if point.scene.change is None:
        await api.create(point.workload(point.scene.after))
    else:
        await api.patch("MCPWorkload", point.namespace, NAME, {"spec": point.scene.after})


async def without_deny(api: Api, write: str) -> bool:
    """Whether the policy that denies is gone in the namespaces of that write."""
    found = {each["metadata"]["namespace"] for each in await api.read_all("NetworkPolicy")}
    return not found & {point.namespace for point in POINTS if point.write == write}


async def settle(api: Api, points: Iterable[Point]) -> None:
    """Return once the status of each workload that exists is about its present spec."""
    wanted = {point.namespace for point in points}

    async def is_settled() -> bool:
        found = [
            each
            for each in await api.read_all("MCPWorkload")
            if each["metadata"]["namespace"] in wanted
        ]
        return all(
            each["status"]["observedGeneration"] == each["metadata"]["generation"] for each in found
        )

    await until(is_settled)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once the API server shows that *condition* holds."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not await condition():
            await asyncio.sleep(0.2)


async def serves_workloads(api: Api) -> bool:
    """Whether the API server has begun to serve the CRD that was just applied."""
    try:
        await api.create(
            POINTS[0].workload({}) | {"metadata": {"name": NAME, "namespace": "default"}},
            dry_run=True,
        )
    except RequestFailed as failure:
        if failure.status not in (404, 429):
            raise
        return False
    return True


async def each_of(points: Iterable[Point], do: Callable[[Point], Awaitable[Any]]) -> None:
    """Do something for each of *points*, a few at a time."""
    turns = asyncio.Semaphore(8)

    async def in_turn(point: Point) -> None:
        async with turns:
            await do(point)

    await asyncio.gather(*(in_turn(point) for point in points))


async def children(api: Api) -> dict[str, Manifest]:
    """What the operator has made: by kind and namespace, the UID, labels and spec."""
    return {
        f"{kind} {each['metadata']['namespace']}/{each['metadata']['name']}": {
            "uid": each["metadata"]["uid"],
            "labels": each["metadata"].get("labels"),
            "spec": each["spec"],
        }
        for kind in CHILDREN
        for each in await api.read_all(kind)
    }


def writes_of(identity: str, log: AuditLog) -> Iterator[tuple[str, str, int]]:
    """Each write of that operator, but for the Lease: namespace, verb and object, and the code."""
    for entry in log._entries(OPERATOR):
        target = entry.get("objectRef") or {}
        is_write = entry["verb"] in WRITES and entry["stage"] == "ResponseComplete"
        if is_write and entry["userAgent"].endswith(f"/{identity}"):
            code = entry["responseStatus"]["code"]
            if target.get("resource") == "leases":
                assert code >= 300, "the old leader wrote the Lease"
                continue
            words = (entry["verb"], target.get("resource"), target.get("subresource"))
            yield target.get("namespace", ""), " ".join(filter(None, words)), code
