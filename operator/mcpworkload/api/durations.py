"""Durations of a spec, written as Go and the API server write them."""

import re
from typing import Annotated, Final

from pydantic import Field

from mcpworkload.api.base import Rule

_DURATION: Final = r"([0-9]{1,5}(h|m|s|ms)){1,4}"
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def seconds_of(duration: str) -> float:
    """Return a valid *duration* ("1h30m") in seconds."""
    return sum(
        int(amount) * _UNITS[unit] for amount, unit in re.findall(r"([0-9]+)(ms|h|m|s)", duration)
    )


def is_duration(text: str) -> bool:
    """Return whether *text* is a duration of a second or more."""
    return bool(re.fullmatch(_DURATION, text)) and seconds_of(text) >= 1


def _between(least: str, most: str, words: str) -> Rule:
    """Return the rule for durations from *least* to *most*; "" is no bound."""
    bounds = [
        f"duration(self) {sign} duration('{end}')"
        for sign, end in ((">=", least), ("<=", most))
        if end
    ]
    return Rule(
        message=f"write a duration of {words}",
        cel=" && ".join([f"self.matches('^{_DURATION}$')", *bounds]),
        holds=lambda text: (
            bool(re.fullmatch(_DURATION, text))
            and seconds_of(text) >= seconds_of(least)
            and (not most or seconds_of(text) <= seconds_of(most))
        ),
    )


_TEXT: Final = Field(max_length=32)
Duration = Annotated[
    str, _TEXT, _between("1s", "", 'a second or more, such as "30m", "90s" or "1h30m"')
]
#: How often many things are done: not so often that one of them takes all.
Interval = Annotated[str, _TEXT, _between("10s", "", 'ten seconds or more, such as "5m" or "90s"')]
#: How long one of many may take, while others wait.
Patience = Annotated[str, _TEXT, _between("1s", "30s", 'one to thirty seconds, such as "10s"')]
