"""
The handlers that kopf calls, and kopf's settings.

kopf lists and watches the workloads, and nothing else: its one handler stores the object that it
receives and enqueues the key. kopf keeps no state in annotations and adds no finalizer.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import kopf

# Not among kopf's public names, though `kopf.operator` takes one: the version is pinned, and
# tests/component/controller/test_handlers.py fails where it changes.
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from mcpworkload.api import names
from mcpworkload.controller.credentials import connect
from mcpworkload.controller.lanes import Priority
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.controller.store import WorkloadStore, key_of
from mcpworkload.kube.lists import PAGE_SIZE

# kopf ends the task of an idle object after this; each one costs 27 KB until then, and a list
# begins a page of them at once.
IDLE_SECONDS = 0.02
# How long one watch request lasts; the next one is the sign of life that a quiet watch gives.
WATCH_SECONDS = 60
# Failures that mean something to kopf: a token to renew, a CRD that is gone, a request to wait.
_UNDERSTOOD = frozenset({401, 404, 429})


class WatchPulse:
    """
    When the API server last answered a watch of the workloads.

    kopf does not report it; but its watch requests pass through the operator's session, of which
    this is a middleware, and each of them ends after WATCH_SECONDS at the latest.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._heard_at: dict[str, float] = {}

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """
        Return the answer to *request*; note when one to a watch of the workloads came.

        Raises:
            aiohttp.ClientConnectionError: the API server failed. kopf begins a list or a watch
                anew when its connection breaks, and ends the process over other failures.
        """
        response = await handler(request)
        url = request.url
        # With the version of such a watch kopf would begin anew for ever.
        is_expired_watch = response.status == 410 and "watch" in url.query
        if response.status >= 400 and response.status not in _UNDERSTOOD and not is_expired_watch:
            response.close()
            raise aiohttp.ClientConnectionError(f"HTTP {response.status} for {url.path}")
        if response.ok and "watch" in url.query and url.path.endswith(f"/{names.PLURAL}"):
            self._heard_at[url.path] = self._monotonic()
        return response

    def silent_seconds(self) -> float:
        """Return for how many seconds the quietest watch (one per namespace) was silent."""
        now = self._monotonic()
        return now - min(self._heard_at.values(), default=now)


def build_registry(
    pulse: WatchPulse,
    store: WorkloadStore,
    queue: KeyQueue,
    end_parts: Callable[[], Awaitable[None]],
    *middlewares: aiohttp.ClientMiddlewareType,
) -> kopf.OperatorRegistry:
    """
    Return the registry with all handlers.

    kopf's requests pass through *middlewares*, then the *pulse*.

    *end_parts* is called when kopf is about to end. kopf takes tasks that run on for its own, and
    a request of theirs that fails in that moment for a failure of the operator.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        """Return a session whose token is always fresh; kopf closes it, also after a 401."""
        connection = connect(*middlewares, pulse)
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=connection.session)

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)  # type: ignore[arg-type]
    async def workload_changed(event: dict[str, Any], **_: Any) -> None:
        """Store the object of *event*, and enqueue its key."""
        body = event["object"]
        priority = _priority(event, store)
        key = store.drop(body) if event["type"] == "DELETED" else store.put(body)
        if key is not None:
            queue.add(key, priority=priority)

    @kopf.on.cleanup(registry=registry)
    async def ending(**_: Any) -> None:
        """Return once all parts of the operator have ended."""
        await end_parts()

    return registry


def _priority(event: Mapping[str, Any], store: WorkloadStore) -> Priority:
    """Return with which priority to reconcile the workload of *event*, not yet in *store*."""
    if event["type"] == "DELETED":
        return Priority.URGENT
    # kopf gives what it lists no type: after a start all that exists, later what it missed.
    is_listed = event["type"] is None
    is_first = is_listed and store.get(key_of(event["object"])) is None
    return Priority.RESYNC if is_first else Priority.CHANGE


def build_settings() -> kopf.OperatorSettings:
    """Return settings by which kopf only watches: no peering, scanning, Events or own state."""
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


class NoMemories(ResourceMemories):
    """
    Keeps nothing of an object from one event to the next.

    kopf keeps two kilobytes of each for ever: the state of daemons, indices, changes and throttled
    errors, of which a handler of raw events has none.
    """

    async def recall(self, raw_body: kopf.RawBody, **options: Any) -> ResourceMemory:
        """Return a new memory each time."""
        return await super().recall(raw_body, **{**options, "ephemeral": True})


class _NoDiffBase(kopf.DiffBaseStorage):
    """Compares nothing: a handler of raw events has no use for differences."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:  # noqa: ARG002
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        return kopf.BodyEssence({})

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Keeps no progress: the queue retries, not kopf."""

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
