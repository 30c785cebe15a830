"""
What is true of a workload, and when that is worth a write.

Pure: the live objects come in as an `Observation`, the clock as an argument.
"""

from mcpworkload.status.amounts import Amounts
from mcpworkload.status.announcements import News, news, of_denial, of_reversion
from mcpworkload.status.conditions import build_status, summary
from mcpworkload.status.exits import Ends, account_ends, describe
from mcpworkload.status.holding import Hold, hold_for
from mcpworkload.status.pods import condition_of, next_look
from mcpworkload.status.problems import awaited_claims, has_open_end, is_explained, suspects
from mcpworkload.status.subject import Subject
from mcpworkload.status.tellings import since

__all__ = [
    "Amounts",
    "Ends",
    "Hold",
    "News",
    "Subject",
    "account_ends",
    "awaited_claims",
    "build_status",
    "condition_of",
    "describe",
    "has_open_end",
    "hold_for",
    "is_explained",
    "news",
    "next_look",
    "of_denial",
    "of_reversion",
    "since",
    "summary",
    "suspects",
]
