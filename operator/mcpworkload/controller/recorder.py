"""Reads the Events of pods and claims, and writes those of workloads."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from mcpworkload.api import names
from mcpworkload.controller.kinds import FAILED_CREATE
from mcpworkload.controller.status import EventDraft, describe
from mcpworkload.exits import Exit
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Conflict, Unavailable, read_answer
from mcpworkload.kube.objects import Event, Page

log = logging.getLogger(__name__)

# The API server takes 1,024 bytes.
MAX_NOTE_BYTES = 1000
# So many Events of one object are read at most.
MAX_EVENTS = 500
CONTROLLER = f"{names.GROUP}/operator"


class Events:
    """Reads and writes Events; a failure is logged, since no decision needs one."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def read(self, namespace: str, uid: str) -> Sequence[Event]:
        """Return the Events of the object with that UID; none where they can't be read."""
        return await self._read(namespace, f"involvedObject.uid={uid}")

    async def read_of_claim(self, namespace: str, name: str) -> Sequence[Event]:
        """Return the Events of a PersistentVolumeClaim, which the operator may not read itself."""
        about = f"involvedObject.kind=PersistentVolumeClaim,involvedObject.name={name}"
        return await self._read(namespace, about)

    async def _read(self, namespace: str, about: str) -> Sequence[Event]:
        selector = {"fieldSelector": about, "limit": str(MAX_EVENTS)}
        try:
            content = await self._api.request("GET", FAILED_CREATE.path(namespace), params=selector)
            return read_answer(content, Page[Event]).items
        except ApiError as error:
            log.warning("Events in %s can't be read: %s", namespace, error)
            return ()

    async def post(self, body: Mapping[str, Any], news: EventDraft, now: datetime) -> None:
        """
        Write *news* as an Event of the workload in *body*.

        The same news of the same topic has the same name, so it is stored once in the time that
        the API server keeps Events, also by two processes of the operator.
        """
        try:
            await self._create(event_of(body, news, now))
        except ApiError as error:
            log.warning("an Event was not written: %s", error)

    async def post_exit(self, body: Mapping[str, Any], exit_: Exit, now: datetime) -> None:
        """
        Write the Event that a container of the workload in *body* has ended unexpectedly.

        Raises:
            Unavailable: the Event may have been stored or not: it has to be written again.
        """
        try:
            await self._create(event_of_exit(body, exit_, now))
        except Unavailable:
            raise
        except ApiError as error:
            log.warning("an Event was not written: %s", error)

    async def _create(self, event: Mapping[str, Any]) -> None:
        """Create the Event, unless there is one of that name."""
        try:
            await self._api.request(
                "POST",
                _path(event["metadata"]["namespace"]),
                params={"fieldManager": names.FIELD_MANAGER},
                body=msgspec.json.encode(event),
            )
        except Conflict:
            return


def event_of(body: Mapping[str, Any], news: EventDraft, now: datetime) -> dict[str, Any]:
    """Return the Event to write for *news*."""
    return _event(body, f"{news.topic} {news.type} {news.reason}", news, now)


def event_of_exit(body: Mapping[str, Any], exit_: Exit, now: datetime) -> dict[str, Any]:
    """Return the Event to write for an exit, with the container's ID where that is known."""
    # One process may know more of an end than another: the name depends on what both know.
    topic = f"exit {exit_.pod_uid} {exit_.container} {exit_.index}"
    event = _event(body, topic, EventDraft("Warning", topic, exit_.kind, describe(exit_)), now)
    if exit_.container_id:
        event["metadata"]["annotations"] = {names.CONTAINER_ID_ANNOTATION: exit_.container_id}
    return event


def _event(body: Mapping[str, Any], topic: str, news: EventDraft, now: datetime) -> dict[str, Any]:
    metadata = body["metadata"]
    digest = hashlib.sha256(f"{metadata['uid']} {topic}".encode()).hexdigest()[:16]
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
        "type": news.type,
        "reason": news.reason,
        "action": "Reconcile",
        "note": news.note.encode()[:MAX_NOTE_BYTES].decode(errors="ignore"),
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": names.FIELD_MANAGER,
    }


def _path(namespace: str) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
