"""
A list of the workloads, at the start and every ten minutes, beside kopf's watch.

kopf does not notice a CRD that comes later, nor workloads that were deleted while its watch was
being renewed, and a bug of the operator may leave one behind; none of it should last until the
operator restarts.
"""

import logging
import random
from collections.abc import AsyncIterator, Sequence

from mcpworkload.controller.clock import Clock
from mcpworkload.controller.kinds import WORKLOAD
from mcpworkload.controller.lanes import Priority
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError
from mcpworkload.kube.keys import object_key
from mcpworkload.kube.lists import PARTIAL_LIST, read_pages

log = logging.getLogger(__name__)

RESYNC_SECONDS = 600.0
SERVED_RETRY_SECONDS = 1.0


async def await_workloads(
    api: Api, namespaces: Sequence[str], store: WorkloadStore, clock: Clock
) -> None:
    """
    Return once the API server serves MCPWorkloads, with all that exist expected by *store*.

    kopf shows the workloads one by one: one that it has not shown yet must not be taken for one
    that is deleted.
    """
    while True:
        try:
            store.expect([key async for key, _ in _read_existing(api, namespaces)])
        except ApiError as error:
            log.warning("waiting for the CRD of %s: %s", WORKLOAD.name, error)
            await clock.sleep(SERVED_RETRY_SECONDS)
        else:
            return


async def resync_forever(
    api: Api, namespaces: Sequence[str], store: WorkloadStore, queue: KeyQueue, clock: Clock
) -> None:
    """Compare *store* with what exists, every ten minutes; only cancellation ends it."""
    while True:
        await clock.sleep(RESYNC_SECONDS * random.uniform(0.9, 1.1))  # noqa: S311
        # Taken before the list: what is created while it runs must not look vanished.
        known = store.uids()
        try:
            existing = {uid async for _, uid in _read_existing(api, namespaces)}
        except ApiError as error:
            log.warning("no resync this time: %s", error)
            continue
        for key, uid in known.items():
            if uid not in existing:
                store.drop_uid(key, uid)
            queue.add(key, priority=Priority.RESYNC)
        for key in store.expect_no_more():
            queue.add(key, priority=Priority.RESYNC)


async def _read_existing(api: Api, namespaces: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
    """Yield key and UID of every workload."""
    for namespace in namespaces or (None,):
        async for page in read_pages(api, WORKLOAD, namespace, accept=PARTIAL_LIST):
            for item in page.items:
                yield object_key(item.metadata.namespace, item.metadata.name), item.metadata.uid
