"""The scenarios, in the order in which they are run on one contender."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any

from tests.perf.scale import requests
from tests.perf.scale.arena import CHANGER_USER, NAMESPACE, Arena, Measurement
from tests.perf.scale.client import for_each, paced
from tests.perf.scale.drift import repair_drift
from tests.perf.scale.requests import percentile

Scenario = Callable[[Arena], Awaitable[None]]

SERVED, SETTLED, GONE = "children and status", "settled", "gone"
CONTROLLERS = "kube-controller-manager"
IN_FLIGHT = 32
PACE = 50.0
PACED_AT_MOST = 1000
CHANGES_PER_SECOND = 20.0
REACTION_SECONDS = 30.0
IDLE_SECONDS = 60.0
EVENTS_SECONDS = 30.0
EVENTS_PER_WORKLOAD = 2.0
# Beyond this the API server of two cores cannot take the events themselves.
EVENTS_UP_TO = 1000
EVENTS_IN_FLIGHT = 64
TOUCHED = 500


async def create(arena: Arena) -> None:
    """Create all workloads as fast as the API server takes them."""
    names = arena.names
    async with (
        arena.measuring("create", len(names)) as measurement,
        arena.waiting(names, arena.world.is_served) as served,
        arena.waiting(names, arena.world.is_settled) as settled,
    ):
        settled.on_done = lambda: measurement.mark(SETTLED)
        await for_each(names, arena.create, IN_FLIGHT)
        measurement.mark("created")
        await measurement.until(SERVED, served)
        await measurement.until(SETTLED, settled)
    _note_burst(arena, measurement)


async def idle(arena: Arena) -> None:
    """Let nothing happen."""
    await arena.process.until_quiet()
    async with arena.measuring("idle", 1):
        await asyncio.sleep(IDLE_SECONDS * arena.brevity)


async def reaction(arena: Arena) -> None:
    """Change specs at a steady pace: how long until the first child is written."""
    count = int(CHANGES_PER_SECOND * REACTION_SECONDS * arena.brevity)
    names = arena.names
    changes = [(names[n % len(names)], f"weather:r{n // len(names)}") for n in range(count)]
    # The controllers that would replace the pods take more of two cores than is left for a time in
    # milliseconds to mean anything.
    arena.plane.pause(CONTROLLERS)
    try:
        async with arena.measuring("reaction", count) as measurement:
            await paced(changes, lambda change: arena.set_image(*change), CHANGES_PER_SECOND)
            measurement.mark("changed")
            await arena.process.until_quiet()
    finally:
        arena.plane.resume(CONTROLLERS)
    _note_reactions(arena, measurement)
    await _settle(arena)


async def update(arena: Arena) -> None:
    """Give every workload another image."""
    names, image = arena.names, "weather:2"
    is_updated = arena.world.is_updated_to(image)
    async with (
        arena.measuring("update", len(names)) as measurement,
        arena.waiting(names, is_updated) as served,
        arena.waiting(
            names, lambda name: is_updated(name) and arena.world.is_settled(name)
        ) as settled,
    ):
        await for_each(names, lambda name: arena.set_image(name, image), IN_FLIGHT)
        measurement.mark("changed")
        await measurement.until(SERVED, served)
        await measurement.until(SETTLED, settled)
        await arena.process.until_quiet()
    _note_burst(arena, measurement)


async def drift(arena: Arena) -> None:
    """Change children behind the contender's back."""
    async with arena.measuring("drift", 0) as measurement:
        if arena.contender.repairs:
            await repair_drift(arena, measurement.result)
    if arena.contender.repairs:
        await _settle(arena)


async def events(arena: Arena) -> None:
    """Change every pod twice a second, in what concerns nobody."""
    if arena.size > EVENTS_UP_TO:
        return
    pods = await arena.client.get(f"/api/v1/namespaces/{NAMESPACE}/pods")
    paths = [f"/api/v1/namespaces/{NAMESPACE}/pods/{p['metadata']['name']}" for p in pods["items"]]
    rate, seconds = EVENTS_PER_WORKLOAD * arena.size, EVENTS_SECONDS * arena.brevity
    async with arena.measuring("events", 0) as measurement:
        begin = time.time()
        sent = 0

        async def change(number: int) -> None:
            nonlocal sent
            await asyncio.sleep(max(0.0, begin + number / rate - time.time()))
            if time.time() - begin < seconds:
                patch = {"metadata": {"annotations": {"bench/number": str(number)}}}
                if await arena.client.merge(paths[number % len(paths)], patch):
                    sent += 1

        await for_each(range(int(rate * seconds)), change, EVENTS_IN_FLIGHT)
        measurement.mark("sent")
        await arena.process.until_quiet()
        result = measurement.result
        result.operations = sent
        result.figures["events a second"] = sent / result.phases["sent"].seconds


async def restart(arena: Arena) -> None:
    """End the contender, start it again, and wait until it has looked at everything."""
    async with arena.measuring("restart", arena.size) as measurement:
        figures = measurement.result.figures
        figures["stop seconds"] = await arena.process.stop()
        begin = time.time()
        measurement.restarted()
        await arena.process.start()
        figures["start seconds"] = time.time() - begin
        await _serve_newcomer(arena, "restart", begin, figures)
        figures["quiet after seconds"] = await arena.process.until_quiet() - begin
    _note_writes(arena, measurement, "restart")


