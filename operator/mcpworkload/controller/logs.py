"""Structured logs: JSON for machines, one readable line for people, and not too many of either."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from pythonjsonlogger.json import JsonFormatter

from mcpworkload.controller.settings import Settings

WINDOW_SECONDS: Final = 10.0
# Lines of one kind about one workload, and of all kinds and workloads, in a window.
MOST_ALIKE: Final = 5
MOST: Final = 1000


class LogLimit(logging.Filter):
    """
    Lets so many lines pass in a window: servers that end every second would fill any disk.

    The next line that passes has the number of those before it that did not, as `left_out`. Errors
    always pass.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._begun_at = monotonic()
        self._passed = 0
        self._alike: Counter[tuple[str | None, object]] = Counter()
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be written."""
        now = self._monotonic()
        if now - self._begun_at >= WINDOW_SECONDS:
            self._begun_at, self._passed = now, 0
            self._alike.clear()
        # The message without its values: what differs from line to line.
        kind = (getattr(record, "workload", None), record.msg)
        is_many = self._passed >= MOST or self._alike[kind] >= MOST_ALIKE
        if is_many and record.levelno < logging.ERROR:
            self._left_out += 1
            return False
        self._passed += 1
        if kind[0] is not None:
            self._alike[kind] += 1
        if self._left_out:
            record.left_out, self._left_out = self._left_out, 0
        return True


class _ReadableFormatter(logging.Formatter):
    """One line a record, with the workload that it is about in front of the message."""

    def format(self, record: logging.LogRecord) -> str:
        workload = getattr(record, "workload", None)
        left_out = getattr(record, "left_out", 0)
        subject = f"[{workload}] " if workload else ""
        record.subject = subject + (f"({left_out} lines left out) " if left_out else "")
        return super().format(record)


def configure(settings: Settings) -> None:
    """Send log records to standard error, in the format that the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    readable = settings.log_format == "text" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    if readable:
        handler.setFormatter(
            _ReadableFormatter("%(asctime)s %(levelname)-7s %(subject)s%(message)s", "%H:%M:%S")
        )
    else:
        handler.setFormatter(
            JsonFormatter(
                "{asctime}{levelname}{name}{message}",
                style="{",
                datefmt="%Y-%m-%dT%H:%M:%S%z",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            )
        )
    handler.addFilter(LogLimit())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # kopf logs "succeeded" once per watch event, which is noise and costs CPU.
    logging.getLogger("kopf").setLevel(logging.WARNING)
