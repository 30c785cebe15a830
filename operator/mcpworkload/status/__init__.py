"""
What is true of a workload, and when that is worth a write.

Pure: the live objects come in as an `Observation`, the clock as an argument.
"""

from mcpworkload.status.conditions import Subject, build_status, summary
from mcpworkload.status.holding import Hold, hold_for

__all__ = ["Hold", "Subject", "build_status", "hold_for", "summary"]
