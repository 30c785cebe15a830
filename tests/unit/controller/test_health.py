"""What liveness and readiness say, and what they keep quiet about."""

from types import SimpleNamespace
from typing import Any

import pytest

from mcpworkload.controller.health import SILENCE_LIMIT_SECONDS, Health
from mcpworkload.kube.errors import Unavailable


def make_health(*, api_answers: bool = True, silent: float = 0.0) -> Health:
    """The health of a leading operator."""

    async def request(*_: Any) -> bytes:
        if not api_answers:
            raise Unavailable("no answer")
        return b""

    api: Any = SimpleNamespace(request=request, answered_at=1000.0 - (0 if api_answers else 60))
    return Health(api, lambda: 1000.0, watches_silent_seconds=lambda: silent)


TOO_SILENT = SILENCE_LIMIT_SECONDS + 1


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        pytest.param({}, "", id="well"),
        pytest.param({"silent": SILENCE_LIMIT_SECONDS - 1}, "", id="a quiet watch"),
        pytest.param({"silent": TOO_SILENT}, "a watch has been silent", id="deaf"),
        pytest.param({"silent": TOO_SILENT, "api_answers": False}, "", id="the API server is away"),
    ],
)
async def test_liveness_fails_only_for_what_a_restart_mends(
    state: dict[str, Any], complaint: str
) -> None:
    """An outage of the API server is nothing of that kind."""
    failure = await make_health(**state).failure()

    assert failure.startswith(complaint)
    assert bool(failure) == bool(complaint)


def test_readiness_follows_api_server_and_caches() -> None:
    """Both at this moment."""
    assert make_health().unreadiness() == ""
    assert "has not answered" in make_health(api_answers=False).unreadiness()
    filling = make_health()
    filling.is_synced = False
    assert "caches" in filling.unreadiness()
