"""Of several operators one works; another takes over when it ends, however it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.manifests import make_workload
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.predicates import is_ready
from tests.support.process import OperatorProcess

TAKE_OVER_SECONDS = 5.0
# The Lease lasts 15 s from when its last renewal was seen; looks are 2 s apart.
EXPIRY_SECONDS = 22.0


@pytest.fixture
def second(operator: OperatorProcess, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Another operator, which has found out that it has to wait."""
    second = OperatorProcess(operator.kubeconfig, tmp_path / "log", "tests-second")
    second.start()
    try:
        second.wait_for(f"waiting: {operator.identity} is the leader")
        yield second
    finally:
        # Not killed: the Lease would stay taken until it expires.
        second.stop()


async def test_only_the_leader_works(namespace: Namespace, second: OperatorProcess) -> None:
    """The one that waits does not even look."""
    await namespace.settle(make_workload("weather"))

    assert not second.is_leading()
    assert namespace.name not in second.words()


async def test_a_leader_that_ends_is_followed_at_once(
    namespace: Namespace,
    operator: OperatorProcess,
    second: OperatorProcess,
    measurements: Measurements,
) -> None:
    """A SIGTERM releases the Lease; nothing that changes meanwhile is lost."""
    assert operator.stop() == 0
    await namespace.apply(make_workload("weather"))

    took = second.wait_for("leading as tests-second", TAKE_OVER_SECONDS)

    measurements.note(f"leader ended by SIGTERM: the next one leads after {took:.1f} s")
    await namespace.until("MCPWorkload", "weather", is_ready())


async def test_a_leader_that_dies_is_followed_when_its_lease_expires(
    namespace: Namespace,
    operator: OperatorProcess,
    second: OperatorProcess,
    measurements: Measurements,
) -> None:
    """Nobody releases the Lease of a killed leader; it runs out."""
    operator.kill()
    await namespace.apply(make_workload("weather"))

    took = second.wait_for("leading as tests-second", EXPIRY_SECONDS)

    measurements.note(f"leader ended by SIGKILL: the next one leads after {took:.1f} s")
    await namespace.until("MCPWorkload", "weather", is_ready())
