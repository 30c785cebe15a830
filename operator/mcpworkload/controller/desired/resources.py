"""Complete the user's resource requests and limits by defaults that never contradict them."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.stdio import Bridge
from mcpworkload.kube.quantity import parse_quantity

DEFAULT_REQUESTS = {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "64Mi"}
# No CPU limit: throttling a server that has work only makes it slow.
DEFAULT_LIMITS = {"memory": "512Mi", "ephemeral-storage": "1Gi"}
# With an injected bridge there are the bridge itself (30 MB, and 30 MB for its files) and, with
# a process for each session, several servers.
BRIDGED_REQUESTS = {"cpu": "10m", "memory": "128Mi", "ephemeral-storage": "128Mi"}
BRIDGED_LIMITS = {"memory": "1Gi", "ephemeral-storage": "1Gi"}

# Of a helper of ours: devices and huge pages are the server's alone.
_SHARED: Final = ("cpu", "memory", "ephemeral-storage")
# What a copy takes, whatever the server may write: it is counted against the pod's limit.
_COPY_STORAGE: Final = "128Mi"
# What a bridge in a sidecar uses at most; and what it cannot do without.
_SIDECAR_MOST: Final = {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "128Mi"}
_SIDECAR_CPU_REQUEST: Final = "100m"
_SIDECAR_LEAST_MEMORY: Final = "64Mi"


def complete_resources(given: dict[str, Any], bridge: Bridge | None = None) -> dict[str, Any]:
    """
    Return *given* with our defaults for what it leaves out, in a container with that *bridge*.

    A default request is at most the user's limit, a default limit at least the user's request.

    Raises:
        InvalidSpec: an amount is not a quantity.
    """
    user_requests = given.get("requests") or {}
    user_limits = given.get("limits") or {}
    is_bridged = bridge is Bridge.INJECT
    least = BRIDGED_REQUESTS if is_bridged else DEFAULT_REQUESTS
    most = BRIDGED_LIMITS if is_bridged else DEFAULT_LIMITS
    requests = {
        name: _smaller(default, user_limits.get(name), f"limits.{name}")
        for name, default in least.items()
    }
    limits = {
        name: _larger(default, user_requests.get(name), f"requests.{name}")
        for name, default in most.items()
    }
    return {
        **given,
        "requests": {**requests, **user_requests},
        "limits": {**limits, **user_limits},
    }


def copier_resources(server: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the resources of our init container, beside a server that has *server*.

    They are the same: a quota or a LimitRange that allows the server allows its init container, and
    a pod counts the larger of both, not their sum.
    """
    requests, limits = _shared(server, "requests"), _shared(server, "limits")
    storage = "ephemeral-storage"
    if storage in limits:
        limits[storage] = _larger(_COPY_STORAGE, limits[storage], f"limits.{storage}")
    return {"requests": requests, "limits": limits}


def sidecar_resources(server: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the resources of our sidecar, beside a server that has *server*.

    They never exceed the server's, nor its ratio of request to limit, and have a CPU limit where it
    has one; they are no larger than a bridge can use, since a pod counts both.
    """
    given, bounds = _shared(server, "requests"), _shared(server, "limits")
    limits = {
        name: _smaller(_SIDECAR_MOST[name], bound, f"limits.{name}")
        for name, bound in bounds.items()
    }
    if "memory" in limits:
        limits["memory"] = _larger(_SIDECAR_LEAST_MEMORY, limits["memory"], "limits.memory")
    requests = {
        name: _smaller(_SIDECAR_MOST[name], amount, f"requests.{name}")
        for name, amount in given.items()
    }
    requests["cpu"] = _smaller(_SIDECAR_CPU_REQUEST, given["cpu"], "requests.cpu")
    if "cpu" in limits:
        requests["cpu"] = _in_proportion(
            requests["cpu"], limits["cpu"], given["cpu"], bounds["cpu"]
        )
    return {"requests": requests, "limits": limits}


def _shared(server: Mapping[str, Any], field: str) -> dict[str, Any]:
    amounts = server[field]
    return {name: amounts[name] for name in _SHARED if name in amounts}


def _in_proportion(
    request: str | float, limit: str | float, given: str | float, bound: str | float
) -> str | float:
    """Return *request*, or more: at least as much of *limit* as *given* is of *bound*."""
    whole = _parse(bound, "limits.cpu")
    if not whole:
        return request
    least = _parse(limit, "limits.cpu") * _parse(given, "requests.cpu") / whole
    if _parse(request, "requests.cpu") >= least:
        return request
    return f"{(least * 1000).to_integral_value(ROUND_CEILING):f}m"


def _smaller(default: str, bound: str | float | None, path: str) -> str | float:
    if bound is None:
        return default
    return min(default, bound, key=lambda value: _parse(value, path))


def _larger(default: str, bound: str | float | None, path: str) -> str | float:
    if bound is None:
        return default
    return max(default, bound, key=lambda value: _parse(value, path))


def _parse(value: str | float, path: str) -> Decimal:
    try:
        return parse_quantity(value)
    except ValueError as error:
        raise InvalidSpec(f"spec.resources.{path}: {error}") from None
