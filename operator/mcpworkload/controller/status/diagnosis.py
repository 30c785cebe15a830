"""Find in a pod's Events why it does not run, where its status does not have the reason."""

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
# Emitted before all of them; its clock has finer ticks, so that it may seem to be later.
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
    Return whether any of a pod's Events explains why it is not ready.

    Failures of probes before *start*, when the running containers started, explain nothing.
    """
    return any(
        event.reason in _START_REASONS
        or (event.reason == _PROBE and (start is None or _time(event) >= start - _ROUNDING))
        for event in events
    )


def of_probe(events: Sequence[Event], container: ContainerStatus) -> str:
    """Return the last failure of the container's probes; empty where none is reported."""
    return messages.steady(last_complaint(events, container.name))


def of_start(events: Iterable[Event]) -> tuple[AvailableReason | None, str]:
    """Return why the pod's containers do not exist yet: the last Event, if it is about that."""
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
    """Return why a claim is not bound: the last Event of a claim, if it reports a failure."""
    of_any = (event for event in events if event.involved_object.kind == _CLAIM)
    last = max(of_any, key=lambda event: (_time(event), event.message), default=None)
    if last is None or last.reason not in _CLAIM_REASONS:
        return ""
    return f"claim {last.involved_object.name}: {messages.steady(last.message)}"


def of_failed_create(observation: Observation, replicas: int, now: datetime) -> str:
    """Return why the StatefulSet controller cannot create a missing pod; empty if unreported."""
    if observation.statefulset is None:
        return ""
    name = observation.statefulset.metadata.name
    lacking = {f"{name}-{index}" for index in range(replicas)} - observation.pods.keys()
    # The last Event of each pod counts, and of the pods the first, so that the message is steady.
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
    """Return the *events* that are later than *moment*; all of them where that is None."""
    return [event for event in events if moment is None or _time(event) > moment]


def _time(event: Event) -> datetime:
    return event.at or _LONG_AGO
