"""Every write of a reconcile to children, claims and status, and the reads before some."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.controller.children import CHILD_KINDS
from mcpworkload.controller.desired import Child
from mcpworkload.controller.kinds import CLAIM, WORKLOAD
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import Conflict, NotFound, read_answer
from mcpworkload.kube.lists import PARTIAL_OBJECT, read_pages
from mcpworkload.kube.manifest import Manifest
from mcpworkload.kube.objects import Claim, LiveChild, Metadata, Partial

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
# An apply ignores the version where it creates an object, and no object ever has this one: the
# first write of a cluster's life has a higher one.
_NO_VERSION = "1"


class Writer:
    """
    Writes children, claims and status under the operator's field manager.

    Where a method returns metadata, identity and version of the written object are in it.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    async def read_child(self, child: Child) -> Metadata | None:
        """Return the metadata of the object with the child's kind and name, ours or not."""
        try:
            content = await self._api.request("GET", _path(child), accept=PARTIAL_OBJECT)
        except NotFound:
            return None
        return read_answer(content, Partial).metadata

    async def apply_child(
        self,
        child: Child,
        *,
        uid: str | None,
        version: int = 0,
        force: bool,
        dry_run: bool = False,
    ) -> LiveChild:
        """
        Apply *child* by server-side apply, or by a dry run; return the result.

        With *uid* only the live object of that UID is changed, and only in that *version* if it is
        not 0; without *uid* the child is created, and no object that exists is changed.

        Raises:
            Conflict: a field belongs to another manager (unless *force*), or the object is another,
                or exists already.
            ApiError: as the API server answered.
        """
        required = {"resourceVersion": _NO_VERSION}
        if uid:
            required = {"uid": uid, **({"resourceVersion": str(version)} if version else {})}
        manifest = {**child.manifest, "metadata": {**child.manifest["metadata"], **required}}
        content = await self._api.request(
            "PATCH",
            _path(child),
            params={
                "fieldManager": names.FIELD_MANAGER,
                "force": "true" if force else "false",
                **_dry(dry_run),
            },
            body=msgspec.json.encode(manifest),
            content_type=APPLY,
        )
        live: type[LiveChild] = CHILD_KINDS[child.id.kind].live
        return read_answer(content, live)

    async def read_whole(self, child: Child) -> Manifest | None:
        """Return the object with the child's kind and name, as it is stored; None without."""
        try:
            content = await self._api.request("GET", _path(child))
        except NotFound:
            return None
        return read_answer(content, dict)

    async def put_back(self, child: Child, live: Manifest, content: Manifest) -> Metadata:
        """
        Give the child that *content* in place of what it has in *live*, in one update.

        Return the metadata of the result.

        Raises:
            Conflict: the object has changed since, or is another.
            ApiError: as the API server answered.
        """
        patch = {field: live.get(field) or {} for field in content}
        return await self._merge(child, live, _replacing(patch, content))

    async def disown_updates(self, child: Child) -> Metadata | None:
        """
        Give up the fields of the child that the operator holds by updates; return the metadata.

        A field that is held by an update would stay when an apply leaves it out.

        Raises:
            Conflict: the object has changed meanwhile.
            ApiError: as the API server answered.
        """
        live = await self.read_whole(child)
        if live is None:
            return None
        entries = live["metadata"].get("managedFields") or []
        kept = [entry for entry in entries if not _is_update_of_ours(entry)]
        if len(kept) == len(entries):
            return msgspec.convert(live["metadata"], Metadata)
        return await self._merge(child, live, {}, {"managedFields": kept})

    async def _merge(
        self,
        child: Child,
        live: Manifest,
        content: Manifest,
        metadata: Mapping[str, Any] | None = None,
    ) -> Metadata:
        """Merge *content* and *metadata* into the child if it is the one in *live*."""
        was = live["metadata"]
        version = {"uid": was["uid"], "resourceVersion": was["resourceVersion"]}
        answer = await self._api.request(
            "PATCH",
            _path(child),
            params={"fieldManager": names.FIELD_MANAGER},
            body=msgspec.json.encode({"metadata": {**version, **(metadata or {})}, **content}),
            content_type=MERGE,
            accept=PARTIAL_OBJECT,
        )
        return read_answer(answer, Partial).metadata

    async def delete_child(
        self, namespace: str, child_id: ChildId, *, uid: str, version: int
    ) -> bool:
        """
        Delete the child with that UID in that version; return whether it is gone.

        One that has changed since, or another of its name, is left alone.

        Raises:
            ApiError: as the API server answered.
        """
        preconditions = {"uid": uid, "resourceVersion": str(version)}
        options = {"preconditions": preconditions, "propagationPolicy": "Background"}
        try:
            await self._api.request(
                "DELETE", _path_of(namespace, child_id), body=msgspec.json.encode(options)
            )
        except NotFound:
            return True
        except Conflict:
            return False
        return True

    async def orphan_child(self, child: Child, *, uid: str, version: int) -> Metadata:
        """
        Delete the child, and nothing that belongs to it, if its UID and version are still those.

        Return the metadata of the object, which exists until its dependents have been released.

        Raises:
            Conflict: the object has changed, or is another.
            ApiError: as the API server answered.
        """
        preconditions = {"uid": uid, "resourceVersion": str(version)}
        options = {"preconditions": preconditions, "propagationPolicy": "Orphan"}
        content = await self._api.request(
            "DELETE", _path(child), body=msgspec.json.encode(options), accept=PARTIAL_OBJECT
        )
        return read_answer(content, Partial).metadata

    async def read_claims(self, namespace: str, workload: str) -> list[Claim]:
        """Return the claims that carry the label of that workload."""
        selector = {"labelSelector": f"{names.WORKLOAD_LABEL}={workload}"}
        pages = read_pages(self._api, CLAIM, namespace, selector=selector)
        return [claim async for page in pages for claim in page.items]

    async def grow_claim(self, claim: Claim, size: str, *, dry_run: bool) -> None:
        """
        Ask for more storage in a claim, or have that judged by a dry run.

        Raises:
            Conflict: the claim has changed since it was read.
            ApiError: as the API server answered.
        """
        metadata = claim.metadata
        version = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
        spec = {"resources": {"requests": {"storage": size}}}
        await self._api.request(
            "PATCH",
            CLAIM.path(metadata.namespace, metadata.name),
            params={"fieldManager": names.FIELD_MANAGER, **_dry(dry_run)},
            body=msgspec.json.encode({"metadata": version, "spec": spec}),
            content_type=MERGE,
            accept=PARTIAL_OBJECT,
        )

    async def write_status(self, body: Mapping[str, Any], status: dict[str, Any]) -> dict[str, Any]:
        """
        Replace the status of the workload in *body*; return the workload as stored.

        Only over that very version: the status was made from it, and the answer then contains no
        change that the operator has not read.

        Raises:
            Conflict: the workload has changed, or was deleted and made anew.
            ApiError: as the API server answered.
        """
        metadata = body["metadata"]
        version = {"resourceVersion": metadata["resourceVersion"]}
        content = await self._api.request(
            "PATCH",
            WORKLOAD.path(metadata["namespace"], metadata["name"]) + "/status",
            params={"fieldManager": names.FIELD_MANAGER},
            body=msgspec.json.encode(
                {"metadata": version, "status": _replacing(body.get("status") or {}, status)}
            ),
            content_type=MERGE,
        )
        return read_answer(content, dict)


def _replacing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes *new* of *old*: null takes away what *new* lacks."""
    patch: dict[str, Any] = dict.fromkeys(old.keys() - new.keys())
    for key, value in new.items():
        was = old.get(key)
        is_map = isinstance(value, Mapping) and isinstance(was, Mapping)
        patch[key] = _replacing(was or {}, value) if is_map else value
    return patch


def _is_update_of_ours(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of managedFields has what the operator wrote by an update."""
    is_update = entry.get("operation") == "Update" and not entry.get("subresource")
    return is_update and entry.get("manager") == names.FIELD_MANAGER


def _path(child: Child) -> str:
    return _path_of(child.manifest["metadata"]["namespace"], child.id)


def _path_of(namespace: str, child_id: ChildId) -> str:
    return CHILD_KINDS[child_id.kind].path(namespace, child_id.name)


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
