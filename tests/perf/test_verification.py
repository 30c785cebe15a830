"""
What verification costs at rest and after a restart of the operator, by the number of workloads.

The pods are played and have the address of one MCP server; the API server and the operator, a
process of this machine, are real.
"""

import asyncio
import os
import time

import pytest

from tests.perf.verification.cost import serving
from tests.support.audit import AuditLog
from tests.support.cost import cpu_seconds, resident_megabytes
from tests.support.fake_kubelet import FakeKubelet, make_workload_of_fake_kubelet, settle_fleet
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest

SIZE = int(os.environ.get("BENCH_WORKLOADS", "100"))
NAMES = [f"w{number:04}" for number in range(SIZE)]
VERIFIED_SECONDS = 60.0


async def read_number(port: int, path: str) -> int:
    """A number that the server counts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{path} HTTP/1.1\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.rpartition(b"\r\n\r\n")[2])


@pytest.mark.timeout(300 + SIZE)
async def test_a_restart_verifies_all_and_writes_nothing(
    namespace: Namespace,
    operator_under_test: OperatorUnderTest,
    audit: AuditLog,
    measurements: Measurements,
) -> None:
    """Every pod within a minute, with no session left, and no write where nothing changed."""
    operator = operator_under_test.take_out()
    with serving("legacy") as port:
        transport = {"type": "streamable-http", "port": port}
        fleet = [make_workload_of_fake_kubelet(name, transport=transport) for name in NAMES]
        begin = time.monotonic()
        await settle_fleet(namespace, FakeKubelet(namespace, "127.0.0.1"), audit, fleet)
        measurements.note(f"{SIZE} workloads verified in {time.monotonic() - begin:.0f} s")
        statuses = {
            each["metadata"]["name"]: each["status"]
            for each in await namespace.read_all("MCPWorkload")
        }
        assert {status["server"]["name"] for status in statuses.values()} == {"plain"}

        log, asked = audit.from_now(), await read_number(port, "asked")
        operator.stop()
        operator.start_leading()
        begin, before = time.monotonic(), cpu_seconds(operator.pid)
        while await read_number(port, "asked") < asked + SIZE:
            assert time.monotonic() - begin < VERIFIED_SECONDS
            await asyncio.sleep(0.5)
        took, used = time.monotonic() - begin, cpu_seconds(operator.pid) - before
        await asyncio.sleep(3)

        assert log.writes(namespace.name) == []
        assert await read_number(port, "sessions") == 0
    memory = resident_megabytes(operator.pid)
    measurements.note(f"  after a restart: all within {took:.0f} s, {used:.1f} s of CPU, no write")
    measurements.note(f"  memory of the operator: {memory:.0f} MB")
