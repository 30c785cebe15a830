"""Structured logs: JSON for machines, one readable line for people."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from mcpworkload.controller.settings import Settings


class _ReadableFormatter(logging.Formatter):
    """One line a record, with the workload that it is about in front of the message."""

    def format(self, record: logging.LogRecord) -> str:
        workload = getattr(record, "workload", None)
        record.subject = f"[{workload}] " if workload else ""
        return super().format(record)


def configure(settings: Settings) -> None:
    """Send every log record to standard error, in the format that the settings name."""
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
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # kopf logs "succeeded" once per watch event, which is noise and costs CPU.
    logging.getLogger("kopf").setLevel(logging.WARNING)
