"""A chart of ratios to the floor, as SVG: one group of bars for each figure."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from tests.perf.scale.report import number
from tests.perf.scale.targets import Verdict

_WIDTH, _LEFT, _RIGHT, _TOP = 860, 330, 70, 56
_BAR, _GAP = 15, 13
_MET, _MISSED, _LIMIT, _TEXT = "#2e7d4f", "#c0392b", "#555", "#222"
# What is far beyond its limit must not make all else invisible.
_CUT = 4.0


def render(verdicts: Sequence[Verdict], title: str) -> str:
    """
    Return the chart: each bar is a measured figure as a share of its limit.

    A line marks the limit; a bar that passes it is red. Bars that are more than four times as
    long as their limit are cut, their figure being written beside them.
    """
    names = list(dict.fromkeys(one.target for one in verdicts))
    height = _TOP + sum(_height(verdicts, name) for name in names) + _GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
            f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            _text(16, 22, title, size=15),
            _text(16, 40, "each figure as a share of its limit, which is the line", fill=_LIMIT),
            *_groups(verdicts, names),
            f'<line x1="{_x(1)}" x2="{_x(1)}" y1="{_TOP - 8}" y2="{height - 8}" '
            f'stroke="{_LIMIT}" stroke-dasharray="4 3"/>',
            "</svg>\n",
        ]
    )


def _groups(verdicts: Sequence[Verdict], names: Sequence[str]) -> Iterator[str]:
    top = _TOP
    for name in names:
        group = [one for one in verdicts if one.target == name]
        yield _text(16, top + _BAR - 3, name)
        for place, one in enumerate(group):
            yield from _bar(one, top + place * _BAR)
        top += _height(verdicts, name)


def _bar(one: Verdict, top: int) -> Iterator[str]:
    share = one.measured / one.limit if one.limit else float(one.measured > 0) * _CUT
    width = max(2.0, _x(min(share, _CUT)) - _LEFT)
    fill = _MET if one.is_met else _MISSED
    unit = f" {one.unit}" if one.unit else ""
    words = f"{one.size:,}: {number(one.measured)}{unit} of {number(one.limit)}{unit}"
    yield f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR - 3}" fill="{fill}"/>'
    is_inside = width > 200
    x = _LEFT + 5 if is_inside else _LEFT + width + 5
    if not is_inside and _LEFT + width < _x(1) < x + 140:
        x = _x(1) + 6
    yield _text(x, top + _BAR - 5, words, size=10, fill="#fff" if is_inside else _TEXT)


def _height(verdicts: Sequence[Verdict], name: str) -> int:
    return sum(one.target == name for one in verdicts) * _BAR + _GAP


def _x(share: float) -> float:
    return _LEFT + share / _CUT * (_WIDTH - _LEFT - _RIGHT)


def _text(x: float, y: float, words: str, size: int = 12, fill: str = _TEXT) -> str:
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}" fill="{fill}">{escape(words)}</text>'
