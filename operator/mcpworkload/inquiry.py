"""
What is asked about pods that are not ready and do not say why.

One list of a pod's Events for each state that it is in; where they do not explain anything
yet, further ones, less and less often.
"""

from dataclasses import replace
from datetime import datetime

from mcpworkload.cluster.events import Events
from mcpworkload.live import Pod
from mcpworkload.memory import Memory, Told
from mcpworkload.observation import Observation
from mcpworkload.status import (
    awaited_claims,
    condition_of,
    is_telling,
    since,
    suspects,
)

PAUSE_SECONDS = (20.0, 300.0)
# One pod's problem is told at a time; the others mostly have the same.
MAX_PODS = 3


async def inquire(
    events: Events,
    namespace: str,
    observation: Observation,
    replicas: int,
    memory: Memory,
    now: datetime,
) -> tuple[Observation, float | None]:
    """
    *observation* with what Events say; after how many seconds to ask again, None for not.

    What was said of pods that could not be made is left out once no pod was missing.
    """
    if len(observation.pods) >= replicas:
        memory.complete_at = now
    present = {pod.metadata.uid for pod in observation.pods.values()}
    memory.told = {uid: told for uid, told in memory.told.items() if uid in present}
    asked = suspects(observation.pods.values(), now)[:MAX_PODS]
    for pod in asked:
        await _ask(events, namespace, pod, memory)
    waits = [memory.told[pod.metadata.uid].due_in() for pod in asked]
    again = min((wait for wait in waits if 0 < wait < float("inf")), default=None)
    told = {uid: each.events for uid, each in memory.told.items()}
    refusals = since(observation.refusals, memory.complete_at)
    return replace(observation, told=told, refusals=refusals), again


async def _ask(events: Events, namespace: str, pod: Pod, memory: Memory) -> None:
    state, before = _state_of(pod), memory.told.get(pod.metadata.uid)
    is_same = before is not None and before.state == state
    if before is not None and is_same and before.due_in() > 0:
        return
    if claims := awaited_claims(pod):
        found = [e for claim in claims for e in await events.read_of_claim(namespace, claim)]
    else:
        found = list(await events.read(namespace, pod.metadata.uid))
    first, longest = PAUSE_SECONDS
    pause = min(longest, 2 * (before.pause or first)) if before and is_same else first
    memory.told[pod.metadata.uid] = Told(state, found, None if is_telling(found) else pause)


def _state_of(pod: Pod) -> str:
    scheduled = condition_of(pod, "PodScheduled").message
    return scheduled + ", ".join(
        f"{container.name} {container.restart_count} {container.ready} "
        f"{container.state.waiting.reason if container.state.waiting else ''} "
        f"{container.state.running is not None} {container.state.terminated is not None}"
        for container in pod.containers
    )
