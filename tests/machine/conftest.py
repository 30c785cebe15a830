"""In this folder the operator, where a test needs one, is the Deployment of `make install`."""

from collections.abc import Iterator

import pytest

from deploy.cluster.choose import choose_cluster
from tests.rig.cluster import make
from tests.rig.seat import Seat


@pytest.fixture(autouse=True, scope="session")
def _only_of_the_local_cluster() -> None:
    """No other cluster's programs are ours to end."""
    if choose_cluster().name != "local":
        pytest.skip("only of the local cluster")


@pytest.fixture
def _operator_in_cluster(seat: Seat) -> None:
    """The operator works in the cluster."""
    seat.put_in()


@pytest.fixture
def _quick_restarts() -> Iterator[None]:
    """The kubelet restarts what has ended after a second at most."""
    make("up", CRASH_BACKOFF="1s")
    yield
    make("up")
