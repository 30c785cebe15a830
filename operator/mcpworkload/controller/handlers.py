"""
Everything that kopf calls, and how kopf is told to behave.

kopf lists and watches the workloads, and nothing else: its one handler stores what it is
given and enqueues the key. It keeps no state in annotations and adds no finalizer.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import kopf

from mcpworkload.api import names
from mcpworkload.controller.credentials import connect
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.controller.store import WorkloadStore

# kopf forgets an idle object after this; each one costs 27 KB until then.
IDLE_SECONDS = 0.2
PAGE_SIZE = 500
# How long one watch request lasts; the next one is the sign of life that a quiet watch gives.
WATCH_SECONDS = 60


class WatchPulse:
    """
    When kopf's watch of the workloads last gave a sign of life.

    kopf does not say; but its watch requests pass through our session, of which this is a
    middleware, and each of them ends after WATCH_SECONDS at the latest.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._heard_at: dict[str, float] = {}

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass the request on, and note the answer to a watch of the workloads."""
        response = await handler(request)
        url = request.url
        if response.ok and "watch" in url.query and url.path.endswith(f"/{names.PLURAL}"):
            self._heard_at[url.path] = self._monotonic()
        return response

    def silent_seconds(self) -> float:
        """For how long the quietest of the watches (one per namespace) has said nothing."""
        now = self._monotonic()
        return now - min(self._heard_at.values(), default=now)


def build_registry(
    pulse: WatchPulse,
    store: WorkloadStore,
    queue: KeyQueue,
    end_parts: Callable[[], Awaitable[None]],
) -> kopf.OperatorRegistry:
    """
    The registry with all of our handlers.

    *end_parts* is called when kopf is about to end. What runs on is taken for kopf's own then,
    and a request of ours that fails in that moment for a failure of the operator.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        """Give kopf a session whose token is always fresh; it closes it, also after a 401."""
        connection = connect(pulse)
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=connection.session)

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)  # type: ignore[arg-type]
    async def workload_changed(event: dict[str, Any], **_: Any) -> None:
        """Store what was seen; the queue has it reconciled."""
        body = event["object"]
        key = store.drop(body) if event["type"] == "DELETED" else store.put(body)
        if key is not None:
            queue.add(key)

    @kopf.on.cleanup(registry=registry)
    async def ending(**_: Any) -> None:
        """Nothing of ours runs any more when this returns."""
        await end_parts()

    return registry


def build_settings() -> kopf.OperatorSettings:
    """How kopf is to be: a watcher: no peering, no scanning, no Events, no state of its own."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.watching.chunk_size = PAGE_SIZE
    settings.watching.server_timeout = WATCH_SECONDS
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = (0.2, 0.5, 1, 2, 4)
    settings.persistence.consistency_timeout = 0
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    return settings


class _NoDiffBase(kopf.DiffBaseStorage):
    """Nothing is compared: a handler of raw events has no use for differences."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:  # noqa: ARG002
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        return kopf.BodyEssence({})

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Nothing is retried by kopf: the queue does that."""

    def fetch(self, *, key: Any, body: kopf.Body) -> Any:  # noqa: ARG002
        return None

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """Keep nothing."""

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """There is nothing to remove."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Never write to a workload."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence
