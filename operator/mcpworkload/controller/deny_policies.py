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
from mcpworkload.kube.objects import NetworkPolicy

log = logging.getLogger(__name__)

_ID: Final = ChildId("NetworkPolicy", names.DENY_POLICY)
# Until the workloads that exist at the start of the operator have been shown.
_PAUSE_SECONDS = 1.0
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
            child = build_deny_policy(namespace)
            try:
                uid = live.metadata.uid if live else await self._claim(child)
                stored = await self._writer.apply_child(child, uid=uid, force=uid is not None)
            except Forbidden as error:
                raise ChildForbidden(f"the {_ID} cannot be made: {error}") from error
            except Refused as error:
                raise Rejected(f"the API server refuses the {_ID}: {error}") from error
            except Conflict as error:
                raise ChildConflict(f"the {_ID} changes at this moment: {error}") from error
            self._applied[namespace] = stored.version
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
            await self._writer.delete_child(namespace, _ID, live.metadata.uid)
            self._deleted[namespace] = live.metadata.uid
            self._applied.pop(namespace, None)
            log.info("deleted %s in %s: no isolated pod is left", _ID, namespace)
        return None

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
        return self._informers.has_isolated(namespace) or self._is_wanted(namespace)

    def _is_wanted(self, namespace: str) -> bool:
        return any(
            body["metadata"]["namespace"] == namespace
            and (body.get("spec") or {}).get("isolateNetwork") is True
            and not body["metadata"].get("deletionTimestamp")
            for body in self._store
        )

    async def _claim(self, child: Child) -> str | None:
        """Return the UID of the live policy if it is ours, None where there is none."""
        found = await self._writer.read_child(child)
        if found is None:
            return None
        if names.DENY_LABEL not in found.labels:
            raise ChildConflict(
                f"the {_ID} exists and is not the operator's, which left it alone; delete or "
                "rename it: no workload of this namespace can be isolated before"
            )
        return found.uid


def build_deny_policy(namespace: str) -> Child:
    """Return the policy of *namespace* that denies."""
    metadata: Manifest = {
        "name": names.DENY_POLICY,
        "namespace": namespace,
        "labels": {
            names.DENY_LABEL: "deny",
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
    return live.metadata.deletion_timestamp is None and filled == {
        field: value for field, value in _SPEC.items() if value
    }
