"""
What is true of a workload, and when that is worth a write.

Pure: the live objects come in as an `Observation`, the clock as an argument.
"""

from mcpworkload.controller.status.amounts import Amounts
from mcpworkload.controller.status.conditions import build_status, summary
from mcpworkload.controller.status.debounce import Hold, hold_for
from mcpworkload.controller.status.diagnosis import since
from mcpworkload.controller.status.events import News, news, of_denial, of_reversion
from mcpworkload.controller.status.exits import Ends, account_ends, describe
from mcpworkload.controller.status.inputs import Subject
from mcpworkload.controller.status.pods import condition_of, next_look
from mcpworkload.controller.status.problems import (
    awaited_claims,
    has_open_end,
    is_explained,
    suspects,
)

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
