"""
The policy of each namespace that denies isolated pods all traffic that no other policy allows.

No workload owns it: it has to outlive the workload whose pods it closes, and is deleted with the
last isolated pod of its namespace. Policies of workloads only allow, so that the loss of one closes
and never opens.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import ChildConflict, ChildForbidden, Rejected
from mcpworkload.controller.caches import Informers
from mcpworkload.controller.desired import Child
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.errors import Conflict, Forbidden, Refused
from mcpworkload.kube.manifest import Manifest, digest_of
from mcpworkload.kube.objects import LiveChild, Metadata, NetworkPolicy

log = logging.getLogger(__name__)

_ID: Final = ChildId("NetworkPolicy", names.DENY_POLICY)
# Until the workloads that exist at the start of the operator have been shown.
_PAUSE_SECONDS = 1.0
# The values of its label. It is marked before it is deleted, and the deletion is of the marked
# version alone: who needs it takes the mark away first, so that a deletion which another leader
# has sent before, and which arrives late, opens no isolated pod.
_KEPT, _ENDING = "deny", "ending"
_SPEC: Final[Manifest] = {
    "podSelector": {"matchLabels": {names.ISOLATED_LABEL: "true"}},
    "policyTypes": ["Ingress", "Egress"],
    # Set, though they are empty, so that they are the operator's and nobody adds a rule unseen.
    "ingress": [],
    "egress": [],
}


class DenyPolicies:
    """Keeps the policy in every namespace that has, or is to have, an isolated pod."""

    def __init__(self, writer: Writer, informers: Informers, store: WorkloadStore) -> None:
        self._writer = writer
        self._informers = informers
        self._store = store
        #: By namespace, the version of the last apply, and the UID of what was deleted last: the
        #: cache may not show it yet.
        self._applied: dict[str, int] = {}
        self._deleted: dict[str, str] = {}
        #: The namespaces where another policy had the name when it was last looked at.
        self._taken: set[str] = set()
        #: One that is made waits for one that is being deleted, and the other way round.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ensure(self, namespace: str) -> None:
        """
        Return once the policy of *namespace* is there, as it should be.

        Raises:
            ChildConflict: its name belongs to a policy that is not the operator's.
            ChildForbidden: the operator lacks the rights.
            Rejected: the API server refuses it.
            ApiError: as the API server answered; worth a retry.
        """
        async with self._locks[namespace]:
            live, is_behind = self._look(namespace)
            if is_behind or (live is not None and _is_intact(live)):
                return
            await self._apply(namespace, live.metadata if live else None)
            log.info("applied %s in %s", _ID, namespace)

    async def settle(self, namespace: str) -> float | None:
        """
        Make, mend or delete the policy of *namespace*; return in how many seconds to ask again.

        Raises:
            ExplainedError: as `ensure`.
        """
        if self._is_needed(namespace):
            await self.ensure(namespace)
            return None
        if not self._store.is_complete:
            # A workload that needs it may be among those that are still to be shown.
            return _PAUSE_SECONDS
        async with self._locks[namespace]:
            live, is_behind = self._look(namespace)
            if live is None or is_behind or self._is_needed(namespace):
                return None
            marked = await self._apply(namespace, live.metadata, is_ending=True)
            is_gone = await self._writer.delete_child(
                namespace, _ID, uid=live.metadata.uid, version=marked.version
            )
            if not is_gone:
                return None  # the watch brings the newer version, and the next look
            self._deleted[namespace] = live.metadata.uid
            self._applied.pop(namespace, None)
            log.info("deleted %s in %s: no isolated pod is left", _ID, namespace)
        return None

    async def _apply(
        self, namespace: str, live: Metadata | None, *, is_ending: bool = False
    ) -> Metadata:
        """Apply the policy of *namespace* over *live*; return the metadata of the result."""
        child = build_deny_policy(namespace, is_ending=is_ending)
        try:
            stored = (await self._send(child, live)).metadata
        except Forbidden as error:
            raise ChildForbidden(f"the {_ID} cannot be made: {error}") from error
        except Refused as error:
            raise Rejected(f"the API server refuses the {_ID}: {error}") from error
        self._applied[namespace] = stored.version
        return stored

    def is_kept(self, namespace: str) -> bool:
        """Return whether *namespace* has the policy, as far as is known."""
        return self._look(namespace)[0] is not None

    def _look(self, namespace: str) -> tuple[NetworkPolicy | None, bool]:
        """Return the live policy, and whether the cache is behind the last apply."""
        live, version = self._informers.deny_policy(namespace)
        if live is not None and live.metadata.uid == self._deleted.get(namespace):
            live = None
        return live, version < self._applied.get(namespace, 0)

    def _is_needed(self, namespace: str) -> bool:
        is_there = self._informers.has_isolated(namespace)
        return is_there or self._store.wants_isolation(namespace)

    async def _send(self, child: Child, known: Metadata | None) -> LiveChild:
        """Create the policy, or apply it to the live one; return the result."""
        namespace = child.manifest["metadata"]["namespace"]
        if known is None and namespace in self._taken:
            # The name was taken a moment ago: to look again needs no write.
            known = await self._claim(child)
        if known is None:
            try:
                return await self._writer.apply_child(child, uid=None, force=False)
            except Conflict:
                known = await self._claim(child)
                if known is None:
                    raise
        return await self._writer.apply_child(
            child, uid=known.uid, version=known.version, force=True
        )

    async def _claim(self, child: Child) -> Metadata | None:
        """
        Return the metadata of the live policy, which is ours; None where there is none.

        Raises:
            ChildConflict: it is not ours.
        """
        namespace = child.manifest["metadata"]["namespace"]
        found = await self._writer.read_child(child)
        self._taken.discard(namespace)
        if found is not None and names.DENY_LABEL not in found.labels:
            self._taken.add(namespace)
            raise ChildConflict(
                f"the {_ID} exists and is not the operator's, which left it alone; delete or "
                "rename it: no workload of this namespace can be isolated before"
            )
        return found


def build_deny_policy(namespace: str, *, is_ending: bool = False) -> Child:
    """Return the policy of *namespace* that denies; marked, if it is about to be deleted."""
    metadata: Manifest = {
        "name": names.DENY_POLICY,
        "namespace": namespace,
        "labels": {
            names.DENY_LABEL: _ENDING if is_ending else _KEPT,
            "app.kubernetes.io/managed-by": names.FIELD_MANAGER,
        },
    }
    manifest: Manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": _ID.kind,
        "metadata": metadata,
        "spec": _SPEC,
    }
    return Child(_ID, manifest, digest_of(manifest))


def _is_intact(live: NetworkPolicy) -> bool:
    """Return whether *live* denies: no more, no less, and it is not being deleted."""
    spec: Mapping[str, Any] = live.content().get("spec") or {}
    filled = {field: value for field, value in spec.items() if value}
    is_ending = live.metadata.labels.get(names.DENY_LABEL) == _ENDING
    is_kept = live.metadata.deletion_timestamp is None and not is_ending
    return is_kept and filled == {field: value for field, value in _SPEC.items() if value}
