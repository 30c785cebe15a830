"""How long nobody leads when the leader ends, with a fleet of workloads, and what waiting costs."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hack.local.settings import REPOSITORY
from tests.support.api import Api, RequestFailed
from tests.support.audit import OPERATOR
from tests.support.control_plane import ControlPlane
from tests.support.manifests import make_object, make_workload
from tests.support.measurements import Measurements
from tests.support.process import OperatorProcess

pytestmark = pytest.mark.timeout(1200)

WORKLOADS = int(os.environ.get("FAILOVER_WORKLOADS", "200"))
NAMESPACE = "fleet"
KILL_SECONDS = 20.0
ROLLOUT_SECONDS = 2.0
IDLE_SECONDS = 30.0
IDLE_REQUESTS_PER_SECOND = 0.1
SETTLE_SECONDS = 900.0
START_SECONDS = 120.0


class Operators:
    """Two operators, one of which leads."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._all = [self._make(plane, folder, identity) for identity in ("first", "second")]

    @staticmethod
    def _make(plane: ControlPlane, folder: Path, identity: str) -> OperatorProcess:
        # Their names are in the audit log, since both have one account.
        operator = plane.operator(
            identity, {"PYTHONPATH": str(REPOSITORY), "HOLDS_FOLDER": str(folder)}
        )
        operator.module = "tests.support.held_operator"
        return operator

    def start(self) -> None:
        """Start the one that leads, or both; return when the other one waits."""
        for each in self._all:
            if not each.is_running:
                each.start()
        leader = self.leader
        self.waiting.wait_for(f"waiting: {leader.identity} is the leader", START_SECONDS)

    @property
    def leader(self) -> OperatorProcess:
        """The one that leads."""
        while not (leaders := [each for each in self._all if each.is_leading()]):
            time.sleep(0.1)
        (leader,) = leaders
        return leader

    @property
    def waiting(self) -> OperatorProcess:
        """The other one."""
        leader = self.leader
        return next(each for each in self._all if each is not leader)

    def end(self) -> None:
        """End both."""
        for each in self._all:
            each.kill()


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane whose one node runs no pods: the workloads have none."""
    with ControlPlane(nodes=1) as plane:
        yield plane


@pytest.fixture
async def api(plane: ControlPlane) -> AsyncIterator[Api]:
    """The API server, for the administrator."""
    async with Api.open(str(plane.kubeconfig)) as api:
        yield api


@pytest.fixture(scope="module")
def operators(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operators]:
    """Two operators."""
    operators = Operators(plane, tmp_path_factory.mktemp("holds"))
    yield operators
    operators.end()


@pytest.fixture
async def fleet(api: Api, operators: Operators) -> None:
    """The workloads, in order, and one operator that leads while the other one waits."""
    await asyncio.to_thread(operators.start)
    await api.apply(make_object("Namespace", NAMESPACE))
    turns = asyncio.Semaphore(16)

    async def create(number: int) -> None:
        workload = make_workload(f"weather-{number}")
        workload["metadata"]["namespace"] = NAMESPACE
        async with turns:
            while True:
                try:
                    await api.apply(workload)
                except RequestFailed as failure:
                    # The CRD was applied a moment ago.
                    if failure.status not in (404, 429):
                        raise
                    await asyncio.sleep(0.5)
                else:
                    return

    if len(await api.read_all("StatefulSet", NAMESPACE)) < WORKLOADS:
        await asyncio.gather(*(create(number) for number in range(WORKLOADS)))
    async with asyncio.timeout(SETTLE_SECONDS):
        while not await is_settled(api):
            await asyncio.sleep(1)


async def is_settled(api: Api) -> bool:
    """Whether each status is about the present spec."""
    found = await api.read_all("MCPWorkload", NAMESPACE)
    return len(found) == WORKLOADS and all(
        each["status"]["observedGeneration"] == each["metadata"]["generation"] for each in found
    )


@pytest.mark.usefixtures("fleet")
async def test_waiting_costs_almost_nothing(
    plane: ControlPlane, operators: Operators, measurements: Measurements
) -> None:
    """Neither requests, nor processor time, nor the memory of caches."""
    waiting, log = operators.waiting, plane.audit.from_now()
    begin = cpu_seconds(waiting)
    await asyncio.sleep(IDLE_SECONDS)
    spent = cpu_seconds(waiting) - begin

    requests = [
        entry
        for entry in log._entries(OPERATOR)
        if entry["userAgent"].endswith(f"/{waiting.identity}")
    ]
    measurements.note(
        f"standby beside {WORKLOADS} workloads: {len(requests) / IDLE_SECONDS:.2f} requests/s, "
        f"{spent / IDLE_SECONDS * 1000:.1f} ms CPU/s, {memory(waiting):.0f} MiB; "
        f"leader: {memory(operators.leader):.0f} MiB"
    )
    assert len(requests) / IDLE_SECONDS <= IDLE_REQUESTS_PER_SECOND


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("end", "limit"),
    [
        pytest.param(signal.SIGTERM, ROLLOUT_SECONDS, id="rollout"),
        pytest.param(signal.SIGKILL, KILL_SECONDS, id="kill"),
    ],
)
async def test_another_one_leads_in_time(
    api: Api,
    operators: Operators,
    measurements: Measurements,
    end: signal.Signals,
    limit: float,
) -> None:
    """And carries out what changed meanwhile."""
    leader, waiting = operators.leader, operators.waiting
    spent, begin = cpu_seconds(waiting), time.monotonic()
    leader.send(end)
    image = {"image": f"image:{end.name.lower()}"}
    await api.patch("MCPWorkload", NAMESPACE, "weather-0", {"spec": image})

    took = await asyncio.to_thread(waiting.wait_for, f"leading as {waiting.identity}", 60.0)
    took = time.monotonic() - begin
    while not await is_settled(api):
        await asyncio.sleep(0.05)
    settled = time.monotonic() - begin

    measurements.note(
        f"{WORKLOADS} workloads, {end.name}: the next one leads after {took:.1f} s, and has done "
        f"what changed {settled - took:.1f} s later, with {cpu_seconds(waiting) - spent:.1f} s CPU "
        f"and {memory(waiting):.0f} MiB"
    )
    assert took < limit
    await asyncio.to_thread(leader.wait_for_end)


def cpu_seconds(operator: OperatorProcess) -> float:
    """The processor time that it has used."""
    fields = Path(f"/proc/{operator.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(operator: OperatorProcess) -> float:
    """Its resident memory in MiB."""
    lines = Path(f"/proc/{operator.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
