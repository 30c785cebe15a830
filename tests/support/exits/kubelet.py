"""A node's kubelet as far as its Pods show it: lives of containers, and how they are reported."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from mcpworkload.api.names import REVISION_LABEL
from mcpworkload.kube.objects import Pod

EPOCH = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GRACE = 30
_ids = count()


def at(second: float) -> str:
    """That moment, as the API server writes it."""
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def terminated(name: str, code: int = 1, finished: float = 0, **more: Any) -> dict[str, Any]:
    """A terminated state; one without a *name* is one that the kubelet infers."""
    if not name:
        return {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}}
    reason = "Completed" if code == 0 else "Error"
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "containerID": name,
            "finishedAt": at(finished),
            **more,
        }
    }


RUNNING: dict[str, Any] = {"running": {}}
BACK_OFF: dict[str, Any] = {"waiting": {"reason": "CrashLoopBackOff"}}


def status(
    restarts: int = 0,
    state: dict[str, Any] = RUNNING,
    last: dict[str, Any] | None = None,
    name: str = "mcp",
    own: str = "",
) -> dict[str, Any]:
    """The status of a container; *own* is the ID of the one that its state is about."""
    return {
        "name": name,
        "image": "server:1",
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
        "containerID": own,
    }


def pod_of(
    *containers: dict[str, Any],
    uid: str = "u0",
    name: str = "w-0",
    revision: str = "one",
    deleted: float | None = None,
    disruption: str = "",
    inits: dict[str, str] | None = None,
    skew: float = 0,
    **more: Any,
) -> Pod:
    """
    A Pod; *deleted* is when its deletion was asked for, *inits* the restart policies of its
    init containers, *skew* how far the node's clock is ahead.
    """
    inits = inits or {}
    conditions = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(-100)}]
    if disruption:
        conditions.append({"type": "DisruptionTarget", "status": "True", "reason": disruption})
    metadata: dict[str, Any] = {"name": name, "uid": uid, "labels": {REVISION_LABEL: revision}}
    if deleted is not None:
        metadata["deletionTimestamp"] = at(deleted + GRACE)
        metadata["deletionGracePeriodSeconds"] = GRACE
    content = {
        "metadata": metadata,
        "spec": {"initContainers": [{"name": n, "restartPolicy": p} for n, p in inits.items()]},
        "status": {
            "phase": "Running",
            "startTime": at(-100 + skew),
            "conditions": conditions,
            "initContainerStatuses": [each for each in containers if each["name"] in inits],
            "containerStatuses": [each for each in containers if each["name"] not in inits],
            **more,
        },
    }
    return msgspec.convert(content, Pod)


@dataclass
class SimContainer:
    """One container of a pod: its runtime's memory and the kubelet's."""

    name: str
    policy: str | None = None  # of an init container; None for the others
    restarts: int = 0
    phase: str = "new"  # new, running, ended, back-off, vanished
    own: str = ""
    dead: list[dict[str, Any]] = field(default_factory=list)
    #: IDs of the lives that ended without having been asked to.
    unexpected: list[str] = field(default_factory=list)
    is_forgotten: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it is an init container that has done its work."""
        return self.policy == "" and self.phase == "ended" and self.code == 0

    @property
    def code(self) -> int:
        """What the last life exited with."""
        return int(self.dead[-1]["terminated"]["exitCode"])

    def start(self) -> None:
        """Begin a life."""
        if self.phase in ("ended", "back-off"):
            self.restarts = 0 if self.is_forgotten else self.restarts + 1
            self.dead = [] if self.is_forgotten else self.dead
        if self.phase == "vanished":
            self.dead = []
        self.is_forgotten = False
        self.phase, self.own = "running", f"c{next(_ids)}"

    def end(self, code: int, moment: float, *, is_asked: bool) -> None:
        """End the life."""
        self.phase = "ended"
        self.dead = [*self.dead, terminated(self.own, code, moment)][-2:]
        if not is_asked and not (code == 0 and self.policy == ""):
            self.unexpected.append(self.own)

    def vanish(self) -> None:
        """End the life so that the kubelet finds no trace of it."""
        self.unexpected.append(self.own)
        self.phase, self.dead, self.own = "vanished", [terminated("")], ""
        self.restarts += 1

    def report(self, *, may_wait: bool) -> dict[str, Any]:
        """The status; *may_wait* unless the pod's deletion was asked for."""
        if self.phase == "ended" or (self.phase == "back-off" and not may_wait):
            last = self.dead[0] if len(self.dead) > 1 else None
            return status(self.restarts, self.dead[-1], last, self.name, self.own)
        last = self.dead[-1] if self.dead else None
        if self.phase == "running":
            return status(self.restarts, RUNNING, last, self.name, self.own)
        return status(self.restarts, BACK_OFF, last, self.name, self.own)


@dataclass
class SimPod:
    """A pod on its node."""

    name: str
    uid: str
    revision: str
    skew: float
    containers: list[SimContainer]
    deleted: float | None = None
    disruption: str = ""
    has_failed: bool = False
    is_exact: bool = True

    def render(self) -> Pod:
        """As the API server has it."""
        return pod_of(
            *(each.report(may_wait=self.deleted is None) for each in self.containers),
            uid=self.uid,
            name=self.name,
            revision=self.revision,
            deleted=self.deleted,
            disruption=self.disruption,
            inits={each.name: each.policy for each in self.containers if each.policy is not None},
            skew=self.skew,
            phase="Failed" if self.has_failed else "Running",
        )

    def go_on(self) -> None:
        """Start what is due: init containers first, then what waits or was never started."""
        for each in self.containers:
            if each.phase == "ended" and not each.is_done:
                each.phase = "back-off"
            elif each.phase in ("new", "back-off", "vanished"):
                each.start()
            if each.policy == "" and not each.is_done:
                return

    def end_all(self, now: float, *, is_asked: bool) -> None:
        """End every container that runs."""
        for each in self.containers:
            if each.phase == "running":
                each.end(143, now + self.skew, is_asked=is_asked)
