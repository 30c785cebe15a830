"""All informers of the operator, and what they hold of one workload's children and pods."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.controller.children import CHILD_KINDS
from mcpworkload.controller.kinds import DENY, FAILED_CREATE, POD
from mcpworkload.controller.plan.observation import Observation, controlled_by
from mcpworkload.controller.reference_cache import References
from mcpworkload.controller.references import Found, ObjectId
from mcpworkload.controller.status import since
from mcpworkload.exits import ObservedExits
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError
from mcpworkload.kube.informer import Informer
from mcpworkload.kube.keys import object_key, split_key
from mcpworkload.kube.objects import (
    Event,
    LiveChild,
    NetworkPolicy,
    Pod,
    Service,
    StatefulSet,
)


class Informers:
    """One informer per kind and namespace; for the whole cluster, one per kind."""

    def __init__(
        self,
        api: Api,
        namespaces: Sequence[str],
        on_change: Callable[[str], None],
        on_end: Callable[[str], None],
        monotonic: Callable[[], float],
        *,
        without: Collection[ChildKind] = (),
    ) -> None:
        """
        Prepare to cache all kinds of children but those in *without*.

        *on_change* receives the key of a workload of which an object changed, *on_end* that of one
        of which a container ended.
        """
        scopes: Sequence[str | None] = namespaces or (None,)
        self._children: dict[ChildKind, dict[str | None, Informer[Any]]] = {
            name: {ns: Informer(api, kind, ns, on_change) for ns in scopes}
            for name, kind in CHILD_KINDS.items()
            if name not in without
        }
        self._on_change = on_change
        self._monotonic = monotonic
        #: The ends of containers that no status counts yet.
        self.observed = ObservedExits(on_end)
        self._pods = {
            ns: Informer(api, POD, ns, on_change, self.observed, partial(self._reset, ns))
            for ns in scopes
        }
        #: What the pods read; it needs no sync, because a look-up waits for its watch.
        self.references = References(api, scopes, on_change, monotonic)
        self._denies = {ns: Informer(api, DENY, ns, on_change) for ns in scopes}
        self._failed_creates = {ns: Informer(api, FAILED_CREATE, ns, on_change) for ns in scopes}
        self._with_pulse: list[Informer[Any]] = [
            informer
            for group in (*self._children.values(), self._pods, self._denies)
            for informer in group.values()
        ]
        self._all: list[Informer[Any]] = [*self._with_pulse, *self._failed_creates.values()]

    async def run(self) -> None:
        """Keep every cache up to date, for ever."""
        async with asyncio.TaskGroup() as group:
            for informer in self._all:
                group.create_task(informer.run())
            group.create_task(self.references.run())

    async def wait_synced(self) -> None:
        """Return once every cache was filled, or its kind is known not to be readable."""
        for informer in self._all:
            await informer.synced.wait()

    def silent_seconds(self) -> float:
        """Return for how many seconds the quietest watch was silent; bookmarks count."""
        silent = self._monotonic() - min(informer.heard_at for informer in self._with_pulse)
        return max(silent, self.references.silent_seconds())

    def watch_ages(self) -> Mapping[str, float]:
        """Return for how many seconds the quietest watch of each resource was silent."""
        now, ages = self._monotonic(), dict[str, float]()
        for informer in self._all:
            age = now - informer.heard_at
            ages[informer.resource] = max(age, ages.get(informer.resource, 0.0))
        return {**ages, **self.references.watch_ages()}

    def pods_of(self, workload: str) -> Mapping[str, Pod]:
        """Return the pods that the workload's StatefulSet made, by name."""
        namespace, name = split_key(workload)
        statefulset = _scoped(self._children["StatefulSet"], namespace).get(workload, name)
        return controlled_by(self._labelled(workload), statefulset)

    def observe(
        self,
        workload: str,
        *,
        references: Mapping[ObjectId, Found] = MappingProxyType({}),
        unanswered: ApiError | None = None,
        pod_events: Mapping[str, Sequence[Event]] = MappingProxyType({}),
        complete_at: datetime | None = None,
    ) -> Observation:
        """
        Return the live objects of a workload, as the caches hold them now, with what else was read.

        Events on pods that could not be made are left out where they are older than *complete_at*.
        """
        namespace, name = split_key(workload)
        caches = {kind: _scoped(scopes, namespace) for kind, scopes in self._children.items()}
        children: dict[ChildId, LiveChild] = {
            ChildId(kind, child_name): child
            for kind, cache in caches.items()
            for child_name, child in cache.of(workload).items()
        }
        found: Any = children.get(ChildId("StatefulSet", name))
        statefulset: StatefulSet | None = found
        labelled = self._labelled(workload)
        return Observation(
            children=children,
            statefulset=statefulset,
            pods=controlled_by(labelled, statefulset),
            labelled=dict(labelled),
            seen=self.observed.of(workload),
            versions={kind: cache.version for kind, cache in caches.items()},
            failed_creates=since(self._failed_creates_of(workload, statefulset), complete_at),
            unreadable=_scoped(self._pods, namespace).trouble,
            references=references,
            unanswered=unanswered,
            pod_events=pod_events,
        )

    def proxy_address(self, workload: str) -> str:
        """Return the address of the workload's egress proxy; empty while there is none."""
        namespace, name = split_key(workload)
        services = _scoped(self._children["Service"], namespace)
        service: Service | None = services.get(workload, names.egress_name(name))
        return service.address if service is not None else ""

    def deny_policy(self, namespace: str) -> tuple[NetworkPolicy | None, int]:
        """Return the policy of *namespace* that denies, and the version that its cache reached."""
        cache = _scoped(self._denies, namespace)
        key = object_key(namespace, names.DENY_POLICY)
        return cache.get(key, names.DENY_POLICY), cache.version

    def has_isolated(self, namespace: str) -> bool:
        """Return whether *namespace* has, or may have, an isolated pod or an egress proxy."""
        pods = _scoped(self._pods, namespace)
        proxies = _scoped(self._children["Deployment"], namespace)
        if pods.trouble or proxies.trouble:
            return True
        return bool(pods.has_counted(namespace) or proxies.has_counted(namespace))

    def _labelled(self, workload: str) -> Mapping[str, Pod]:
        """Return the pods with the workload's label, by name."""
        informer = _scoped(self._pods, split_key(workload)[0])
        # What was seen last is no longer worth anything once pods cannot be read.
        labelled: Mapping[str, Pod] = {} if informer.trouble else informer.of(workload)
        return labelled

    def _failed_creates_of(self, workload: str, statefulset: StatefulSet | None) -> list[Event]:
        if statefulset is None:
            return []
        events = _scoped(self._failed_creates, split_key(workload)[0]).of(workload).values()
        uid = statefulset.metadata.uid
        return [event for event in events if event.involved_object.uid == uid]

    def release_content(self, workload: str, child_id: ChildId, live: LiveChild) -> None:
        """Keep *live* without its content, unless the cache has a newer one by now."""
        if live.has_content:
            namespace, _ = split_key(workload)
            _scoped(self._children[child_id.kind], namespace).swap(live.without_content())

    def _reset(self, scope: str | None) -> None:
        """Report every workload that has a StatefulSet, hence may have pods."""
        for workload in self._children["StatefulSet"][scope].owners():
            self._on_change(workload)


def _scoped(informers: dict[str | None, Any], namespace: str) -> Any:
    return informers.get(namespace) or informers[None]
