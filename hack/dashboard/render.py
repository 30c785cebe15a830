"""The dashboard as Grafana loads it (schema version 39, Grafana 10.4 and newer)."""

import json
from collections.abc import Iterator
from typing import Any, Final

from hack.dashboard.panels import ROWS, Panel, Row

_COLUMNS: Final = 24
# Columns of a table that say nothing about a workload.
_UNSHOWN: Final = ("Time", "Value", "__name__", "container", "endpoint", "instance", "job", "pod")
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def render() -> str:
    """Return the text of the file."""
    dashboard = {
        "uid": "mcpworkload",
        "title": "mcpworkload",
        "description": "The MCPWorkloads of a cluster, and the operator that runs them.",
        "tags": ["mcpworkload", "mcp"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_source_variable(), _namespace_variable()]},
        "panels": list(_panels()),
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _source_variable() -> dict[str, Any]:
    return {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus"}


def _namespace_variable() -> dict[str, Any]:
    query = "label_values(mcpworkload_ready, namespace)"
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "namespaces"},
        "definition": query,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    """Yield the panels of all rows from left to right, each below what is above it."""
    number, top = 0, 0
    for row in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1},
            "panels": [],
        }
        top += 1
        for panel, x, y in places(row):
            number += 1
            position = {"x": x, "y": top + y, "w": panel.width, "h": row.height}
            yield {"id": number, "gridPos": position, **_panel(panel)}
        top += max(y for _, _, y in places(row)) + row.height


def places(row: Row) -> list[tuple[Panel, int, int]]:
    """Return the panels of *row*, each with its place from the left and below the heading."""
    found, x, y = [], 0, 0
    for panel in row.panels:
        if x + panel.width > _COLUMNS:
            x, y = 0, y + row.height
        found.append((panel, x, y))
        x += panel.width
    return found


def _panel(panel: Panel) -> dict[str, Any]:
    is_now = panel.kind != "timeseries"
    targets = [
        {
            "refId": chr(ord("A") + place),
            "datasource": _SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": is_now,
            "range": not is_now,
            **({"format": "table"} if panel.kind == "table" else {}),
        }
        for place, query in enumerate(panel.queries)
    ]
    unshown = dict.fromkeys(_UNSHOWN, True)
    custom = {"fillOpacity": 8, "showPoints": "never"} if panel.kind == "timeseries" else {}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": targets,
        **(
            {"transformations": [{"id": "organize", "options": {"excludeByName": unshown}}]}
            if panel.kind == "table"
            else {}
        ),
    }


_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"]},
        "textMode": "auto",
        "graphMode": "none",
    },
    "table": {"showHeader": True},
}
