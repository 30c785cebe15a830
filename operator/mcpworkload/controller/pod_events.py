"""
What is asked about pods that are not ready and do not say why.

One list of a pod's Events for each state that it is in; where they do not explain anything
yet, further ones: every 20 seconds for as long as a kubelet under load may be late with its
words, then less and less often.
"""

from dataclasses import replace
from datetime import datetime

from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.recorder import Events
from mcpworkload.controller.state import WORDS_SECONDS, PodEventsRead, WorkloadState
from mcpworkload.controller.status import (
    awaited_claims,
    condition_of,
    has_open_end,
    is_explained,
    since,
    suspects,
)
from mcpworkload.kube.objects import Pod

PAUSE_SECONDS = (20.0, 300.0)
# Kubelets were seen to be 90 s late; until then the pauses do not grow.
LATE_SECONDS = 180.0
# While the words on an end may be on their way.
_SOON_SECONDS = 1.0
# One pod's problem is told at a time; the others mostly have the same.
MAX_PODS = 3


async def inquire(
    events: Events,
    namespace: str,
    observation: Observation,
    replicas: int,
    state: WorkloadState,
    now: datetime,
) -> tuple[Observation, float | None]:
    """
    *observation* with what Events say; after how many seconds to ask again, None for not.

    What was said of pods that could not be made is left out once no pod was missing.
    """
    if len(observation.pods) >= replicas:
        state.complete_at = now
    present = {pod.metadata.uid for pod in observation.pods.values()}
    state.told = {uid: told for uid, told in state.told.items() if uid in present}
    asked = suspects(observation.pods.values(), now)[:MAX_PODS]
    for pod in asked:
        await _ask(events, namespace, pod, state, now)
    waits = [state.told[pod.metadata.uid].due_in(state.monotonic()) for pod in asked]
    again = min((wait for wait in waits if 0 < wait < float("inf")), default=None)
    told = {uid: each.events for uid, each in state.told.items()}
    failed_creates = since(observation.failed_creates, state.complete_at)
    return replace(observation, told=told, failed_creates=failed_creates), again


async def _ask(
    events: Events, namespace: str, pod: Pod, state: WorkloadState, now: datetime
) -> None:
    pod_state, before = _state_of(pod), state.told.get(pod.metadata.uid)
    if before is not None and before.pod_state != pod_state:
        before = None
    if before is not None and before.due_in(state.monotonic()) > 0:
        return
    if claims := awaited_claims(pod):
        found = [e for claim in claims for e in await events.read_of_claim(namespace, claim)]
    else:
        found = list(await events.read(namespace, pod.metadata.uid))
    moment = state.monotonic()
    since_first = before.since if before else moment
    is_soon = has_open_end(pod, now) and moment - since_first < WORDS_SECONDS
    pause: float | None = _SOON_SECONDS if is_soon else _pause(before, moment)
    if is_explained(pod, found, now):
        pause = None
    state.told[pod.metadata.uid] = PodEventsRead(pod_state, found, pause, moment, since_first)


def _pause(before: PodEventsRead | None, moment: float) -> float:
    """How long to wait after a list that explains nothing; *before* is the one before it."""
    first, longest = PAUSE_SECONDS
    if before is None or moment - before.since < LATE_SECONDS:
        return first
    return min(longest, 2 * max(first, before.pause or first))


def _state_of(pod: Pod) -> str:
    scheduled = condition_of(pod, "PodScheduled").message
    return scheduled + ", ".join(
        f"{container.name} {container.restart_count} {container.ready} "
        f"{container.state.waiting.reason if container.state.waiting else ''} "
        f"{container.state.running is not None} {container.state.terminated is not None}"
        for container in pod.containers
    )