async def relist(arena: Arena) -> None:
    """Let every watch of the contender expire: it has to list all anew."""
    names = arena.names[:TOUCHED]
    patch = {"metadata": {"annotations": {"bench/touched": "yes"}}}
    resource = arena.contender.resource
    async with arena.measuring("relist", arena.size) as measurement:
        # While it stands still, more changes than it knows of are stored; a new API server has no
        # memory of the versions before, and answers 410 to who asks for what came after them.
        arena.process.send(signal.SIGSTOP)
        await for_each(
            names, lambda name: arena.client.merge(resource.path_in(NAMESPACE, name), patch)
        )
        await asyncio.to_thread(arena.plane.restart, "kube-apiserver")
        begin = time.time()
        arena.process.send(signal.SIGCONT)
        figures = measurement.result.figures
        await _serve_newcomer(arena, "relist", begin, figures)
        figures["quiet after seconds"] = await arena.process.until_quiet() - begin
    _note_writes(arena, measurement, "relist")
    own = requests.of(arena.last_requests, arena.contender.user)
    figures["lists"] = sum(one.verb == "list" for one in own)


async def paced_create(arena: Arena) -> None:
    """Create more workloads at a steady pace."""
    names = [f"p{number:05}" for number in range(min(arena.size, PACED_AT_MOST))]
    async with (
        arena.measuring("paced", len(names)) as measurement,
        arena.waiting(names, arena.world.is_served) as served,
    ):
        await paced(names, arena.create, PACE)
        measurement.mark("created")
        await measurement.until(SERVED, served)
    _note_burst(arena, measurement)
    _note_reactions(arena, measurement)


async def delete(arena: Arena) -> None:
    """Delete every workload; the garbage collector deletes the children."""
    names = sorted(arena.world.workloads)
    async with (
        arena.measuring("delete", len(names)) as measurement,
        arena.waiting(names, arena.world.is_gone) as gone,
    ):
        await for_each(names, arena.delete, IN_FLIGHT)
        measurement.mark("deleted")
        await measurement.until(GONE, gone)
        await arena.process.until_quiet()


#: Every scenario by its name, in their order: each finds what those before it have left.
SCENARIOS = MappingProxyType(
    {
        "create": create,
        "idle": idle,
        "reaction": reaction,
        "update": update,
        "drift": drift,
        "events": events,
        "restart": restart,
        "relist": relist,
        "paced": paced_create,
        "delete": delete,
    }
)


async def _settle(arena: Arena) -> None:
    """Return when every workload is ready again and the contender is quiet."""
    async with arena.waiting(arena.names, arena.world.is_settled) as settled:
        with arena.progress.showing(lambda: f"settling {settled.count}/{settled.total}"):
            await settled.done()
    await arena.process.until_quiet()


async def _serve_newcomer(
    arena: Arena, word: str, begin: float, figures: dict[str, float | None]
) -> None:
    """Create a workload and note how long after *begin* it was served."""
    name = f"newcomer-{word}"
    await _insisting(lambda: arena.create(name))
    async with arena.waiting([name], arena.world.is_served) as served:
        await served.done()
    figures["newcomer served after seconds"] = time.time() - begin


async def _insisting(action: Callable[[], Awaitable[Any]]) -> None:
    """Carry it out; a connection that a restart has cut is opened once more."""
    try:
        await action()
    except OSError:
        await action()


def _note_writes(arena: Arena, measurement: Measurement, word: str) -> None:
    """Note the writes beside those for the newcomer."""
    writes = [
        one
        for one in requests.of(arena.last_requests, arena.contender.user)
        if one.is_write and not one.name.startswith(f"newcomer-{word}")
    ]
    measurement.result.figures["writes"] = len(writes)


def _note_burst(arena: Arena, measurement: Measurement) -> None:
    """Note what each workload took until it was served, and how its status followed."""
    contender, result = arena.contender, measurement.result
    plural, children = contender.resource.plural, _children(arena)
    until = measurement.ended(SERVED)
    # A watch is for all workloads; a list may be for one.
    own = [r for r in requests.of(arena.last_requests, contender.user) if r.verb != "watch"]
    before = [one for one in own if one.received <= until]
    lags = requests.status_lags(own, plural, children)
    first = requests.count_first_status(before, plural) if until else 0
    result.figures |= {
        "requests each until served": first / result.operations,
        "requests each": len(own) / result.operations,
        "status after children p50": percentile(lags, 0.5),
        "status after children p90": percentile(lags, 0.9),
    }


def _note_reactions(arena: Arena, measurement: Measurement) -> None:
    contender = arena.contender
    found = requests.reactions(
        arena.last_requests,
        CHANGER_USER,
        contender.user,
        contender.resource.plural,
        _children(arena),
    )
    measurement.result.figures |= {
        "reactions": len(found),
        "reaction p50": percentile(found, 0.5),
        "reaction p99": percentile(found, 0.99),
    }


def _children(arena: Arena) -> dict[str, Any]:
    return {child.resource.plural: child for child in arena.contender.children}
