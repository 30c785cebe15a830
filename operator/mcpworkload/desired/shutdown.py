"""How long a pod has to end, and what part of that it waits until Services have forgotten it."""

from copy import deepcopy

from mcpworkload.manifest import Manifest
from mcpworkload.models import WorkloadSpec

DEFAULT_GRACE_SECONDS = 30
LONGEST_PRE_STOP_SECONDS = 5


def grace_seconds(spec: WorkloadSpec) -> int:
    """How long a pod may take to end by itself."""
    given = spec.termination_grace_period_seconds
    return DEFAULT_GRACE_SECONDS if given is None else given


def build_lifecycle(spec: WorkloadSpec) -> Manifest:
    """The user's hooks, and our pause where there is no other preStop."""
    pause = _pause(spec)
    ours = {"preStop": {"sleep": {"seconds": pause}}} if pause else {}
    return {**ours, **deepcopy(spec.lifecycle)}


def pause_seconds(spec: WorkloadSpec) -> int:
    """How long the end waits before the server hears of it; of a program it cannot be known."""
    hook = (build_lifecycle(spec).get("preStop") or {}).get("sleep") or {}
    seconds: int = hook.get("seconds", 0)
    return seconds


def _pause(spec: WorkloadSpec) -> int:
    """
    A pause in which Services forget the pod before the server is told to end.

    It counts against the grace period, and one as long as that gets the pod refused.
    """
    return min(LONGEST_PRE_STOP_SECONDS, grace_seconds(spec) // 2)
