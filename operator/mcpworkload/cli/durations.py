"""Options that take a duration: 30s, 5m or 1h30m, and plain numbers as seconds."""

import re
from typing import Any, Final

import click

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|[smhd])", re.ASCII)
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)


class Duration(click.ParamType[float]):
    """A duration, converted to seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds, never negative."""
        if isinstance(value, (int, float)):
            return float(value)
        text = str(value).strip()
        if _NUMBER.fullmatch(text):
            return float(text)
        if not text or _PART.sub("", text):
            self.fail(f"{value!r}: write a duration such as 30s, 5m or 1h30m", param, ctx)
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
