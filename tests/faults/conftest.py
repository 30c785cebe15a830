"""One control plane for all faults, and those side by side that meet one operator each."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.faults.findings import Finding
from tests.faults.scenarios import SIDE_BY_SIDE
from tests.faults.sizes import AT_ONCE, WORKLOADS
from tests.support.control_plane import ControlPlane
from tests.support.control_plane_programs import Flags

# Room for what the tests write, and little more, since one of them fills it.
_QUOTA_MIB = 64 + 2 * WORKLOADS
# The HTTP gateway of etcd is a client of etcd without a certificate.
ETCD = {
    "quota-backend-bytes": _QUOTA_MIB << 20,
    "client-cert-auth": "false",
    "trusted-ca-file": "",
}


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """A control plane of the tests' own."""
    with ControlPlane(flags=Flags(etcd=ETCD)) as plane:
        yield plane


@pytest.fixture(scope="session")
def side_by_side(plane: ControlPlane, request: pytest.FixtureRequest) -> Callable[[str], Finding]:
    """The findings of the scenarios that this run selects, which begin together."""
    selected = {
        item.callspec.params["scenario"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    }
    results: dict[str, concurrent.futures.Future[Finding]] = {
        name: concurrent.futures.Future() for name in SIDE_BY_SIDE if name in selected
    }

    async def run(name: str, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            try:
                results[name].set_result(await SIDE_BY_SIDE[name](plane))
            except BaseException as error:  # noqa: BLE001 - the test of that name raises it
                results[name].set_exception(error)

    async def run_all() -> None:
        at_once = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(run(name, at_once) for name in results))

    threading.Thread(target=lambda: asyncio.run(run_all()), daemon=True).start()
    return lambda name: results[name].result()
