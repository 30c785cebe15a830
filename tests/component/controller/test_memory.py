"""
How much memory the operator's process keeps of a workload that runs.

Allocations are counted, not resident pages, so that the same code has the same result each time.
README.md promises ten thousand workloads; together they have 35 MB.
"""

import ctypes
import gc
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mcpworkload.api import names
from mcpworkload.controller.children import CHILD_KINDS
from mcpworkload.controller.handlers import NoMemories
from mcpworkload.controller.heap import trim_heap
from mcpworkload.controller.kinds import POD
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.kube.informer import Informer
from mcpworkload.kube.kind import Kind
from tests.support.settled import key_of_settled, make_settled

COUNT = 500


def bytes_each(keep: Callable[[int], object]) -> float:
    """How many bytes stay allocated for each number that *keep* is called with."""
    keep(0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, COUNT + 1):
            keep(number)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / COUNT
    finally:
        tracemalloc.stop()


def test_a_workload_in_the_store() -> None:
    """Its body as JSON has 2.8 KB, half of that managed fields."""
    store = WorkloadStore()

    taken = bytes_each(
        lambda number: store.put(msgspec.json.decode(make_settled(names.PLURAL, number)))
    )

    assert taken < 500
    body = store.get(key_of_settled(7))
    assert body is not None
    assert body["metadata"]["name"] == "workload-00007"


@pytest.mark.parametrize(
    ("kind", "most"),
    [(CHILD_KINDS["StatefulSet"], 650), (CHILD_KINDS["Service"], 400), (POD, 400)],
    ids=lambda value: value.plural if isinstance(value, Kind) else str(value),
)
def test_an_object_in_a_cache(kind: Kind[Any], most: int) -> None:
    """A StatefulSet with its content, as it is before the first reconcile, also fits."""
    informer: Informer[Any] = Informer(_no_api(), kind, None, lambda _: None)
    decode = msgspec.json.Decoder(kind.live).decode

    taken = bytes_each(lambda number: informer._store(decode(make_settled(kind.plural, number))))

    assert taken < most
    assert len(informer.of(key_of_settled(7))) == 1
    assert len(informer.owners()) == COUNT + 1


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="no glibc")
def test_what_lists_leave_behind_goes_back_to_the_kernel() -> None:
    """Between blocks that stay, the C library keeps those that were freed."""
    blocks: list[bytes | None] = [bytes(3000) for _ in range(10_000)]
    for number in range(len(blocks)):
        if number % 50:
            blocks[number] = None
    before = _resident()

    trim_heap()

    assert before - _resident() > 10 * 2**20


async def test_a_workload_in_kopf() -> None:
    """Nothing stays."""
    memories = NoMemories()
    for number in range(100):
        await memories.recall(msgspec.json.decode(make_settled(names.PLURAL, number)))

    assert not list(memories.iter_all_memories())


def _no_api() -> Any:
    return None


def _resident() -> int:
    """The bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
