"""What the kernel says about memory, in a played tree of its files."""

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from mcpworkload.controller.clock import Clock
from mcpworkload.controller.memory_limit import LOOK_SECONDS, Memory, MemoryWatch, read_memory

MIB = 2**20
STATM = {"proc/self/statm": "50000 20000 1000 1 0 9000 0"}
RESIDENT = 20000 * os.sysconf("SC_PAGE_SIZE")
V2 = {
    "sys/fs/cgroup/memory.max": f"{256 * MIB}\n",
    "sys/fs/cgroup/memory.current": f"{120 * MIB}\n",
    "sys/fs/cgroup/memory.stat": f"anon 1\nfile 2\ninactive_file {20 * MIB}\nactive_file 7\n",
}
V1 = {
    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{128 * MIB}",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{90 * MIB}",
    "sys/fs/cgroup/memory/memory.stat": f"inactive_file 5\ntotal_inactive_file {30 * MIB}\n",
}


@pytest.mark.parametrize(
    ("files", "used", "limit"),
    [
        pytest.param(STATM | V2, 100 * MIB, 256 * MIB, id="version 2"),
        pytest.param(STATM | V1, 60 * MIB, 128 * MIB, id="version 1"),
        pytest.param(
            STATM | V2 | {"sys/fs/cgroup/memory.max": "max\n"}, RESIDENT, None, id="2, unlimited"
        ),
        pytest.param(
            STATM | V1 | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"},
            RESIDENT,
            None,
            id="1, unlimited",
        ),
        pytest.param(STATM, RESIDENT, None, id="no container"),
        pytest.param({}, 0, None, id="no Linux"),
    ],
)
def test_the_containers_memory_is_read(
    files: Mapping[str, str], used: int, limit: int | None, tmp_path: Path
) -> None:
    """Without the files that the kernel would drop; the process alone where nothing limits it."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)

    assert read_memory(tmp_path) == Memory(used, limit)


def test_this_process_uses_memory() -> None:
    """Wherever the tests run."""
    assert read_memory().used > 10 * MIB


def test_the_log_has_one_line_each_time_that_the_limit_comes_near(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It says what to set; memory that goes up and down near the limit is not repeated."""
    caplog.set_level(logging.INFO)
    shares = iter([50, 79, 81, 79, 90, 71, 82, 69, 81])
    watch = MemoryWatch(lambda: 4100, lambda: Memory(next(shares) * MIB, 100 * MIB))

    for _ in range(9):
        watch.look()

    near = (
        "memory: 81 MiB of the limit of 100 MiB are used, with 4100 workloads; set "
        "resources.limits.memory of the operator to 192Mi"
    )
    far = "memory: 69 MiB of the limit of 100 MiB are used, which is far enough from it again"
    assert caplog.messages == [near, far, near]


def test_without_a_limit_the_log_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """On a laptop, say."""
    caplog.set_level(logging.INFO)

    MemoryWatch(lambda: 1, lambda: Memory(10**12, None)).look()

    assert caplog.messages == []


async def test_it_looks_every_half_minute() -> None:
    """From the start on."""
    looks, pauses = 0, list[float]()

    def read() -> Memory:
        nonlocal looks
        looks += 1
        return Memory(1, 2)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await MemoryWatch(lambda: 1, read).run(Clock(sleep=sleep))

    assert looks == 3
    assert pauses == 3 * [LOOK_SECONDS]


@pytest.mark.parametrize("limit", [None, 256 * MIB])
def test_the_metrics_have_both_numbers(limit: int | None) -> None:
    """A ratio of the two is what an alert needs; without a limit there is none."""
    registry = CollectorRegistry()
    registry.register(MemoryWatch(lambda: 1, lambda: Memory(100 * MIB, limit)))

    assert registry.get_sample_value("mcpworkload_memory_bytes") == 100 * MIB
    assert registry.get_sample_value("mcpworkload_memory_limit_bytes") == limit
