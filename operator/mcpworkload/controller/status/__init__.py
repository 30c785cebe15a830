"""
The status of a workload: what the operator reports, when it writes it, and which Events it emits.

`conditions.build_status` is the entry point: it returns the status from a `StatusInput` (`inputs`:
what the spec asks for), an `Observation` and an `ExitReport` (`exits`). `problems` finds why a pod
does not serve, by the pod's own status (`pods`) and its Events (`diagnosis`); `messages` removes
what changes from texts of the cluster, `hints` and `amounts` add what helps. `effects` and `notes`
describe the objects of an accepted spec, `isolation` what the network's rules are, `verification`
what the servers answered. `debounce` decides whether a changed status is written now, `events`
which changes become Events.

Pure: the live objects come in as an `Observation`, the clock as an argument.
"""

from mcpworkload.controller.status.amounts import Amounts
from mcpworkload.controller.status.conditions import build_status, summary
from mcpworkload.controller.status.debounce import Hold, Unchanged, Wait, decide_write
from mcpworkload.controller.status.diagnosis import since
from mcpworkload.controller.status.events import (
    EventDraft,
    news,
    news_of_tools,
    of_denial,
    of_reversion,
)
from mcpworkload.controller.status.exits import ExitReport, describe, report_exits
from mcpworkload.controller.status.inputs import StatusInput, names_of
from mcpworkload.controller.status.isolation import seconds_to_doubt
from mcpworkload.controller.status.pods import condition_of, seconds_to_change
from mcpworkload.controller.status.problems import (
    awaited_claims,
    has_open_end,
    is_explained,
    suspects,
)

__all__ = [
    "Amounts",
    "EventDraft",
    "ExitReport",
    "Hold",
    "StatusInput",
    "Unchanged",
    "Wait",
    "awaited_claims",
    "build_status",
    "condition_of",
    "decide_write",
    "describe",
    "has_open_end",
    "is_explained",
    "names_of",
    "news",
    "news_of_tools",
    "of_denial",
    "of_reversion",
    "report_exits",
    "seconds_to_change",
    "seconds_to_doubt",
    "since",
    "summary",
    "suspects",
]
