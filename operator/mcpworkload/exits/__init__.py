"""
Which containers ended without anybody having asked for it, each told exactly once.

Pure bookkeeping on Pods as the kubelet reports them; used by the operator, whose cursor is in
`status.pods`, and by the library's Monitor, whose cursor lives as long as the Monitor does.

One exit is one terminated state of one container. A Pod tells the last two of a container and
how often it was restarted, so what happened between two looks is either told, or counted and
called unknown. What ends a container of a Pod that somebody deletes, scales away or rolls over
was asked for; an eviction and the loss of a node were not.
"""

from mcpworkload.exits.account import Account, Wanted, account
from mcpworkload.exits.causes import (
    HOOK_FAILED,
    PROBE_FAILED,
    Cause,
    find_cause,
    last_complaint,
    may_be_the_kubelets,
)
from mcpworkload.exits.cursor import ContainerCursor, Cursor, PodCursor, baseline
from mcpworkload.exits.exit import Exit, ExitKind
from mcpworkload.exits.sightings import Sighting, Sightings

__all__ = [
    "HOOK_FAILED",
    "PROBE_FAILED",
    "Account",
    "Cause",
    "ContainerCursor",
    "Cursor",
    "Exit",
    "ExitKind",
    "PodCursor",
    "Sighting",
    "Sightings",
    "Wanted",
    "account",
    "baseline",
    "find_cause",
    "last_complaint",
    "may_be_the_kubelets",
]
