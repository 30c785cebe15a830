"""
The vocabulary of `status.conditions`: types and reasons, each with its status and its meaning.

Public API: reasons may be added, never renamed. The reference is generated from them.
"""

from enum import StrEnum


class ConditionType(StrEnum):
    """The conditions of a workload, in the order in which they are written."""

    ACCEPTED = "Accepted"
    AVAILABLE = "Available"
    READY = "Ready"
    VERIFIED = "Verified"
    ISOLATED = "Isolated"
    STALLED = "Stalled"  # only present while True: kstatus reads it as a failure


class Reason(StrEnum):
    """A reason of a condition: equal to its text; `status` is the condition's with that reason."""

    status: str
    #: When it is given, and what helps; empty where the reason is plain.
    meaning: str

    def __new__(cls, word: str, status: str, meaning: str = "") -> "Reason":
        """Return a reason with the status of its condition and its meaning."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.status = status
        member.meaning = meaning
        return member


class AcceptedReason(Reason):
    """Whether the spec was turned into children."""

    ACCEPTED = "Accepted", "True"
    INVALID_SPEC = "InvalidSpec", "False", "needs a new spec"
    PATCH_REJECTED = "PatchRejected", "False", "podTemplatePatch does not fit; needs a new spec"
    POLICY_DENIED = "PolicyDenied", "False", "the installation forbids such pods; needs a new spec"
    REFERENCE_NOT_FOUND = "ReferenceNotFound", "False", "heals when what is missing comes"
    REJECTED = "Rejected", "False", "the API server's words; needs a new spec"
    APPLY_FAILED = "ApplyFailed", "False", "the API server's words; retried with backoff"
    CHILD_CONFLICT = "ChildConflict", "False", "heals when the other object goes"


class AvailableReason(Reason):
    """Whether the workload can serve, and if not, why."""

    REPLICAS_READY = "ReplicasReady", "True"
    STOPPED = "Stopped", "False", "asked for"
    SCALED_TO_ZERO = "ScaledToZero", "False", "asked for"
    STARTING = "Starting", "False", "passes by itself"
    POD_REFUSED = "PodRefused", "False", "admission, a quota or the node does not let a pod exist"
    UNSCHEDULABLE = "Unschedulable", "False", "no node takes the pod"
    VOLUME_PENDING = "VolumePending", "False", "a claim is missing or not bound"
    MOUNT_FAILED = "MountFailed", "False", "a volume cannot be attached or mounted"
    IMAGE_PULL_FAILED = "ImagePullFailed", "False"
    CONFIG_ERROR = "ConfigError", "False", "a reference of the container cannot be resolved"
    START_FAILED = "StartFailed", "False", "the container could not be started"
    CRASH_LOOPING = "CrashLooping", "False", "the container exits again and again"
    OOM_KILLED = "OOMKilled", "False", "the memory limit was reached"
    PROBE_FAILING = "ProbeFailing", "False", "the container runs, but does not become ready"
    EVICTED = "Evicted", "False", "the node ended the pod for reasons of its own"
    NODE_LOST = "NodeLost", "False", "the pod's node does not report"
    PODS_UNREADABLE = (
        "PodsUnreadable",
        "Unknown",
        "the API server does not let the operator read pods",
    )
    NOT_ACCEPTED = "NotAccepted", "False", "no children were made: see Accepted"


class ReadyReason(Reason):
    """Reasons of Ready that are not those of Accepted or Available."""

    READY = "Ready", "True"
    STOPPED = "Stopped", "True", "asked for, and no pods remain"
    UPDATING = "Updating", "False", "some replicas are of an older generation or not ready"


class VerifiedReason(Reason):
    """Whether each pod has answered as an MCP server, and if not, what it did instead."""

    HANDSHAKE_OK = "HandshakeOk", "True", "each pod answered as an MCP server does"
    NOT_MCP = "NotMcp", "False", "something answers over HTTP, and it is no MCP server"
    PROTOCOL_ERROR = "ProtocolError", "False", "an MCP server answers, and not as MCP has it"
    HANDSHAKE_TIMEOUT = "HandshakeTimeout", "False", "the connection is open, and no answer comes"
    CONNECTION_REFUSED = "ConnectionRefused", "False", "nothing listens at the pod's address"
    TOOLS_CHANGED = "ToolsChanged", "False", "the tools are not those of expectTools"
    PODS_DISAGREE = "PodsDisagree", "False", "pods of one revision say different things"
    AUTH_REQUIRED = "AuthRequired", "Unknown", "the server answers, and lets the operator not in"
    UNREACHABLE = (
        "Unreachable",
        "Unknown",
        "the operator cannot connect, though the kubelet can: a policy, or another network",
    )
    NO_PODS = "NoPods", "Unknown", "nothing runs that could be asked"
    PENDING = "Pending", "Unknown", "passes by itself"


class IsolatedReason(Reason):
    """Whether the network rules of the permission profile hold, and if not, why."""

    ENFORCED = "Enforced", "True", "seen from within: what is not allowed is refused"
    NOT_REQUESTED = "NotRequested", "False", "isolateNetwork is not set: no rule has an effect"
    ROLLING_OUT = "RollingOut", "False", "some pods are older than the isolation"
    INBOUND_HOST_NOT_ENFORCEABLE = (
        "InboundHostNotEnforceable",
        "False",
        "an entry of inbound.allowHost is one that no NetworkPolicy can express",
    )
    NOT_ACCEPTED = "NotAccepted", "False", "no children were made: see Accepted"
    ENGINE_NOT_SEEN = (
        "EngineNotSeen",
        "Unknown",
        "the gate has seen nothing enforce NetworkPolicies; the server does not start",
    )
    GATE_WAIVED = "GateWaived", "Unknown", "the installation has no gate: nothing was tried"
    STARTING = "Starting", "Unknown", "passes by itself"


class EventReason(Reason):
    """Reasons of Events that are no change of a condition; their status is the Event's type."""

    TOOLS_CHANGED = (
        "ToolsChanged",
        "Normal",
        "the list of tools is another one than before; names which were added, removed, changed",
    )
    DRIFT_REVERTED = (
        "DriftReverted",
        "Warning",
        "another client changed a child, and the operator set it back",
    )
