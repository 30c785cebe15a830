"""Compute how long a pod may take to end, and the pause in it until Services drop the pod."""

from copy import deepcopy

from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.api.stdio import Bridge
from mcpworkload.controller.desired.transport import with_scheme
from mcpworkload.kube.manifest import Manifest

DEFAULT_GRACE_SECONDS = 30
LONGEST_PRE_STOP_SECONDS = 5
#: Where a bridge answers once nothing is under way.
IDLE_PATH = "/idle"
# What is left of the grace period, as far as it can be, for the server and then its bridge.
_ENDING_SECONDS = 7


def grace_seconds(spec: WorkloadSpec) -> int:
    """Return how many seconds a pod may take to end by itself."""
    given = spec.termination_grace_period_seconds
    return DEFAULT_GRACE_SECONDS if given is None else given


def build_lifecycle(spec: WorkloadSpec) -> Manifest:
    """Return the user's hooks, and our pause where there is no other preStop."""
    pause = _pause(spec)
    ours = {"preStop": _build_pause(spec, pause)} if pause else {}
    given = {
        name: with_scheme(hook, spec.transport) if isinstance(hook, dict) else hook
        for name, hook in deepcopy(spec.lifecycle).items()
    }
    return {**ours, **given}


def pause_seconds(spec: WorkloadSpec) -> int:
    """Return the seconds before the server receives SIGTERM, as far as they can be known."""
    if "preStop" not in spec.lifecycle:
        return _pause(spec)
    hook = (spec.lifecycle["preStop"] or {}).get("sleep") or {}
    return int(hook.get("seconds") or 0)


def leave_seconds(spec: WorkloadSpec) -> int:
    """Return the seconds after which a sidecar bridge refuses new requests."""
    return max(0, (pause_seconds(spec) or _pause(spec)) - 1)


def _build_pause(spec: WorkloadSpec, pause: int) -> Manifest:
    """
    Return a hook that takes *pause* seconds, or as long as a bridge beside the server needs it.

    A sidecar receives SIGTERM after the server has ended, too late for the requests that it has
    accepted. An injected bridge receives it first.
    """
    if spec.bridge is not Bridge.ATTACH:
        return {"sleep": {"seconds": pause}}
    within = max(pause, grace_seconds(spec) - _ENDING_SECONDS)
    path = f"{IDLE_PATH}?pause={pause}&within={within}"
    return {"httpGet": {"path": path, "port": spec.transport.port}}


def _pause(spec: WorkloadSpec) -> int:
    """
    Return the seconds in which Services drop the pod before the server receives SIGTERM.

    They count against the grace period; the API server refuses a pod whose pause is as long as
    that.
    """
    return min(LONGEST_PRE_STOP_SECONDS, grace_seconds(spec) // 2)
