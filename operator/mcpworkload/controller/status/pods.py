"""Decide when a pod counts as serving, and how long it has not."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from mcpworkload.kube.objects import ContainerStatus, Pod, PodCondition

# A server that ended has to run for so long, ready, before it counts as serving again.
STEADY = timedelta(seconds=10)
# A pod that takes longer to become ready has a problem whose Events are read.
PATIENCE = timedelta(seconds=20)
# After so long the kubelet resets a container's back-off; so it counts as recovered.
LOOP = timedelta(minutes=10)
# Beyond its deadline, a pod that is still there is on a node that does not answer.
OVERDUE = timedelta(seconds=30)


def is_steady(pod: Pod, now: datetime) -> bool:
    """Return whether the pod is ready, and not just for a moment between two exits."""
    return pod.is_ready and not _hold_left(pod, now)


def seconds_to_change(pods: Iterable[Pod], now: datetime) -> float | None:
    """Return after how many seconds time alone changes the state of *pods*; None for never."""
    return min((left for pod in pods if (left := _left(pod, now)) > 0), default=None)


def is_impatient(pod: Pod, now: datetime) -> bool:
    """Return whether the pod has not been ready for longer than a start takes."""
    return not pod.is_ready and _unready_for(pod, now) >= PATIENCE


def is_looping(container: ContainerStatus, now: datetime) -> bool:
    """Return whether a container that runs again after an exit may be about to end again."""
    if container.last_state.terminated is None or container.state.running is None:
        return False
    since = container.state.running.started_at
    return since is None or now - since < LOOP


def condition_of(pod: Pod, kind: str) -> PodCondition:
    """Return the pod's condition of that type; one of status Unknown where there is none."""
    conditions = pod.status.conditions
    found = (condition for condition in conditions if condition.type == kind)
    return next(found, PodCondition(kind, "Unknown"))


def _hold_left(pod: Pod, now: datetime) -> float:
    """Return for how many seconds a ready pod does not count yet, after a restart in it."""
    since = [
        container.state.running.started_at
        for container in pod.containers
        if container.state.running and is_looping(container, now)
    ]
    if not since:
        return 0.0
    age = _age((condition_of(pod, "Ready").last_transition_time, *since), now)
    # The node's clock may be a little ahead; one that is far ahead is ignored.
    return (STEADY - age).total_seconds() if abs(age) < STEADY else 0.0


def _unready_for(pod: Pod, now: datetime) -> timedelta:
    running = (container.state.running for container in pod.containers if not container.ready)
    started = (state.started_at for state in running if state)
    changed = condition_of(pod, "Ready").last_transition_time
    return _age((pod.metadata.creation_timestamp, changed, *started), now)


def _left(pod: Pod, now: datetime) -> float:
    if pod.metadata.deletion_timestamp is not None:
        deadline = datetime.fromisoformat(pod.metadata.deletion_timestamp)
        return (deadline + OVERDUE - now).total_seconds()
    if pod.is_ready:
        return _hold_left(pod, now)
    return (PATIENCE - _unready_for(pod, now)).total_seconds()


def _age(moments: Iterable[datetime | None], now: datetime) -> timedelta:
    """Return the time since the last of *moments*; zero when none is known."""
    return now - max((moment for moment in moments if moment), default=now)
