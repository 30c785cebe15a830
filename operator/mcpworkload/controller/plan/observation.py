"""All that one reconcile read about its workload, as one frozen object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mcpworkload.api import names
from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.controller.answers import NO_ANSWERS, Answers
from mcpworkload.controller.plan.comparison import Drift
from mcpworkload.controller.references import Found, ObjectId
from mcpworkload.exits import ObservedPod
from mcpworkload.kube.errors import ApiError
from mcpworkload.kube.objects import Event, LiveChild, Pod, StatefulSet


@dataclass(frozen=True, slots=True)
class Applied:
    """The operator's last apply to a child, and what came of it."""

    digest: str
    uid: str
    version: int
    #: The fingerprint of the live object if the apply left it as it was; else empty.
    futile: str = ""

    def was_futile(self, digest: str, drift: Drift) -> bool:
        """Return whether the same apply to the same live object was made and changed nothing."""
        return self.digest == digest and bool(self.futile) and self.futile == drift.fingerprint


@dataclass(frozen=True)
class Observation:
    """The live objects of one workload, what its pods read, and what Events tell of them."""

    #: All that carries our label, by kind and name, whatever owns it.
    children: Mapping[ChildId, LiveChild] = field(default_factory=dict)
    #: The one of them that makes the pods.
    statefulset: StatefulSet | None = None
    #: The pods of our StatefulSet, by name; not those that merely carry our label.
    pods: Mapping[str, Pod] = field(default_factory=dict)
    #: Why pods cannot be read, so that there may be others; empty when they can.
    unreadable: str = ""
    #: The resource version that each kind's cache has reached.
    versions: Mapping[ChildKind, int] = field(default_factory=dict)
    #: The ConfigMaps and Secrets that the draft of the pod template refers to.
    references: Mapping[ObjectId, Found] = field(default_factory=dict)
    #: The error because of which those are not known; None where every read had an answer.
    unanswered: ApiError | None = None
    #: Events on pods that our StatefulSet could not make since no pod was missing last.
    failed_creates: Sequence[Event] = ()
    #: Every pod that carries our label, by name, whatever made it.
    labelled: Mapping[str, Pod] = field(default_factory=dict)
    #: The ends of containers that the watch showed and no status counts yet, by the pod's UID.
    seen: Mapping[str, ObservedPod] = field(default_factory=dict)
    #: Events of pods, by the pod's UID, where they were read.
    pod_events: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    #: What the pods have answered to verification.
    answers: Answers = NO_ANSWERS

    def is_behind(self, child_id: ChildId, applied: Applied) -> bool:
        """Return whether the cache of that child's kind does not show yet what that apply did."""
        return self.versions.get(child_id.kind, 0) < applied.version

    def is_settling(self, applied: Mapping[ChildId, Applied]) -> bool:
        """Return whether the last applies have effects that the caches do not show yet."""
        if any(self.is_behind(child_id, last) for child_id, last in applied.items()):
            return True
        live = self.statefulset
        if live is None:
            return any(child_id.kind == "StatefulSet" for child_id in applied)
        if live.metadata.deletion_timestamp is not None:
            # It gives up its pods one by one, and a new one takes them over.
            return True
        return live.status.observed_generation < live.metadata.generation

    def pods_of_update(self) -> list[Pod]:
        """Return the pods of the newest template, but for those that are being deleted."""
        if self.statefulset is None:
            return []
        revision = self.statefulset.status.update_revision
        return [
            pod
            for pod in self.pods.values()
            if pod.metadata.labels.get(names.REVISION_LABEL) == revision
            and pod.metadata.deletion_timestamp is None
        ]


def controlled_by(pods: Mapping[str, Pod], statefulset: StatefulSet | None) -> dict[str, Pod]:
    """Return the *pods* that *statefulset* made, in the order of their names."""
    if statefulset is None:
        return {}
    uid = statefulset.metadata.uid
    return {
        name: pod
        for name, pod in sorted(pods.items())
        if (owner := pod.metadata.controller) is not None and owner.uid == uid
    }
