"""In this folder the operator is the Deployment that `make install` made."""

import pytest

from tests.rig.seat import Seat


@pytest.fixture(autouse=True)
def _operator_in_cluster(seat: Seat) -> None:
    """The operator works in the cluster."""
    seat.put_in()
