"""What Prometheus gets to read."""

from mcpworkload.metrics import Metrics
from mcpworkload.store import WorkloadStore
from tests.unit.builders import make_body


def test_the_metrics_are_what_the_statuses_say() -> None:
    """Also those of a workload that has no status yet."""
    store = WorkloadStore()
    ready = {"type": "Ready", "status": "True"}
    store.put(make_body("weather", status={"restarts": 3, "conditions": [ready]}))
    store.put(make_body("fresh"))

    text = Metrics(store).render().decode()

    assert 'mcpworkload_unexpected_exits_total{namespace="team",workload="weather"} 3.0' in text
    assert 'mcpworkload_ready{namespace="team",workload="weather"} 1.0' in text
    assert 'mcpworkload_ready{namespace="team",workload="fresh"} 0.0' in text
