"""The panels as an SVG: values come from Prometheus, and the plain look is not that of Grafana."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from hack.dashboard.panels import ROWS, Panel, Row
from hack.dashboard.render import places
from tests.support.prometheus import Prometheus

COLUMN, LINE, GAP, HEADING = 46, 24, 5, 26
WIDTH: Final = 24 * COLUMN
POINTS: Final = 160
#: Names of series that fit below a panel.
MOST_NAMES: Final = 6
MOST_ROWS: Final = 6
_COLOURS: Final = (
    *("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377"),
    *("#777777", "#994f00", "#006cd1", "#40b0a6"),
)
_STYLE: Final = (
    "text{font-family:sans-serif;font-size:11px;fill:#333}.title{font-size:12px;font-weight:600}"
    ".row{font-size:14px;font-weight:600}.big{font-size:26px;font-weight:600;text-anchor:middle}"
    ".axis{font-size:9px;fill:#777}.name{font-size:9.5px}.panel{fill:#fff;stroke:#ddd}"
    ".grid{stroke:#eee}.line{fill:none;stroke-width:1.4}"
)


@dataclass(frozen=True)
class Span:
    """The time that is drawn, in seconds since 1970, and what Grafana puts for its variables."""

    begin: float
    end: float
    variables: dict[str, str]

    @property
    def step(self) -> float:
        """The seconds from one point to the next."""
        return (self.end - self.begin) / POINTS

    def fill_in(self, expr: str) -> str:
        """Return the query as Grafana would send it."""
        for name, value in self.variables.items():
            expr = expr.replace(name, value)
        return expr


@dataclass(frozen=True)
class Box:
    """A place in the picture."""

    x: float
    y: float
    width: float
    height: float


def draw(prometheus: Prometheus, span: Span) -> str:
    """Return the picture of the whole dashboard."""
    parts, top = list[str](), 0.0
    for row in ROWS:
        parts.append(f'<text class="row" x="{GAP}" y="{top + 18}">{row.title}</text>')
        top += HEADING
        for panel, x, y in places(row):
            height = row.height * LINE
            box = Box(
                x * COLUMN + GAP, top + y * LINE, panel.width * COLUMN - 2 * GAP, height - GAP
            )
            parts += _panel(panel, box, prometheus, span)
        top += _height(row)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" '
        f'width="{WIDTH}" height="{top:.0f}"><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#f7f7f8"/>{"".join(parts)}</svg>\n'
    )


def _height(row: Row) -> float:
    return float((max(y for _, _, y in places(row)) + row.height) * LINE)


def _panel(panel: Panel, box: Box, prometheus: Prometheus, span: Span) -> Iterator[str]:
    yield (
        f'<rect class="panel" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" '
        f'rx="3"/><text class="title" x="{box.x + 8}" y="{box.y + 17}">{panel.title}</text>'
    )
    if panel.kind == "timeseries":
        found = [
            (_name(query.legend, each["metric"]), each["values"])
            for query in panel.queries
            for each in prometheus.query_range(
                span.fill_in(query.expr), span.begin, span.end, span.step
            )
        ]
        yield from _chart(found, panel.unit, box, span)
        return
    (query,) = panel.queries
    now = prometheus.query(span.fill_in(query.expr), span.end)
    if panel.kind == "table":
        yield from _table([each["metric"] for each in now], box)
        return
    words = [_number(float(each["value"][1]), panel.unit) for each in now]
    if query.legend:
        words = [_name(query.legend, each["metric"]) for each in now]
    middle = box.x + box.width / 2
    yield f'<text class="big" x="{middle}" y="{box.y + 65}">{escape(", ".join(words))}</text>'


def _chart(
    found: Sequence[tuple[str, list[tuple[float, str]]]], unit: str, box: Box, span: Span
) -> Iterator[str]:
    """Yield a line for each series, with an axis from 0 to the next round number."""
    lines = [
        (name, [(at, float(value)) for at, value in values if math.isfinite(float(value))])
        for name, values in found
    ]
    lines.sort(key=lambda line: -max((value for _, value in line[1]), default=0.0))
    highest = _round_up(max((v for _, points in lines for _, v in points), default=1.0))
    inner = Box(box.x + 48, box.y + 28, box.width - 58, box.height - 84)
    for part in (0.0, 0.5, 1.0):
        y = inner.y + inner.height * (1 - part)
        yield (
            f'<line class="grid" x1="{inner.x}" x2="{inner.x + inner.width}" y1="{y}" y2="{y}"/>'
            f'<text class="axis" text-anchor="end" x="{inner.x - 4}" y="{y + 3}">'
            f"{_number(part * highest, unit)}</text>"
        )
    for minutes in range(0, round((span.end - span.begin) / 60) + 1, 2):
        x = inner.x + inner.width * min(1.0, minutes * 60 / (span.end - span.begin))
        yield (
            f'<text class="axis" text-anchor="middle" x="{x}" y="{inner.y + inner.height + 11}">'
            f"{minutes} min</text>"
        )
    for number, (name, points) in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        yield from (_line(part, inner, highest, span, colour) for part in _unbroken(points, span))
        if number < MOST_NAMES:
            x = box.x + 8 + (number % 2) * (box.width / 2)
            y = box.y + box.height - 34 + (number // 2) * 13
            yield f'<rect x="{x}" y="{y - 6}" width="8" height="3" fill="{colour}"/>'
            yield f'<text class="name" x="{x + 12}" y="{y}">{escape(name[:30])}</text>'


def _unbroken(points: list[tuple[float, float]], span: Span) -> Iterator[list[tuple[float, float]]]:
    """Yield the parts of a line between which there are no samples."""
    part: list[tuple[float, float]] = []
    for point in points:
        if part and point[0] - part[-1][0] > 1.5 * span.step:
            yield part
            part = []
        part.append(point)
    if part:
        yield part


def _line(
    points: list[tuple[float, float]], inner: Box, highest: float, span: Span, colour: str
) -> str:
    places_ = (
        (
            inner.x + inner.width * (at - span.begin) / (span.end - span.begin),
            inner.y + inner.height * (1 - value / highest),
        )
        for at, value in points
    )
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places_)
    return f'<polyline class="line" stroke="{colour}" points="{path}"/>'


def _table(rows: list[dict[str, str]], box: Box) -> Iterator[str]:
    columns = ("namespace", "workload", "type", "status", "reason")
    texts = [columns, *(tuple(row[name] for name in columns) for row in rows)]
    for number, cells in enumerate(texts[: MOST_ROWS + 1]):
        for place, cell in enumerate(cells):
            weight = ' font-weight="600"' if number == 0 else ""
            x = box.x + 8 + place * box.width / len(columns)
            y = box.y + 38 + number * 19
            yield f'<text x="{x}" y="{y}"{weight}>{escape(cell)}</text>'


def _name(legend: str, labels: dict[str, Any]) -> str:
    for key, value in labels.items():
        legend = legend.replace("{{" + key + "}}", str(value))
    return legend


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5 and 5, times a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(part * power for part in (1, 2, 2.5, 5, 10) if value <= part * power * 1.0001)


def _number(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    if unit == "s" and 0 < value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:,.4g}{' s' if unit == 's' else '/s' if unit in ('ops', 'reqps') else ''}"
