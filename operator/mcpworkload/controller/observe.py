"""
All reading of a reconcile.

First what the pod template depends on, then what pods refer to, then Events of pods, at last the
caches.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mcpworkload.api.refusals import Refusal
from mcpworkload.controller.caches import Informers
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.desired import Surroundings
from mcpworkload.controller.namespaces import NamespaceLevels
from mcpworkload.controller.parse import Parsed, Wish
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.pod_events import find_due, note_read
from mcpworkload.controller.probe_headers import HeaderCache, Headers
from mcpworkload.controller.recorder import Events
from mcpworkload.controller.references import Absence, Found, ObjectId
from mcpworkload.controller.state import PodEventsRead, WorkloadState
from mcpworkload.controller.status import awaited_claims
from mcpworkload.controller.store import Body
from mcpworkload.controller.verifier import Verifier
from mcpworkload.kube.errors import ApiError
from mcpworkload.kube.keys import split_key
from mcpworkload.kube.objects import Event, Pod


class Observer:
    """Reads what one reconcile decides by."""

    def __init__(
        self,
        informers: Informers,
        levels: NamespaceLevels,
        verifier: Verifier,
        events: Events,
        clock: Clock,
    ) -> None:
        self._informers = informers
        self._verifier = verifier
        self._headers = HeaderCache(informers.references)
        self._levels = levels
        self._events = events
        self._clock = clock

    async def look_around(self, key: str, body: Body) -> Surroundings:
        """
        Return what the pod template of the workload in *body* depends on beside its spec.

        Raises:
            ApiError: the API server does not answer; worth a retry.
        """
        profile = _part(_part(body, "spec"), "permissionProfile")
        text = await self._read_profile(key, _part(profile, "configMapKeyRef"))
        level = await self._levels.level_of(split_key(key)[0]) if profile else None
        return Surroundings(text, level, self._informers.proxy_address(key))

    async def _read_profile(self, key: str, source: Mapping[str, Any]) -> str | Absence | None:
        """Return the text of the profile that *source* names; None where it names none."""
        name, key_of_text = source.get("name"), source.get("key")
        if not (isinstance(name, str) and isinstance(key_of_text, str)):
            self._informers.references.release_text(key)
            return None
        config_map = ObjectId("ConfigMap", name)
        return await self._informers.references.text_of(key, config_map, key_of_text)

    async def observe(
        self, key: str, parsed: Parsed, state: WorkloadState, now: datetime
    ) -> tuple[Observation, WorkloadState]:
        """
        Return all that is known of the workload *key* at *now*, and the state with the Events read.

        The caches come last, so that a plan is made from what they hold after every wait.
        """
        references, headers, unanswered = await self._look_up(key, parsed.wish)
        pods = {pod.metadata.uid: pod for pod in self._informers.pods_of(key).values()}
        reads = await self._read_due(key, pods, state, now)
        complete_at = now if len(pods) >= parsed.inputs.replicas else state.complete_at
        observation = self._informers.observe(
            key,
            references=references,
            unanswered=unanswered,
            pod_events={uid: each.events for uid, each in reads.items()},
            complete_at=complete_at,
        )
        check = parsed.inputs.check
        answers = self._verifier.follow(key, observation.pods, check, headers, parsed.inputs.status)
        observation = replace(observation, answers=answers)
        return observation, state.after_reading(reads, complete_at)

    async def _look_up(
        self, key: str, wish: Wish | Refusal
    ) -> tuple[Mapping[ObjectId, Found], Headers | None, ApiError | None]:
        """
        Return what a wish refers to, and the headers of its check, or why they are not known.

        A draft is built with the ConfigMaps and Secrets that its pods read, and no others.
        """
        if isinstance(wish, Refusal):
            return {}, None, None
        read = {reference.object for reference in wish.references}
        secrets = frozenset(wish.check.secrets)
        try:
            found = await self._informers.references.look_up(key, read | secrets)
            headers = await self._headers.read(key, {each: found[each] for each in secrets})
        except ApiError as error:
            return {}, None, error
        return {each: found[each] for each in read}, headers, None

    def forget(self, key: str) -> None:
        """Drop what is kept of a workload that is deleted."""
        self._headers.forget(key)
        self._verifier.drop(key)

    async def _read_due(
        self, key: str, pods: Mapping[str, Pod], state: WorkloadState, now: datetime
    ) -> Mapping[str, PodEventsRead]:
        """Return the Events of *pods*, both by UID, where they were read at any time."""
        reads = {uid: read for uid, read in state.pod_events.items() if uid in pods}
        for pod in find_due(pods.values(), reads, now, self._clock.monotonic()):
            events = await self._read_of(key, pod)
            reads[pod.metadata.uid] = note_read(pod, events, reads, now, self._clock.monotonic())
        return reads

    async def _read_of(self, key: str, pod: Pod) -> list[Event]:
        """Return the Events of *pod*, or of the claims that it waits for."""
        namespace, _ = split_key(key)
        if claims := awaited_claims(pod):
            reads = [await self._events.read_of_claim(namespace, claim) for claim in claims]
            return [event for read in reads for event in read]
        return list(await self._events.read(namespace, pod.metadata.uid))


def _part(whole: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return the mapping in *field* of a body that nobody has parsed yet; empty without one."""
    found = whole.get(field)
    return found if isinstance(found, Mapping) else {}
