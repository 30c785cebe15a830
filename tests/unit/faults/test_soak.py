"""What the soak and the fight are measured by."""

import pytest

from tests.faults.page import make_table
from tests.faults.scenarios import most_repairs
from tests.faults.soak import Trend, slope


def test_a_line_has_its_slope() -> None:
    """Noise that is even on both sides changes nothing."""
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2.0)
    assert slope([(0, 1), (1, 2), (2, 1)]) == pytest.approx(0.0)


def test_the_growth_leaves_the_beginning_out() -> None:
    """What fills at first, and then holds, does not grow."""
    samples = [(float(at), min(100.0, 70.0 + 3 * at), 20 + at) for at in range(30)]

    assert Trend(samples).growth(1) == pytest.approx(0.0)
    assert Trend(samples).growth(2) == pytest.approx(19.0)


@pytest.mark.parametrize(("seconds", "most"), [(0, 4), (0.6, 5), (60, 10), (600, 19)])
def test_repairs_become_rare(seconds: float, most: int) -> None:
    """Three at once, then with pauses that double up to a minute."""
    assert most_repairs(seconds) == most


def test_a_finding_is_a_row() -> None:
    """With its figures."""
    finding: dict[str, object] = {
        "fault": "f",
        "how": "h",
        "workloads": 5,
        "seconds": 1.5,
        "writes": 3.0,
        "ends": 0,
        "idle_memory": 70,
        "memory": 80,
    }
    row = "| f | h | 5 | nothing | 1.5 s | 3.0 | 0 | 70, 80 MiB |"
    assert make_table({"f": finding}).splitlines()[-1] == row
