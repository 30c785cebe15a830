"""Faults that meet one operator; those of a run begin together."""

from collections.abc import Callable

import pytest

from tests.faults.findings import Finding, record
from tests.faults.scenarios import HAS_FAKE_TIME, SIDE_BY_SIDE
from tests.support.measurements import Measurements

pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize("scenario", SIDE_BY_SIDE)
def test_all_is_well_after(
    scenario: str, side_by_side: Callable[[str], Finding], measurements: Measurements
) -> None:
    """Nothing is lost, orphaned or doubled; nothing is written for ever; memory comes back."""
    if scenario == "clock" and not HAS_FAKE_TIME:
        pytest.skip("libfaketime is not installed")
    measurements.note(record(side_by_side(scenario)))
