"""Here the operator of a test that runs alone is a process, which the test may stop and kill."""

import pytest

from tests.support.operator_under_test import OperatorUnderTest
from tests.support.process import OperatorProcess


@pytest.fixture
def operator(operator_under_test: OperatorUnderTest) -> OperatorProcess:
    """The operator at work, as a process; a test may end it, the next one has it again."""
    return operator_under_test.take_out()


@pytest.fixture(autouse=True)
def _operator_works(operator_under_test: OperatorUnderTest, request: pytest.FixtureRequest) -> None:
    """Every test in this folder has an operator, whether it names it or not."""
    if request.node.get_closest_marker("alone"):
        operator_under_test.take_out()
    else:
        operator_under_test.put_in()
