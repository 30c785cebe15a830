"""
What it costs to ask each misbehaving server who it is, in CPU time of the process that asks.

The servers run in another process. PROBES sets how often each of the fast ones is asked; those that
keep a probe waiting are asked once or twice.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from mcpworkload.verification.exchange import open_session
from mcpworkload.verification.lists import MAX_PAGES
from mcpworkload.verification.probe import probe
from tests.support.certificate import self_signed
from tests.support.measurements import Measurements
from tests.support.zoo.animals import ANIMALS
from tests.support.zoo.cage import HOST

PROBES = int(os.environ.get("PROBES", "20"))
TIMEOUT = 2.0
FAST_SECONDS = 0.5
#: The aim is 5 ms; this machine may do other things as well.
MOST_MS = 5 * float(os.environ.get("COST_FACTOR", "3"))
#: The aim for a page of a list is 1 ms; some servers have no end of them.
MOST_PAGED_MS = MAX_PAGES * MOST_MS / 5
PAGED = ("endless-pages",)
#: What the process holds at most beside its code, whatever it met so far.
MOST_MEGABYTES = 25
SHOWN = 8
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The port of each animal, in another process."""
    certificate = self_signed(tmp_path_factory.mktemp("zoo"), "weather.demo.svc")
    command = [sys.executable, "-m", "tests.support.zoo", str(certificate)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@pytest.mark.timeout(600)
async def test_a_probe_costs_little_whatever_it_meets(
    ports: dict[str, int], measurements: Measurements
) -> None:
    """On average over the probes of one animal."""
    fast, slow = {}, {}
    async with open_session() as session:
        await _ask("tame-modern", ports, session)
        before = _peak()
        for name in ANIMALS:
            seconds, milliseconds = await _ask(name, ports, session)
            if seconds > FAST_SECONDS:
                # What waits is asked once, unless the machine seems to have been busy then.
                is_dear = milliseconds > MOST_MS
                again = (await _ask(name, ports, session))[1] if is_dear else milliseconds
                slow[name] = min(milliseconds, again)
            else:
                asked = [await _ask(name, ports, session) for _ in range(PROBES)]
                fast[name] = sum(cost for _, cost in asked) / PROBES
        grown = _peak() - before
    for what, costs in (("at once", fast), ("after a wait", slow)):
        measurements.note(f"CPU of a probe, answered {what}, {len(costs)} servers: {_show(costs)}")
    tame = ", ".join(f"{name} {fast[name]:.2f}" for name in fast if name.startswith("tame"))
    measurements.note(f"CPU of a probe of servers that behave: {tame} ms; RSS +{grown:.1f} MB")

    limits = dict.fromkeys(ANIMALS, MOST_MS) | dict.fromkeys(PAGED, MOST_PAGED_MS)
    costs = fast | slow
    assert {name: costs[name] for name in costs if costs[name] > limits[name]} == {}
    assert grown <= MOST_MEGABYTES


async def _ask(
    name: str, ports: dict[str, int], session: aiohttp.ClientSession
) -> tuple[float, float]:
    """How long a probe takes, in seconds, and its CPU time in milliseconds."""
    target = replace(ANIMALS[name].asked_as, host=HOST, port=ports[name])
    begin, cpu = time.monotonic(), time.process_time()
    await probe(target, session=session, timeout=TIMEOUT)
    return time.monotonic() - begin, (time.process_time() - cpu) * 1000


def _show(costs: dict[str, float]) -> str:
    """The average and the most expensive ones, in milliseconds."""
    dearest = sorted(costs, key=lambda name: -costs[name])[:SHOWN]
    words = ", ".join(f"{name} {costs[name]:.1f}" for name in dearest)
    return f"{sum(costs.values()) / len(costs):.2f} ms on average; the dearest: {words}"


def _peak() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
