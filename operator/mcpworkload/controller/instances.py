"""Find the servers in the pods of a workload that have started, so that they can be asked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mcpworkload.api.names import BRIDGE, CONTAINER
from mcpworkload.kube.objects import Pod


@dataclass(frozen=True, slots=True)
class Instance:
    """A server that has started, from the start of its container to the end of it."""

    #: The pod's UID and its address.
    uid: str
    address: str
    #: The containers that answer, as the runtime calls them: the server's, and that of a bridge
    #: beside it.
    containers: tuple[str, ...]
    #: When the last of those started, by the node's clock.
    started_at: datetime | None
    #: Whether the kubelet takes the pod for ready.
    is_ready: bool

    def ran_before(self, moment: datetime) -> bool:
        """Return whether it had started by then."""
        return self.started_at is not None and self.started_at < moment


def find_instances(pods: Iterable[Pod]) -> dict[str, Instance]:
    """Return the servers in *pods* that have started, by the pod's UID."""
    found = ((pod.metadata.uid, _instance_in(pod)) for pod in pods)
    return {uid: instance for uid, instance in found if instance is not None}


def _instance_in(pod: Pod) -> Instance | None:
    if pod.metadata.deletion_timestamp is not None or not pod.status.pod_ip:
        return None
    sidecars = {each.name for each in pod.spec.init_containers if each.restart_policy == "Always"}
    needed = [CONTAINER, *({BRIDGE} & sidecars)]
    running = {
        each.name: each
        for each in pod.containers
        if each.name in needed and each.state.running is not None and (each.started or each.ready)
    }
    if len(running) < len(needed):
        return None
    starts = [
        each.state.running.started_at
        for each in running.values()
        if each.state.running is not None and each.state.running.started_at is not None
    ]
    return Instance(
        uid=pod.metadata.uid,
        address=pod.status.pod_ip,
        containers=tuple(running[name].container_id for name in needed),
        started_at=max(starts, default=None),
        is_ready=pod.is_ready,
    )
