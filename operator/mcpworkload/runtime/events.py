"""The events that a Monitor reports."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class WorkloadEvent:
    """Something that happened to a workload."""

    #: `namespace/name`.
    workload: str


@dataclass(frozen=True)
class WorkloadExited(WorkloadEvent):
    """
    A container ended although no one asked for it; each end is reported once.

    *exit_code* is None where the cluster no longer has it: the container ended unobserved.
    *count* is more than 1 where several such ends are reported as one.
    """

    pod: str
    pod_uid: str
    container: str
    #: The container as its runtime calls it; empty when not known.
    container_id: str
    image: str
    exit_code: int | None
    signal: int | None
    #: A word: the kubelet's (`Error`, `OOMKilled`, `Completed`), `ProbeFailed` where the kubelet
    #: ended it for a probe, or `Unknown`.
    reason: str
    #: Its last output, empty with `reportLogTail: false`; for a probe, the message of the probe.
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    count: int = 1


@dataclass(frozen=True)
class WorkloadEvicted(WorkloadExited):
    """It ended because the cluster ended its pod: eviction, preemption, a lost node."""


@dataclass(frozen=True)
class WorkloadRestarted(WorkloadEvent):
    """A container runs again after it had ended."""

    pod: str
    container: str
    restart_count: int


@dataclass(frozen=True)
class WorkloadVerified(WorkloadEvent):
    """Each pod has answered as an MCP server does, which was not so, or not known, before."""


@dataclass(frozen=True)
class WorkloadUnverified(WorkloadEvent):
    """A pod does not answer as an MCP server does, or not with the tools that are expected."""

    #: A word: the reason of the condition Verified, such as `NotMcp`.
    reason: str
    #: What was asked and what came back.
    message: str


@dataclass(frozen=True)
class ToolsChanged(WorkloadEvent):
    """The server offers another list of tools than before."""

    #: `sha256:` and 64 digits; empty where it offers none.
    before_digest: str
    after_digest: str
    before_count: int
    after_count: int


@dataclass(frozen=True)
class WorkloadRemoved(WorkloadEvent):
    """The MCPWorkload was deleted."""


#: The name that `WorkloadEvent` had first; kept for code that was written with it.
Happening = WorkloadEvent
