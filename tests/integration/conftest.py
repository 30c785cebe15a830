"""In this folder the operator is a process of the tests, so that it can be stopped and killed."""

import pytest

from tests.support.operator_under_test import Seat
from tests.support.process import OperatorProcess


@pytest.fixture
def operator(seat: Seat) -> OperatorProcess:
    """The operator at work, as a process; a test may end it, the next one has it again."""
    return seat.take_out()


@pytest.fixture(autouse=True)
def _operator_works(operator: OperatorProcess) -> None:
    """Every test in this folder has an operator, whether it speaks of it or not."""
