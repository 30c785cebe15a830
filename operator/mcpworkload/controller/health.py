"""
The endpoints that the kubelet and Prometheus read.

Readiness is about this moment: whether the API server answers and the caches are filled. Liveness
is about the process: it fails only for what a restart would mend, so never because the API server
is away. An event loop that stands still needs no check of its own: it does not answer the probe.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from mcpworkload.controller.metrics import CONTENT_TYPE_LATEST, Metrics
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Unavailable

log = logging.getLogger(__name__)

SILENCE_LIMIT_SECONDS = 180.0
ANSWER_LIMIT_SECONDS = 10.0


@dataclass
class Health:
    """The facts that the probes judge; `app` sets them when it starts a part."""

    api: Api
    monotonic: Callable[[], float]
    #: The longest silence of any watch; None while this process does not lead.
    watches_silent_seconds: Callable[[], float] | None = None
    #: Whether the caches are filled; a process that does not lead has nothing to fill.
    is_synced: bool = True

    @property
    def is_leading(self) -> bool:
        """Return whether this process holds the Lease and has filled its caches."""
        return self.watches_silent_seconds is not None

    def unreadiness(self) -> str:
        """Return why the operator is not ready; empty when it is."""
        if self.monotonic() - self.api.answered_at > ANSWER_LIMIT_SECONDS:
            return "the API server has not answered for a while"
        return "" if self.is_synced else "the caches are being filled"

    async def failure(self) -> str:
        """Return why the process should be restarted; empty when it should not."""
        silent = self.watches_silent_seconds() if self.watches_silent_seconds else 0.0
        if silent > SILENCE_LIMIT_SECONDS and await self._api_answers():
            return f"a watch has been silent for {silent:.0f} s while the API server answers"
        return ""

    async def _api_answers(self) -> bool:
        try:
            await self.api.request("GET", "/version")
        except ApiError as error:
            # A refusal is an answer, too.
            return not isinstance(error, Unavailable)
        return True


async def serve(health: Health, metrics: Metrics, port: int) -> web.AppRunner:
    """Serve /livez, /readyz and /metrics on *port*; call `cleanup` on the result to stop."""
    liveness, readiness = _Probe("liveness"), _Probe("readiness")

    async def livez(_: web.Request) -> web.Response:
        return liveness.answer(await health.failure())

    async def readyz(_: web.Request) -> web.Response:
        return readiness.answer(health.unreadiness())

    async def measured(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE_LATEST})
        await response.prepare(request)
        async for text in metrics.render():
            await response.write(text)
        return response

    application = web.Application()
    application.add_routes(
        [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", measured)]
    )
    runner = web.AppRunner(application, handle_signals=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


class _Probe:
    """Answers one of the kubelet's probes, and logs where the answer becomes another one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_well = True

    def answer(self, complaint: str) -> web.Response:
        """Return the response to a probe, which fails if there is a *complaint*."""
        if bool(complaint) == self._is_well:
            self._is_well = not complaint
            level = logging.INFO if self._is_well else logging.WARNING
            log.log(level, "%s probe: %s", self._name, complaint or "ok")
        return web.Response(status=500 if complaint else 200, text=complaint or "ok")
