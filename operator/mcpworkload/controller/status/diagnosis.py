"""What Events tell about a pod that its status does not."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from mcpworkload.api.reasons import AvailableReason
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.status import messages
from mcpworkload.exits import last_complaint
from mcpworkload.kube.objects import ContainerStatus, Event

_PROBE = "Unhealthy"
_START_REASONS = {
    "FailedMount": AvailableReason.MOUNT_FAILED,
    "FailedAttachVolume": AvailableReason.MOUNT_FAILED,
    "FailedMapVolume": AvailableReason.MOUNT_FAILED,
    "FailedCreatePodSandBox": AvailableReason.START_FAILED,
    "NetworkNotReady": AvailableReason.START_FAILED,
}
# No failure, but what a start may spend most of its time with.
_PULLING = "Pulling"
# Said before all of them, by a clock that has finer ticks and so may seem to be later.
_SCHEDULED = "Scheduled"
_CLAIM = "PersistentVolumeClaim"
# The last one is no failure yet, but that it takes so long is.
_CLAIM_REASONS = frozenset({"FailedBinding", "ProvisioningFailed", "ExternalProvisioning"})
# Moments are whole seconds.
_ROUNDING = timedelta(seconds=2)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# The StatefulSet controller tries again after 17 minutes at the latest.
_FAILED_CREATE = timedelta(minutes=20)


def is_telling(events: Iterable[Event], start: datetime | None = None) -> bool:
    """
    Whether any of a pod's Events explains why it is not ready.

    What its probes said before *start*, that of the containers which run now, explains nothing.
    """
    return any(
        event.reason in _START_REASONS
        or (event.reason == _PROBE and (start is None or _time(event) >= start - _ROUNDING))
        for event in events
    )


def of_probe(events: Sequence[Event], container: ContainerStatus) -> str:
    """What the container's probes said last; empty when they said nothing."""
    return messages.steady(last_complaint(events, container.name))


def of_start(events: Iterable[Event]) -> tuple[AvailableReason | None, str]:
    """Why the pod's containers are not made yet: the last Event, if it is of that."""
    last = max(
        (event for event in events if event.reason != _SCHEDULED),
        key=lambda event: (_time(event), event.reason in _START_REASONS, event.message),
        default=None,
    )
    if last is None:
        return None, ""
    reason = AvailableReason.STARTING if last.reason == _PULLING else None
    return _START_REASONS.get(last.reason, reason), messages.steady(last.message)


def of_claims(events: Iterable[Event]) -> str:
    """Why a claim is not bound: the last Event of any, if it is of a failure."""
    of_any = (event for event in events if event.involved_object.kind == _CLAIM)
    last = max(of_any, key=lambda event: (_time(event), event.message), default=None)
    if last is None or last.reason not in _CLAIM_REASONS:
        return ""
    return f"claim {last.involved_object.name}: {messages.steady(last.message)}"


def of_failed_create(observation: Observation, replicas: int, now: datetime) -> str:
    """Why the StatefulSet can't make a pod that it lacks; empty when nobody says so."""
    if observation.statefulset is None:
        return ""
    name = observation.statefulset.metadata.name
    lacking = {f"{name}-{index}" for index in range(replicas)} - observation.pods.keys()
    # The last words win, and of them those on the first pod, so that they stay the same.
    last = {
        messages.failed_create(event.message)[0]: messages.failed_create(event.message)[1]
        for event in sorted(observation.failed_creates, key=_time)
        if now - _time(event) < _FAILED_CREATE
    }
    pod = min((pod for pod in last if lacking and (not pod or pod in lacking)), default=None)
    if pod is None:
        return ""
    return f"pod {pod}: {last[pod]}" if pod else last[pod]


def since(events: Sequence[Event], moment: datetime | None) -> list[Event]:
    """The *events* that are of later than *moment*; all where that is None."""
    return [event for event in events if moment is None or _time(event) > moment]


def _time(event: Event) -> datetime:
    return event.at or _LONG_AGO
