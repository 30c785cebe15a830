"""
Find why the kubelet itself ended a container.

The exit code does not show it: a server that is asked to stop ends with any code, 0 included. The
pod's Events do, and of those only the ones of the container's own life: an earlier kill explains no
later crash.

The kubelet writes no more than 25 Events about a pod at once, then one each five minutes, and the
API server keeps them for an hour. So after a few restarts an Event may be missing; then the same
end as the one before, after as long a life as a probe needs, has the same cause.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mcpworkload.kube.objects import Event, Pod, Probe, Terminated

#: Reasons of a cause; the kubelet has no reason for the first, and soon drops the second.
PROBE_FAILED = "ProbeFailed"
HOOK_FAILED = "PostStartHookError"
# What the runtime calls an end of which it knows nothing but the code.
_PLAIN = frozenset({"", "Error", "Completed"})
_KILLED_FOR_PROBE = re.compile(r"^Container (?P<name>\S+) failed (?P<probe>liveness|startup) probe")
_COMBINED = "(combined from similar events): "
# Moments are whole seconds, each rounded by another component.
_ROUNDING = timedelta(seconds=2)
# The kubelet's budget is 25; the rest is left to Events that the operator does not see.
_BUDGET = 20


@dataclass(frozen=True)
class Cause:
    """The reason why the kubelet ended a container."""

    #: `ProbeFailed` or `PostStartHookError`.
    reason: str
    #: The kubelet's message.
    message: str
    #: Whether the message is of the kill alone, because the failure's Event is gone.
    is_vague: bool = False


def may_be_the_kubelets(pod: Pod, container: str, ended: Terminated) -> bool:
    """Return whether a probe or a hook may have made the kubelet end the container."""
    if ended.reason not in _PLAIN:
        return False
    spec = next((each for each in pod.spec.all_containers if each.name == container), None)
    if spec is None:
        return True
    if spec.lifecycle is not None and spec.lifecycle.post_start is not None:
        return True
    startup, liveness = spec.startup_probe, spec.liveness_probe
    if ended.started_at is None or ended.finished_at is None:
        return bool(startup or liveness)
    life = ended.finished_at - ended.started_at
    if liveness is not None and life + _ROUNDING >= _shortest(liveness):
        return True
    # Once a server has started, that probe is asked no more.
    return startup is not None and _shortest(startup) <= life + _ROUNDING <= _longest(pod, startup)


def _shortest(probe: Probe) -> timedelta:
    """Return the shortest life after which the probe can have failed often enough."""
    pauses = max(0, probe.failure_threshold - 1) * probe.period_seconds
    return timedelta(seconds=probe.initial_delay_seconds + pauses)


def _longest(pod: Pod, probe: Probe) -> timedelta:
    """Return the longest life of a container that its startup probe ends."""
    attempts = 2 * (probe.failure_threshold + 1) * (probe.period_seconds + probe.timeout_seconds)
    grace = pod.spec.termination_grace_period_seconds
    return timedelta(seconds=probe.initial_delay_seconds + attempts + grace) + 5 * _ROUNDING


def find_cause(
    pod: Pod,
    container: str,
    ended: Terminated,
    events: Sequence[Event],
    last: Mapping[str, Any] | None = None,
) -> Cause | None:
    """
    Return why the kubelet ended a container of *pod*; None where it ended by itself.

    *events* are the pod's; *last* is the workload's `lastTermination`, where there is one.
    """
    before = last or {}
    is_reported = before.get("reason") in (PROBE_FAILED, HOOK_FAILED)
    if is_reported and ended.container_id and before.get("containerID") == ended.container_id:
        return Cause(before["reason"], before["message"])
    if not may_be_the_kubelets(pod, container, ended):
        return None
    kills = list(_kills(container, events))
    own = [kill for kill in kills if _is_within(kill.at, ended)]
    if own:
        return own[-1].cause
    if not _is_silent(events, ended):
        return None
    is_same = before.get("container") == container and before.get("exitCode") == ended.exit_code
    return Cause(before["reason"], before["message"]) if is_reported and is_same else None


@dataclass(frozen=True)
class _Kill:
    at: datetime | None
    cause: Cause


def _kills(container: str, events: Sequence[Event]) -> Iterator[_Kill]:
    """Yield when the kubelet reported that it ended the container, and why, oldest first."""
    for event in sorted(events, key=lambda each: each.at.timestamp() if each.at else 0.0):
        if event.reason == "FailedPostStartHook" and _is_about(event, container):
            cause = Cause(HOOK_FAILED, said_by(event))
            yield from (_Kill(moment, cause) for moment in _moments(event))
        match = _KILLED_FOR_PROBE.match(said_by(event)) if event.reason == "Killing" else None
        if match and match["name"] == container:
            cause = _of_probe(match["probe"], container, events)
            yield from (_Kill(moment, cause) for moment in _moments(event))


def _moments(event: Event) -> Sequence[datetime | None]:
    """Return when it was reported first and last; the times between them are not known."""
    first = event.first_timestamp
    return (event.at,) if first is None or event.count < 2 else (first, event.at)


def _of_probe(probe: str, container: str, events: Sequence[Event]) -> Cause:
    said = last_complaint(events, container, (probe.capitalize(),))
    if said:
        return Cause(PROBE_FAILED, said)
    return Cause(PROBE_FAILED, f"{probe.capitalize()} probe failed", is_vague=True)


def last_complaint(events: Sequence[Event], container: str, probes: tuple[str, ...] = ("",)) -> str:
    """Return the last failure of a container's *probes* (prefixes of names); empty for none."""
    said = [
        (event.at.timestamp() if event.at else 0.0, said_by(event))
        for event in events
        if event.reason == "Unhealthy"
        and _is_about(event, container)
        and said_by(event).startswith(probes)
    ]
    return max(said, default=(0.0, ""))[1]


def said_by(event: Event) -> str:
    """Return the Event's message, without the prefix that the kubelet adds to combined Events."""
    return event.message.removeprefix(_COMBINED)


def _is_about(event: Event, container: str) -> bool:
    return event.involved_object.field_path.endswith(f"{{{container}}}")


def _is_within(moment: datetime | None, ended: Terminated) -> bool:
    """Return whether the moment lies in the life that ended so."""
    if moment is None:
        return True
    is_early = ended.started_at is not None and moment < ended.started_at - _ROUNDING
    return not is_early and not _is_after(moment, ended)


def _is_after(moment: datetime, ended: Terminated) -> bool:
    return ended.finished_at is not None and moment > ended.finished_at + _ROUNDING


def _is_silent(events: Sequence[Event], ended: Terminated) -> bool:
    """Return whether the kubelet may have ended the container and its Event is missing."""
    is_spent = sum(max(1, event.count) for event in events) >= _BUDGET
    return is_spent or not any(_is_within(event.at, ended) for event in events)
