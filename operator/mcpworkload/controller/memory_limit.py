"""
How near the process is to the memory limit of its container.

The kernel ends a container that reaches its limit, and the operator would start anew, read
everything and reach it again. So it reports in time: in its log, and as two metrics.
"""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mcpworkload.controller.clock import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
# A list of ten thousand objects, as after a lost watch, takes about a tenth more for a moment.
NEAR = 0.8
# Below that it is worth a line again when it comes near.
FAR = 0.7
# What is used now should be so much of the limit that the log recommends.
COMFORTABLE = 0.6

_MIB = 2**20
# Version 1 of control groups has a number beyond all memory in place of no limit.
_NO_LIMIT = 2**60


class _Files(NamedTuple):
    """The kernel's files about a container's memory, below /sys/fs/cgroup."""

    limit: str
    usage: str
    #: In `memory.stat`: files in memory that the kernel drops before it ends anything.
    inactive: str
    stat: str


# Of control groups of version 2, and of 1.
_VERSIONS = (
    _Files("memory.max", "memory.current", "inactive_file", "memory.stat"),
    _Files(
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "total_inactive_file",
        "memory/memory.stat",
    ),
)


@dataclass(frozen=True)
class Memory:
    """What is used, and what may be, in bytes."""

    used: int
    #: None where there is no limit.
    limit: int | None

    @property
    def share(self) -> float:
        """Which part of the limit is used; 0 where there is none."""
        return self.used / self.limit if self.limit else 0.0


def read_memory(root: Path = Path("/")) -> Memory:
    """
    Return the memory of the container, as the kubelet counts it; of the process, without a limit.

    *root* is where the kernel's file systems are mounted. What cannot be read counts as 0.
    """
    groups = root / "sys/fs/cgroup"
    for files in _VERSIONS:
        limit = _number(groups / files.limit)
        used = _number(groups / files.usage)
        if limit is not None and used is not None and limit < _NO_LIMIT:
            return Memory(max(0, used - _inactive(groups / files.stat, files.inactive)), limit)
    return Memory(_resident(root / "proc/self/statm"), None)


def _number(file: Path) -> int | None:
    """Return the number in *file*; None where there is none, as in `max`."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _inactive(stat: Path, name: str) -> int:
    try:
        lines = stat.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)


def _resident(statm: Path) -> int:
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class MemoryWatch(Collector):
    """Reports the memory that is used: always as metrics, and in the log when it gets short."""

    def __init__(
        self, count_workloads: Callable[[], int], read: Callable[[], Memory] = read_memory
    ) -> None:
        """*count_workloads* returns how many workloads the operator has."""
        self._count_workloads = count_workloads
        self._read = read
        self._is_near = False

    async def run(self, clock: Clock) -> None:
        """Look every LOOK_SECONDS; only cancellation ends it."""
        while True:
            self.look()
            await clock.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Write a line when memory has come near the limit, and when it is far from it again."""
        memory = self._read()
        if memory.limit is None:
            return
        if not self._is_near and memory.share >= NEAR:
            self._is_near = True
            log.warning(
                "memory: %d MiB of the limit of %d MiB are used, with %d workloads; set "
                "resources.limits.memory of the operator to %dMi",
                memory.used // _MIB,
                memory.limit // _MIB,
                self._count_workloads(),
                _enough(memory.used),
            )
        elif self._is_near and memory.share < FAR:
            self._is_near = False
            log.info(
                "memory: %d MiB of the limit of %d MiB are used, which is far enough from it again",
                memory.used // _MIB,
                memory.limit // _MIB,
            )

    def collect(self) -> Iterator[Metric]:
        """Return the gauges; without a limit, that of the limit is left out."""
        memory = self._read()
        yield GaugeMetricFamily(
            "mcpworkload_memory_bytes",
            "Memory that the operator uses, as it counts for its limit.",
            value=memory.used,
        )
        if memory.limit is not None:
            yield GaugeMetricFamily(
                "mcpworkload_memory_limit_bytes",
                "Memory that the operator may use before the kernel ends it.",
                value=memory.limit,
            )

    def describe(self) -> Iterator[Metric]:
        """Return nothing: registering must not read files."""
        return iter(())


def _enough(used: int) -> int:
    """Return a comfortable limit for *used* bytes, in MiB: the next multiple of 64."""
    return -(-int(used / COMFORTABLE) // (64 * _MIB)) * 64
