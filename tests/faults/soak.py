"""Random changes for a long time: the end is as the model wants it, and nothing has grown."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.findings import Finding, Watcher
from tests.faults.model import Wanted
from tests.faults.site import Site
from tests.faults.sizes import SETTLE_SECONDS, SOAK_SECONDS, SOAK_WORKLOADS, names
from tests.support.control_plane import ControlPlane

# Each has workloads of its own, so that no two change the same one.
_GARDENERS = 4
_PAUSE_SECONDS = (0.1, 0.5)
_MOST_REPLICAS = 3
_SAMPLES = 60
# The first part of a run fills caches and pools.
_WARM = 1 / 3
#: What may come on top from the warm part's end to the run's: noise, and no leak of half an hour.
_MEMORY_GROWTH = 12.0
_DESCRIPTOR_GROWTH = 8.0


@dataclass
class Trend:
    """What the operator held at several moments."""

    #: Seconds since the begin, MiB, open files and connections.
    samples: list[tuple[float, float, int]] = field(default_factory=list)

    async def sample(self, site: Site) -> None:
        """Take samples until cancelled."""
        begin = time.monotonic()
        while True:
            self.samples.append((time.monotonic() - begin, site.memory(), site.descriptors()))
            await asyncio.sleep(SOAK_SECONDS / _SAMPLES)

    def growth(self, part: int) -> float:
        """Return by how much the *part*-th value of a sample grows in the warm time, on a line."""
        warm = self.samples[int(len(self.samples) * _WARM) :]
        return slope([(each[0], each[part]) for each in warm]) * (warm[-1][0] - warm[0][0])


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Return the slope of the line through *points* by least squares."""
    pairs = list(points)
    x0 = sum(x for x, _ in pairs) / len(pairs)
    y0 = sum(y for _, y in pairs) / len(pairs)
    spread = sum((x - x0) ** 2 for x, _ in pairs)
    return sum((x - x0) * (y - y0) for x, y in pairs) / spread if spread else 0.0


@dataclass
class Gardener:
    """Changes workloads of some names at random until the time is over."""

    site: Site
    names: list[str]
    random: random.Random

    async def work(self, end: float) -> int:
        """Return how many changes were made."""
        count = 0
        while time.monotonic() < end:
            await self._change(self.random.choice(self.names))
            count += 1
            await asyncio.sleep(self.random.uniform(*_PAUSE_SECONDS))
        return count

    async def _change(self, name: str) -> None:
        wanted = self.site.model.get(name)
        if wanted is None:
            await self.site.create([name])
            return
        deeds: dict[Callable[[], Any], int] = {
            lambda: self.site.crash(name): 5,
            lambda: self.site.change(name, wanted.with_next_image()): 3,
            lambda: self.site.change(name, self._scaled(wanted)): 3,
            lambda: self.site.change(name, wanted.switched()): 2,
            lambda: self.site.delete(name): 2,
        }
        (deed,) = self.random.choices(list(deeds), list(deeds.values()))
        await deed()

    def _scaled(self, wanted: Wanted) -> Wanted:
        return wanted.with_replicas(self.random.randint(1, _MOST_REPLICAS))


async def soak(plane: ControlPlane) -> Finding:
    """Workloads are created, changed, scaled, stopped, deleted, and their containers end."""
    async with Site.open(plane, "soak") as site:
        everyone = names(SOAK_WORKLOADS)
        await site.create(everyone)
        await site.settle(SETTLE_SECONDS)
        trend, end = Trend(), time.monotonic() + SOAK_SECONDS
        gardeners = [
            Gardener(site, everyone[number::_GARDENERS], random.Random(number))  # noqa: S311
            for number in range(_GARDENERS)
        ]
        sampling = asyncio.create_task(trend.sample(site))
        watcher = Watcher.of(site, "soak", "")
        changes = sum(await asyncio.gather(*(each.work(end) for each in gardeners)))
        sampling.cancel()
        memory, descriptors = trend.growth(1), trend.growth(2)
        watcher.how = (
            f"{changes} random changes and crashes in {SOAK_SECONDS:.0f} s; growth on a line: "
            f"{memory:+.1f} MiB, {descriptors:+.1f} open files and connections"
        )
        finding = await watcher.conclude()
        assert sum(each.crashes for each in site.model.values()) > 0
        assert finding.ends == 0
        assert memory < _MEMORY_GROWTH, f"memory has grown by {memory:.1f} MiB"
        assert descriptors < _DESCRIPTOR_GROWTH, f"{descriptors:.1f} more connections"
        return finding
