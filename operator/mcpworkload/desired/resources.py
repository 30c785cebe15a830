"""Resource requests and limits: the user's, completed by defaults that never contradict them."""

from typing import Any

from mcpworkload.errors import InvalidSpec
from mcpworkload.models import Bridge
from mcpworkload.quantity import parse_quantity

DEFAULT_REQUESTS = {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "64Mi"}
# No CPU limit: throttling a server that has work helps nobody.
DEFAULT_LIMITS = {"memory": "512Mi", "ephemeral-storage": "1Gi"}
# With an injected bridge there are the bridge itself (30 MB, and 30 MB for its files) and, with
# a process for each session, several servers.
BRIDGED_REQUESTS = {"cpu": "10m", "memory": "128Mi", "ephemeral-storage": "128Mi"}
BRIDGED_LIMITS = {"memory": "1Gi", "ephemeral-storage": "1Gi"}


def complete_resources(given: dict[str, Any], bridge: Bridge | None = None) -> dict[str, Any]:
    """
    *given* with our defaults for what it leaves out, in a container with that *bridge*.

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


def _smaller(default: str, bound: str | float | None, path: str) -> str | float:
    if bound is None:
        return default
    return min(default, bound, key=lambda value: _parse(value, path))


def _larger(default: str, bound: str | float | None, path: str) -> str | float:
    if bound is None:
        return default
    return max(default, bound, key=lambda value: _parse(value, path))


def _parse(value: str | float, path: str) -> Any:
    try:
        return parse_quantity(value)
    except ValueError as error:
        raise InvalidSpec(f"spec.resources.{path}: {error}") from None
