"""
The queries of the dashboard and of the alerts, in a real Prometheus.

It is built at first use, which takes minutes.
"""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.cluster.tools import find_tool
from hack.dashboard.panels import ROWS
from tests.support.played_operator import BEGIN, STEP_SECONDS, STEPS, PlayedOperator
from tests.support.prometheus import Prometheus, check_rules, serving, try_rules

pytestmark = [pytest.mark.timeout(1800), pytest.mark.xdist_group("prometheus")]

ROOT = Path(__file__).parents[2]
END = BEGIN + (STEPS - 1) * STEP_SECONDS
# What Grafana puts in their place.
VARIABLES = {"$__rate_interval": "2m", "$namespace": ".*"}
QUERIES = [query.expr for row in ROWS for panel in row.panels for query in panel.queries]
SPEC: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "overlays" / "monitoring" / "rules.yaml").read_text()
)["spec"]
RULES = {rule["alert"]: rule for group in SPEC["groups"] for rule in group["rules"]}


def filled_in(query: str) -> str:
    """The query as Grafana sends it."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """One that has read an operator for forty minutes."""
    for name in ("prometheus", "promtool"):
        find_tool(name)
    with serving(asyncio.run(PlayedOperator().scrapes())) as server:
        yield server


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_shows_something(query: str, prometheus: Prometheus) -> None:
    """Over an operator of which each part was at work; over time, too."""
    series = prometheus.query_range(filled_in(query), BEGIN, END, STEP_SECONDS)

    # A quantile of nothing is no number.
    values = [float(value) for each in series for _, value in each["values"]]
    assert any(math.isfinite(value) for value in values)


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_is_evaluated(alert: str, prometheus: Prometheus) -> None:
    """Whether it fires here or not: both sides of each comparison have labels that fit."""
    prometheus.query(RULES[alert]["expr"], END)


def test_the_played_operator_raises_the_alerts_that_it_should(
    prometheus: Prometheus,
) -> None:
    """Its server ends every two minutes, requests fail, and its tools change."""
    firing = {alert for alert, rule in RULES.items() if prometheus.query(rule["expr"], END)}

    assert firing == {
        "MCPWorkloadAPIErrors",
        "MCPWorkloadCrashLooping",
        "MCPWorkloadExits",
        "MCPWorkloadNotReady",
        "MCPWorkloadToolsChanged",
    }


def test_promtool_takes_the_rules() -> None:
    """Nothing of them is wrong or doubtful."""
    assert f"{len(RULES)} rules found" in check_rules(SPEC)


def series(name: str, values: str) -> dict[str, str]:
    """A series in the short form of promtool: a value for each half minute."""
    return {"series": name, "values": values}


OPERATOR = 'job="o", instance="a"'
WEATHER = 'namespace="team", workload="weather"'
LEADS = series("mcpworkload_leader", "1x240")
# What an alert needs to fire, and what it must not fire for; after an hour, with nothing else.
BAD_AND_GOOD: dict[str, tuple[list[dict[str, str]], list[dict[str, str]]]] = {
    "MCPWorkloadOperatorNotLeading": ([series("mcpworkload_leader", "0x240")], [LEADS]),
    "MCPWorkloadSeveralLeaders": (
        [
            series('mcpworkload_leader{job="o", namespace="s", instance="a"}', "1x240"),
            series('mcpworkload_leader{job="o", namespace="s", instance="b"}', "1x240"),
        ],
        [
            series('mcpworkload_leader{job="o", namespace="s", instance="a"}', "1x240"),
            series('mcpworkload_leader{job="o", namespace="s", instance="b"}', "0x240"),
            series('mcpworkload_leader{job="o", namespace="t", instance="c"}', "1x240"),
        ],
    ),
    "MCPWorkloadOperatorRestarts": (
        [
            LEADS,
            series(f"mcpworkload_build_info{{{OPERATOR}}}", "1x240"),
            series(f"process_start_time_seconds{{{OPERATOR}}}", "1x20 2x20 3x20 4x20 5x20 6x140"),
        ],
        [
            LEADS,
            series(f"mcpworkload_build_info{{{OPERATOR}}}", "1x240"),
            series(f"process_start_time_seconds{{{OPERATOR}}}", "1x20 2x20 3x200"),
            series('process_start_time_seconds{job="other", instance="a"}', "1+1x240"),
        ],
    ),
    "MCPWorkloadWatchSilent": (
        [LEADS, series('mcpworkload_watch_age_seconds{resource="pods"}', "0+30x240")],
        [
            LEADS,
            series('mcpworkload_watch_age_seconds{resource="pods"}', "60x240"),
            series('mcpworkload_watch_age_seconds{resource="events"}', "300x240"),
        ],
    ),
    "MCPWorkloadQueueOld": (
        [LEADS, series("mcpworkload_queue_oldest_seconds", "70x240")],
        [LEADS, series("mcpworkload_queue_oldest_seconds", "0 300x5 0x200")],
    ),
    "MCPWorkloadReconcilesFail": (
        [LEADS, series('mcpworkload_reconciles_total{result="failed"}', "0+1x240")],
        # One workload, tried every five minutes; and others that are refused.
        [
            LEADS,
            series('mcpworkload_reconciles_total{result="failed"}', "0+0.1x240"),
            series('mcpworkload_reconciles_total{result="refused"}', "0+9x240"),
        ],
    ),
    "MCPWorkloadAPIErrors": (
        [
            LEADS,
            series('mcpworkload_api_requests_total{code="200"}', "0+90x240"),
            series('mcpworkload_api_requests_total{code="429"}', "0+10x240"),
        ],
        [
            LEADS,
            series('mcpworkload_api_requests_total{code="200"}', "0+90x240"),
            series('mcpworkload_api_requests_total{code="404"}', "0+50x240"),
            series('mcpworkload_api_requests_total{code="none"}', "0+1x240"),
        ],
    ),
    "MCPWorkloadAPIThrottled": (
        [LEADS, series("mcpworkload_api_requests_waiting", "3x240")],
        [LEADS, series("mcpworkload_api_requests_waiting", "3 0 9 0 9 0 9 0 9x4 0 9x5 0 9x5 0x90")],
    ),
    "MCPWorkloadMemoryNearLimit": (
        [
            LEADS,
            series("mcpworkload_memory_bytes", "95x240"),
            series("mcpworkload_memory_limit_bytes", "100x240"),
        ],
        [
            LEADS,
            series('mcpworkload_memory_bytes{instance="a"}', "85x240"),
            series('mcpworkload_memory_limit_bytes{instance="a"}', "100x240"),
            series('mcpworkload_memory_bytes{instance="b"}', "95x240"),
        ],
    ),
    "MCPWorkloadNotReady": (
        [LEADS, series(f"mcpworkload_ready{{{WEATHER}}}", "0x240")],
        # A rollout now and then.
        [LEADS, series(f"mcpworkload_ready{{{WEATHER}}}", "1x90 0x20 1x90")],
    ),
    "MCPWorkloadManyNotReady": (
        [
            LEADS,
            *(series(f'mcpworkload_ready{{workload="a{n}"}}', "1x240") for n in range(8)),
            *(
                series(f'mcpworkload_ready{{workload="b{n}"}}', "1x30 0x10 1 0x200")
                for n in range(4)
            ),
        ],
        [
            LEADS,
            *(series(f'mcpworkload_ready{{workload="a{n}"}}', "1x240") for n in range(20)),
            series('mcpworkload_ready{workload="b"}', "1 0 1 0 1 0x5 1 0x9 1x100"),
        ],
    ),
    "MCPWorkloadStalled": (
        [LEADS, series('mcpworkload_condition{type="Stalled", status="True"}', "1x240")],
        [LEADS, series('mcpworkload_condition{type="Isolated", status="Unknown"}', "1x240")],
    ),
    "MCPWorkloadCrashLooping": (
        [LEADS, series('mcpworkload_condition{type="Available", reason="OOMKilled"}', "1x240")],
        [LEADS, series('mcpworkload_condition{type="Available", reason="Starting"}', "1x240")],
    ),
    "MCPWorkloadExits": (
        [LEADS, series(f"mcpworkload_unexpected_exits_total{{{WEATHER}}}", "0+1x240")],
        [LEADS, series(f"mcpworkload_unexpected_exits_total{{{WEATHER}}}", "0+0.05x240")],
    ),
    "MCPWorkloadNotVerified": (
        [LEADS, series('mcpworkload_condition{type="Verified", status="False"}', "1x240")],
        [LEADS, series('mcpworkload_condition{type="Verified", status="Unknown"}', "1x240")],
    ),
    "MCPWorkloadVerificationSilent": (
        [LEADS, series(f"mcpworkload_verification_age_seconds{{{WEATHER}}}", "0+30x240")],
        [LEADS, series(f"mcpworkload_verification_age_seconds{{{WEATHER}}}", "300x240")],
    ),
    "MCPWorkloadToolsChanged": (
        [LEADS, series(f"mcpworkload_tools_changes_total{{{WEATHER}}}", "0x110 1x130")],
        [LEADS, series(f"mcpworkload_tools_changes_total{{{WEATHER}}}", "7x240")],
    ),
}


def test_each_alert_is_tried() -> None:
    """Below, on what it is about and on what it is not about."""
    assert BAD_AND_GOOD.keys() == RULES.keys()


def evaluation(alert: str, given: list[dict[str, str]], *, fires: bool) -> dict[str, Any]:
    """A test of promtool: whether *alert* fires after an hour."""
    expected = {
        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) > bool 0 or vector(0)',
        "eval_time": "1h",
        "exp_samples": [{"labels": "{}", "value": int(fires)}],
    }
    return {"interval": "30s", "input_series": given, "promql_expr_test": [expected]}


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_fires_for_what_it_is_about(alert: str) -> None:
    """And for nothing that only looks like it."""
    bad, good = BAD_AND_GOOD[alert]

    try_rules(SPEC, [evaluation(alert, bad, fires=True), evaluation(alert, good, fires=False)])
