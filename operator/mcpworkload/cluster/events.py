"""Events: those of a pod, read when its status does not say enough, and our own."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from mcpworkload import names
from mcpworkload.cluster.api import Api
from mcpworkload.cluster.kinds import REFUSAL
from mcpworkload.cluster.lists import PAGE_SIZE
from mcpworkload.errors import ApiError, Conflict, Unavailable
from mcpworkload.exits import Exit
from mcpworkload.live import Event, Page, Partial
from mcpworkload.status import News, describe

log = logging.getLogger(__name__)

# The API server takes 1,024 bytes.
MAX_NOTE_BYTES = 1000
CONTROLLER = f"{names.GROUP}/operator"
_PAGE = msgspec.json.Decoder(Page[Event])


class Events:
    """Reads and writes Events; neither is worth failing for."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def read(self, namespace: str, uid: str) -> Sequence[Event]:
        """The Events of the object with that UID; none where they can't be read."""
        return await self._read(namespace, f"involvedObject.uid={uid}")

    async def read_of_claim(self, namespace: str, name: str) -> Sequence[Event]:
        """The Events of a PersistentVolumeClaim, which we have no right to look at itself."""
        about = f"involvedObject.kind=PersistentVolumeClaim,involvedObject.name={name}"
        return await self._read(namespace, about)

    async def _read(self, namespace: str, about: str) -> Sequence[Event]:
        selector = {"fieldSelector": about, "limit": str(PAGE_SIZE)}
        try:
            content = await self._api.request("GET", REFUSAL.path(namespace), params=selector)
        except ApiError as error:
            log.warning("Events in %s can't be read: %s", namespace, error)
            return ()
        return _PAGE.decode(content).items

    async def post(self, body: Mapping[str, Any], news: News, now: datetime) -> None:
        """
        Say *news* of the workload in *body*.

        The same news of the same generation is said once in the time that Events are kept,
        whoever says it: its name tells.
        """
        try:
            await self._create(event_of_news(body, news, now))
        except ApiError as error:
            log.warning("an Event was not written: %s", error)

    async def post_exit(self, body: Mapping[str, Any], exit_: Exit, now: datetime) -> None:
        """
        Say that a container of the workload in *body* has ended unexpectedly, once.

        Raises:
            Unavailable: it is not known whether it was said: it has to be said again.
        """
        said = f"{exit_.pod_uid} {exit_.container} {exit_.index}"
        event = event_of_exit(body, said, exit_, now)
        try:
            if not await self._create(event) and await self._is_another(event):
                # The kubelet has begun to count anew; the container's own ID tells them apart.
                await self._create(event_of_exit(body, exit_.container_id, exit_, now))
        except Unavailable:
            raise
        except ApiError as error:
            log.warning("an Event was not written: %s", error)

    async def _is_another(self, event: Mapping[str, Any]) -> bool:
        """Whether the Event of that name tells of another container."""
        metadata = event["metadata"]
        found = await self._api.request("GET", _path(metadata["namespace"], metadata["name"]))
        told = msgspec.json.decode(found, type=Partial).metadata.annotations
        ours = metadata.get("annotations", {}).get(names.CONTAINER_ID_ANNOTATION)
        return bool(ours) and told.get(names.CONTAINER_ID_ANNOTATION, ours) != ours

    async def _create(self, event: Mapping[str, Any]) -> bool:
        """Create the Event; False when there is one of that name."""
        try:
            await self._api.request(
                "POST",
                _path(event["metadata"]["namespace"]),
                params={"fieldManager": names.FIELD_MANAGER},
                body=msgspec.json.encode(event),
            )
        except Conflict:
            return False
        return True


def event_of_news(body: Mapping[str, Any], news: News, now: datetime) -> dict[str, Any]:
    """The Event to write for a stored transition."""
    said = f"{news.generation} {news.condition} {news.type} {news.reason}"
    return _event(body, said, news.type, news.reason, news.note, now)


def event_of_exit(body: Mapping[str, Any], said: str, exit_: Exit, now: datetime) -> dict[str, Any]:
    """The Event to write for an exit; what it is *said* by is its name."""
    event = _event(body, said, "Warning", exit_.kind, describe(exit_), now)
    if exit_.container_id:
        event["metadata"]["annotations"] = {names.CONTAINER_ID_ANNOTATION: exit_.container_id}
    return event


def _event(
    body: Mapping[str, Any], said: str, type_: str, reason: str, note: str, now: datetime
) -> dict[str, Any]:
    # *said* is what makes it another Event.
    metadata = body["metadata"]
    digest = hashlib.sha256(f"{metadata['uid']} {said}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{digest}",
            "namespace": metadata["namespace"],
        },
        "regarding": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": type_,
        "reason": reason,
        "action": "Reconcile",
        "note": note.encode()[:MAX_NOTE_BYTES].decode(errors="ignore"),
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": names.FIELD_MANAGER,
    }


def _path(namespace: str, name: str = "") -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events" + (f"/{name}" if name else "")
