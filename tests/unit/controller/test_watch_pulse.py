"""The middleware of kopf's session: what it notes, and what kopf is not shown."""

from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from mcpworkload.controller.handlers import WatchPulse

LIST = "https://api/apis/mcpworkload.dev/v1alpha1/mcpworkloads"
WATCH = f"{LIST}?watch=true"


async def ask(pulse: WatchPulse, status: int, url: str = WATCH) -> Any:
    """A request through *pulse*, by default a watch of workloads, answered with *status*."""
    response = SimpleNamespace(status=status, ok=status < 400, close=lambda: None)

    async def handler(_: Any) -> Any:
        return response

    request: Any = SimpleNamespace(url=URL(url))
    return await pulse(request, handler)


async def test_a_watch_that_is_answered_is_a_sign_of_life() -> None:
    """One that is refused is none."""
    now = 100.0
    pulse = WatchPulse(lambda: now)
    assert (await ask(pulse, 200)).status == 200
    now = 130.0
    assert (await ask(pulse, 429)).status == 429

    assert pulse.silent_seconds() == 30.0


@pytest.mark.parametrize(
    ("status", "url"), [*((code, WATCH) for code in (403, 409, 500, 503)), (410, LIST)]
)
async def test_kopf_survives_failures_of_the_api_server(status: int, url: str) -> None:
    """It sees a broken connection, after which it begins anew."""
    with pytest.raises(aiohttp.ClientConnectionError, match=f"HTTP {status}"):
        await ask(WatchPulse(lambda: 0.0), status, url)


@pytest.mark.parametrize("status", [401, 404, 410, 429])
async def test_kopf_is_shown_what_it_understands(status: int) -> None:
    """A token to renew, a CRD that is gone, a version that expired, a request to wait."""
    assert (await ask(WatchPulse(lambda: 0.0), status)).status == status
