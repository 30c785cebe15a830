"""
The unexpected ends of containers, each reported exactly once.

Pure bookkeeping on Pods as the kubelet reports them; used by the operator, whose cursor is in
`status.pods`, and by the library's Monitor, whose cursor lives as long as the Monitor does.

`find_new_exits` is the entry point. One exit is one terminated state of one container. A Pod
shows the last two of a container and how often it was restarted, so an exit between two calls is
either reported, or counted as unknown. A container that ends because its Pod is deleted, scaled
away or rolled over was asked to; an eviction and the loss of a node are exits.
"""

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
from mcpworkload.exits.new_exits import NewExits, Wanted, find_new_exits
from mcpworkload.exits.observed import ObservedExits, ObservedPod

__all__ = [
    "HOOK_FAILED",
    "PROBE_FAILED",
    "Cause",
    "ContainerCursor",
    "Cursor",
    "Exit",
    "ExitKind",
    "NewExits",
    "ObservedExits",
    "ObservedPod",
    "PodCursor",
    "Wanted",
    "baseline",
    "find_cause",
    "find_new_exits",
    "last_complaint",
    "may_be_the_kubelets",
]
