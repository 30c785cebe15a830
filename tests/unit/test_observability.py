"""Alerts and dashboard name metrics that the operator serves, and the page explains all of them."""

import asyncio
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.dashboard.panels import ROWS
from hack.dashboard.render import render
from tests.support.played_operator import PlayedOperator
from tests.unit.test_links import find_anchors

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "overlays" / "monitoring"
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
RUNBOOKS = "https://mcpworkload.dev/docs/observability.md#"

_SERVED = re.compile(r"^# TYPE (\w+) (\w+)$", re.MULTILINE)
_LABELS = re.compile(r"^(mcpworkload_\w+)\{(.*)\}", re.MULTILINE)
_NAMED = re.compile(r"\b(?:mcpworkload|process|python)_\w+")


@cache
def rules() -> tuple[dict[str, Any], ...]:
    """The alerts."""
    content = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    return tuple(rule for group in content["spec"]["groups"] for rule in group["rules"])


@pytest.fixture(scope="module")
def served() -> str:
    """What an operator serves that was at work for a while."""
    return asyncio.run(PlayedOperator().scrapes())[-1].text


def sample_names(served: str) -> set[str]:
    """The names by which queries reach the metrics."""
    names = set[str]()
    for name, kind in _SERVED.findall(served):
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names.update(name + suffix for suffix in suffixes)
    return names


def names_in(query: str) -> set[str]:
    """The metrics in a query; labels and their values are none."""
    return set(_NAMED.findall(re.sub(r'"[^"]*"', "", query)))


QUERIES = [query.expr for row in ROWS for panel in row.panels for query in panel.queries]


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in rules())])
def test_a_query_names_metrics_that_are_served(query: str, served: str) -> None:
    """A panel or an alert about a metric that was renamed would be silent for ever."""
    assert names_in(query)
    assert names_in(query) <= sample_names(served)


def test_the_page_has_each_metric_with_its_labels(served: str) -> None:
    """And no others of ours."""
    rows = dict(re.findall(r"^\| `(mcpworkload_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE))
    ours = {name for name, _ in _SERVED.findall(served) if name.startswith("mcpworkload_")}

    assert set(rows) == ours
    for name, labels in _LABELS.findall(served):
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        found = set(re.findall(r'(\w+)="', labels)) - {"le"}
        assert found == set(re.findall(r"\w+", rows[family if family in rows else name])), name


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_its_runbook(rule: dict[str, Any]) -> None:
    """Which is a section of the page that has the alert's name."""
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert re.fullmatch(r"\d+[sm]", rule["for"])
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == RUNBOOKS + rule["alert"].lower()
    assert rule["alert"].lower() in find_anchors(PAGE)


def test_each_runbook_is_about_an_alert() -> None:
    """None is left of one that was removed."""
    headings = re.findall(r"^### (MCPWorkload\w+)$", PAGE, re.MULTILINE)

    assert headings == [rule["alert"] for rule in rules()]


def test_the_dashboard_is_made_of_its_panels() -> None:
    """What Grafana loads: each panel once, none over another."""
    content = (MONITORING / "dashboard.json").read_text(encoding="utf-8")
    panels = json.loads(content)["panels"]

    assert content == render()
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (column, line)
        for position in (panel["gridPos"] for panel in panels)
        for column in range(position["x"], position["x"] + position["w"])
        for line in range(position["y"], position["y"] + position["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24


def test_each_panel_says_what_it_shows() -> None:
    """In a word above it, and in a sentence on the page of Grafana."""
    for panel in (panel for row in ROWS for panel in row.panels):
        assert panel.title
        assert panel.about.endswith(".")
