"""What Prometheus gets to read."""

import re
from pathlib import Path

import pytest

from mcpworkload import __version__
from mcpworkload.controller.metrics import Metrics
from mcpworkload.controller.store import WorkloadStore
from tests.support.parsed import make_body


def test_the_metrics_are_what_the_statuses_say() -> None:
    """Also those of a workload that has no status yet."""
    store = WorkloadStore()
    ready = {"type": "Ready", "status": "True", "reason": "Ready"}
    store.put(make_body("weather", status={"restarts": 3, "conditions": [ready]}))
    store.put(make_body("fresh"))

    text = Metrics(store, lambda: True).render().decode()

    assert 'mcpworkload_unexpected_exits_total{namespace="team",workload="weather"} 3.0' in text
    assert 'mcpworkload_ready{namespace="team",workload="weather"} 1.0' in text
    assert 'mcpworkload_ready{namespace="team",workload="fresh"} 0.0' in text


def test_each_condition_is_reported_with_its_reason() -> None:
    """An alert can name the reason; what a condition says in words stays out."""
    store = WorkloadStore()
    crashing = {"type": "Available", "status": "False", "reason": "CrashLooping", "message": "m"}
    store.put(make_body("weather", status={"conditions": [crashing]}))

    text = Metrics(store, lambda: True).render().decode()

    labels = 'namespace="team",reason="CrashLooping",status="False",type="Available"'
    assert f'mcpworkload_condition{{{labels},workload="weather"}} 1.0' in text
    assert '"m"' not in text


@pytest.mark.parametrize("leads", [True, False])
def test_the_process_says_what_it_is(leads: bool) -> None:
    """Its version, and whether it works or waits."""
    text = Metrics(WorkloadStore(), lambda: leads).render().decode()

    assert f'mcpworkload_build_info{{version="{__version__}"}} 1.0' in text
    assert f"mcpworkload_leader {float(leads)}" in text


def test_the_page_of_the_metrics_names_each() -> None:
    """A metric that the page does not have would have to be found by chance."""
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    text = Metrics(WorkloadStore(), lambda: True).render().decode()
    names = re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)

    assert names
    assert [name for name in names if f"`{name}" not in page] == []
