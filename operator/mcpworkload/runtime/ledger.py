"""
Pure: from the objects of watches to the events of workloads, each reported once.

The bookkeeping of exits is that of `mcpworkload.exits`, that of what servers are stands in
`verified`. Both begin when monitoring starts: what was before counts as reported.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcpworkload.api.names import WORKLOAD_LABEL
from mcpworkload.exits import (
    Cursor,
    Exit,
    ExitKind,
    ObservedExits,
    Wanted,
    baseline,
    find_new_exits,
)
from mcpworkload.kube.keys import object_key
from mcpworkload.kube.objects import ContainerStatus, Pod
from mcpworkload.runtime.events import (
    WorkloadEvent,
    WorkloadEvicted,
    WorkloadExited,
    WorkloadRemoved,
    WorkloadRestarted,
)
from mcpworkload.runtime.instances import is_made_for
from mcpworkload.runtime.verified import VerifiedLedger


@dataclass(frozen=True)
class Known:
    """The fields of an MCPWorkload that its exits are counted by."""

    #: How many pods there should be.
    replicas: int
    may_quote: bool

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Known":
        """Return the values of *body*, an MCPWorkload."""
        spec = body["spec"]
        is_stopped = spec.get("operatingMode") == "Stopped"
        replicas = 0 if is_stopped else spec.get("replicas", 1)
        return cls(replicas, spec.get("reportLogTail") is not False)


class Ledger:
    """The pods and workloads of one scope, and what has been reported of them."""

    def __init__(self) -> None:
        self._observed = ObservedExits(lambda _: None)
        self._workloads: dict[str, Known] = {}
        self._verified = VerifiedLedger()
        self._pods: dict[str, dict[str, Pod]] = {}
        self._cursors: dict[str, Cursor] = {}
        #: By pod UID and container, where there was one: the last restart that was reported.
        self._running: dict[tuple[str, str], int] = {}

    def open(self, bodies: Iterable[Mapping[str, Any]], pods: Iterable[Pod]) -> None:
        """Begin with the workloads *bodies* and *pods*, in the state given."""
        for body in bodies:
            self.workload_changed(body)
        for pod in pods:
            if key := _workload_of(pod):
                self._pods.setdefault(key, {})[pod.metadata.name] = pod
        for key, known in self._pods.items():
            self._cursors[key] = baseline(known.values())
            self._running |= {
                (pod.metadata.uid, container.name): container.restart_count
                for pod in known.values()
                for container in pod.containers
                if container.restart_count
            }

    def workload_changed(self, body: Mapping[str, Any]) -> list[WorkloadEvent]:
        """Take in *body*, an MCPWorkload as it is now; return what is news of its server."""
        self.workload_read(body)
        return self._verified.take(_key_of(body), body)

    def workload_read(self, body: Mapping[str, Any]) -> None:
        """Take in what *body* asks for; what is news of its server, the watch shows."""
        self._workloads[_key_of(body)] = Known.of(body)

    def workload_deleted(self, key: str) -> Iterator[WorkloadEvent]:
        """Report the removal of the MCPWorkload of that id."""
        self._verified.forget(key)
        if self._workloads.pop(key, None) is not None:
            yield WorkloadRemoved(key)

    def workloads_missing(self, present: Iterable[str]) -> list[str]:
        """Return the ids of known workloads that are not among those *present* in a list."""
        return sorted(self._workloads.keys() - set(present))

    def pod_changed(self, pod: Pod) -> Iterator[WorkloadEvent]:
        """*pod* is in the state given."""
        key = _workload_of(pod)
        if not key:
            return
        known = self._pods.setdefault(key, {})
        before = known.get(pod.metadata.name)
        if before is not None and before.metadata.uid != pod.metadata.uid:
            self._observed.gone(key, before, watched=False)
        known[pod.metadata.name] = pod
        self._observed.seen(key, pod)
        yield from self._settle(key)
        yield from self._restarts(key, pod)

    def pod_deleted(self, pod: Pod) -> Iterator[WorkloadEvent]:
        """*pod* was deleted, last in the state given."""
        key = _workload_of(pod)
        if not key:
            return
        self._pods.get(key, {}).pop(pod.metadata.name, None)
        self._forget(pod)
        self._observed.gone(key, pod, watched=True)
        yield from self._settle(key)

    def pods_missing(self, present: Iterable[str]) -> list[tuple[str, str]]:
        """Workload and UID of each known pod that is not among those *present* in a list."""
        uids = set(present)
        return [
            (key, pod.metadata.uid)
            for key, pods in self._pods.items()
            for pod in pods.values()
            if pod.metadata.uid not in uids
        ]

    def pod_vanished(self, key: str, uid: str, revision: str) -> Iterator[WorkloadEvent]:
        """
        Report a pod that is gone, whose deletion no watch has shown, and that has no successor.

        *revision* is the template that the workload's pods are made from now; empty when there
        are to be none.
        """
        pods = self._pods.get(key, {})
        pod = next((each for each in pods.values() if each.metadata.uid == uid), None)
        if pod is not None:
            del pods[pod.metadata.name]
            self._forget(pod)
            self._observed.gone(key, pod, watched=False)
            yield from self._settle(key, revision)

    def pod(self, key: str, name: str) -> Pod | None:
        """Return the pod of a workload as it was last seen, while it exists."""
        return self._pods.get(key, {}).get(name)

    def running_containers(self, key: str) -> int:
        """Return how many containers of a workload run."""
        return sum(
            container.state.running is not None
            for pod in self._pods.get(key, {}).values()
            for container in pod.containers
        )

    def _settle(self, key: str, revision: str = "") -> Iterator[WorkloadEvent]:
        known = self._workloads.get(key, Known(0, may_quote=False))
        pods, cursor = self._pods.get(key, {}), self._cursors.get(key, {})
        result = find_new_exits(
            cursor, pods, self._observed.of(key), Wanted(known.replicas, revision)
        )
        self._cursors[key] = result.cursor
        self._observed.settle(key, result.cursor, result.gone)
        if not pods:
            self._pods.pop(key, None)
            self._cursors.pop(key, None)
        for each in result.exits:
            yield _told(key, each, quote=known.may_quote)

    def _restarts(self, key: str, pod: Pod) -> Iterator[WorkloadEvent]:
        for container in pod.containers:
            at = (pod.metadata.uid, container.name)
            count = container.restart_count
            if container.state.running and count > self._running.get(at, 0):
                self._running[at] = count
                yield _restarted(key, pod, container)

    def _forget(self, pod: Pod) -> None:
        for container in pod.containers:
            self._running.pop((pod.metadata.uid, container.name), None)


def _key_of(body: Mapping[str, Any]) -> str:
    return object_key(body["metadata"]["namespace"], body["metadata"]["name"])


def _workload_of(pod: Pod) -> str:
    """Return the id of the pod's workload; empty for a pod that no StatefulSet of ours made."""
    name = pod.metadata.labels.get(WORKLOAD_LABEL, "")
    if not name or not is_made_for(pod, name):
        return ""
    return object_key(pod.metadata.namespace, name)


def _told(key: str, exit_: Exit, *, quote: bool) -> WorkloadEvent:
    kind = WorkloadEvicted if exit_.kind == ExitKind.EVICTED else WorkloadExited
    return kind(
        workload=key,
        pod=exit_.pod,
        pod_uid=exit_.pod_uid,
        container=exit_.container,
        container_id=exit_.container_id,
        image=exit_.image,
        exit_code=exit_.exit_code,
        signal=exit_.signal,
        reason=exit_.reason,
        message=exit_.message if quote else "",
        started_at=exit_.started_at,
        finished_at=exit_.finished_at,
        count=exit_.count,
    )


def _restarted(key: str, pod: Pod, container: ContainerStatus) -> WorkloadEvent:
    return WorkloadRestarted(
        workload=key,
        pod=pod.metadata.name,
        container=container.name,
        restart_count=container.restart_count,
    )
