"""
What is true of a workload, and when that is worth a write.

Pure: the live objects come in as an `Observation`, the clock as an argument.
"""

from mcpworkload.status.announcements import News, news, of_reversion
from mcpworkload.status.conditions import Subject, build_status, summary
from mcpworkload.status.holding import Hold, hold_for
from mcpworkload.status.pods import condition_of, containers_of, next_look
from mcpworkload.status.problems import awaited_claims, suspects
from mcpworkload.status.tellings import is_telling, since

__all__ = [
    "Hold",
    "News",
    "Subject",
    "awaited_claims",
    "build_status",
    "condition_of",
    "containers_of",
    "hold_for",
    "is_telling",
    "news",
    "next_look",
    "of_reversion",
    "since",
    "summary",
    "suspects",
]
