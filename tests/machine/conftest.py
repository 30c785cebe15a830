"""In this folder the operator, where a test needs one, is the Deployment of `make install`."""

import pytest

from deploy.cluster.choose import choose_cluster
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
