"""
Removing a workload with all that belongs to it.

Kubernetes deletes the volumes, because the library first sets the workload's own retention: once
the claims have an owner, the end of this process leaves none behind. Claims of pods that do not
exist now (stopped, scaled down) never get an owner from Kubernetes; the library deletes those
itself, by UID, after the workload is gone.
"""

import asyncio
import contextlib
from typing import Any

import msgspec

from mcpworkload.kube.objects import Partial
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.errors import WorkloadConflict, WorkloadError, WorkloadNotFound
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.watching import Body, Objects, until

_UNDO_SECONDS = 10.0


async def remove(workload: WorkloadHandle, *, keep_volumes: bool, seconds: float | None) -> None:
    """
    Remove *workload*; return when its pods are gone, and its claims unless they are to stay.

    Cancelled or failed before the deletion is asked for, the workload is as it was; afterwards
    the cluster completes it.

    Raises:
        WorkloadNotFound: there is none.
        WorkloadConflict: another one took its name meanwhile; it was left alone.
        WaitTimedOut: not over within *seconds*; its advice says whether the deletion goes on.
    """
    standing = "its deletion was not asked for, or that got no answer"
    try:
        async with asyncio.timeout(seconds):
            found = await workload.read()
            if found["metadata"].get("deletionTimestamp") is None:
                await _delete(workload, found, keep_volumes=keep_volumes)
            standing = "it goes on in the cluster"
            await _until_gone(workload, found["metadata"]["uid"])
            if found["spec"].get("volumeClaimTemplates") and not keep_volumes:
                await _remove_claims(workload)
    except TimeoutError:
        raise workload.timed_out("remove it", seconds, standing) from None


async def _delete(workload: WorkloadHandle, found: dict[str, Any], *, keep_volumes: bool) -> None:
    spec, uid = found["spec"], found["metadata"]["uid"]
    if not spec.get("volumeClaimTemplates"):
        await _ask(workload, uid)
        return
    retention = spec.get("volumeRetention") or {}
    wanted = "Retain" if keep_volumes else "Delete"
    was = retention.get("whenDeleted")
    if (was or "Retain") == wanted:
        await _ask(workload, uid)
        return
    try:
        workload.say("Retention", "settling what becomes of the volumes")
        await _set_retention(workload, uid, wanted)
        await _until_claims(workload, owned=not keep_volumes)
        await _ask(workload, uid)
    except BaseException:
        # Half done, a later deletion of the workload would take volumes that no one meant to
        # delete. So this is carried through although the caller may be cancelled again.
        await asyncio.shield(asyncio.create_task(_undo(workload, uid, was)))
        raise


async def _undo(workload: WorkloadHandle, uid: str, was: str | None) -> None:
    with contextlib.suppress(WorkloadError, TimeoutError):
        async with asyncio.timeout(_UNDO_SECONDS):
            found = await workload.read()
            # The request for the deletion may have got through although its answer did not.
            if found["metadata"].get("deletionTimestamp") is None:
                await _set_retention(workload, uid, was)


async def _set_retention(workload: WorkloadHandle, uid: str, when_deleted: str | None) -> None:
    # The UID makes it a change of this very workload, or none.
    retention = {"whenDeleted": when_deleted}
    await workload.merge({"metadata": {"uid": uid}, "spec": {"volumeRetention": retention}})


async def _ask(workload: WorkloadHandle, uid: str) -> None:
    workload.say("Deleting", "asking for the deletion")
    await workload.connection.request(
        "DELETE",
        workload.path,
        body={"preconditions": {"uid": uid}, "propagationPolicy": "Foreground"},
        workload=workload.key,
    )


async def _until_claims(workload: WorkloadHandle, *, owned: bool) -> None:
    """Return once every claim of a pod has an owner, or once none has."""
    used = {
        volume.persistent_volume_claim.claim_name
        for pod in await workload.pods()
        for volume in pod.spec.volumes
        if volume.persistent_volume_claim is not None
    }

    def are_settled(claims: Objects[Partial]) -> bool:
        return all(
            bool(claim.metadata.owner_references) is owned
            for name, claim in claims.items()
            if name in used or not owned
        )

    path = core_path("persistentvolumeclaims", workload.namespace)
    await until(workload.connection, path, workload.by_label, are_settled, Partial)


async def _until_gone(workload: WorkloadHandle, uid: str) -> None:
    def is_gone(objects: Objects[Body]) -> bool:
        found = objects.get(workload.name)
        if found is None:
            return True
        if found["metadata"]["uid"] != uid:
            raise WorkloadConflict(
                "another workload took its name while it was removed",
                workload=workload.key,
                reason="Replaced",
            )
        return False

    workload.say("Deleting", "waiting for the workload to go")
    await workload.until(is_gone)
    await _until_none(workload, "pods")


async def _until_none(workload: WorkloadHandle, resource: str) -> None:
    def are_gone(objects: Objects[Partial]) -> bool:
        if objects:
            workload.say("Deleting", f"waiting for {resource} {', '.join(sorted(objects))}")
        return not objects

    path = core_path(resource, workload.namespace)
    await until(workload.connection, path, workload.by_label, are_gone, Partial)


async def _remove_claims(workload: WorkloadHandle) -> None:
    await _delete_unowned_claims(workload)
    await _until_none(workload, "persistentvolumeclaims")


async def _delete_unowned_claims(workload: WorkloadHandle) -> None:
    path = core_path("persistentvolumeclaims", workload.namespace)
    claims = await workload.connection.request("GET", path, query=workload.by_label)
    for claim in msgspec.convert(claims["items"], list[Partial]):
        metadata = claim.metadata
        if metadata.owner_references or metadata.deletion_timestamp:
            continue
        try:
            await workload.connection.request(
                "DELETE",
                core_path("persistentvolumeclaims", workload.namespace, metadata.name),
                body={"preconditions": {"uid": metadata.uid}},
                workload=workload.key,
            )
        except (WorkloadNotFound, WorkloadConflict):
            continue  # gone already, or made anew by another client
