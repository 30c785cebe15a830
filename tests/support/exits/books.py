"""A process that keeps the books, and pods for it to look at."""

from dataclasses import dataclass, field

from mcpworkload.exits import (
    ContainerCursor,
    Cursor,
    Exit,
    ObservedExits,
    PodCursor,
    Wanted,
    find_new_exits,
)
from mcpworkload.kube.objects import Pod
from tests.support.exits.kubelet import BACK_OFF, RUNNING, pod_of, status, terminated

KEY = "team/w"
EVICTION, TAINT = "EvictionByEvictionAPI", "DeletionByTaintManager"


def before(ended: int, container_id: str, *, name: str = "mcp", uid: str = "u0") -> Cursor:
    """A stored cursor."""
    containers = {name: ContainerCursor(ended, container_id)} if ended else {}
    return {"w-0": PodCursor(uid, "one", containers=containers)}


@dataclass
class Process:
    """Of an operator; what is given to the next is the cursor alone."""

    cursor: Cursor = field(default_factory=lambda: before(0, ""))
    wanted: Wanted = field(default_factory=lambda: Wanted(1, "one"))

    def __post_init__(self) -> None:
        """A process begins with nothing."""
        self.pods: dict[str, Pod] = {}
        self.observed = ObservedExits(lambda _: None)

    def sees(self, *pods: Pod) -> "Process":
        """Events of a watch."""
        for pod in pods:
            self.pods[pod.metadata.name] = pod
            self.observed.seen(KEY, pod)
        return self

    def loses(self, pod: Pod, *, watched: bool = True) -> "Process":
        """A pod is gone."""
        self.pods.pop(pod.metadata.name, None)
        self.observed.gone(KEY, pod, watched=watched)
        return self

    def tells(self) -> list[Exit]:
        """NewExits, store, settle."""
        result = find_new_exits(self.cursor, self.pods, self.observed.of(KEY), self.wanted)
        self.cursor = result.cursor
        self.observed.settle(KEY, result.cursor, result.gone)
        return list(result.exits)

    def names(self) -> list[str]:
        """What is told, by ID; unknown ones by index."""
        return [each.container_id or f"#{each.index}" for each in self.tells()]


CRASHED = pod_of(status(0, terminated("a"), own="a"))
WAITING = pod_of(status(0, BACK_OFF, terminated("a"), own="a"))
AGAIN = pod_of(status(1, RUNNING, terminated("a"), own="b"))
TWICE = pod_of(status(1, terminated("b"), terminated("a"), own="b"))
# Not found by the kubelet, which has no ID of it.
LOST = pod_of(status(1, BACK_OFF, terminated("")))
