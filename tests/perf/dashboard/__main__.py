"""
Draw docs/dashboard.svg: ``python -m tests.perf.dashboard``, for four minutes, without root.

A real control plane with fake nodes, the operator as a process, and one MCP server for all pods,
whose addresses are this machine's own. Workloads are created and updated, some crash again and
again, and one lacks its ConfigMap.
"""

import asyncio
import contextlib
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from hack.cluster.tools import find_tool
from tests.perf.dashboard.draw import Span, draw
from tests.support.bridges import free_port
from tests.support.control_plane import ControlPlane
from tests.support.control_plane_programs import Flags
from tests.support.kinds import Manifest
from tests.support.manifests import make_workload
from tests.support.mcp_answers import streamable
from tests.support.prometheus import Scrape, serving

PICTURE = Path(__file__).parents[3] / "docs" / "dashboard.svg"
SECONDS = 240.0
SCRAPE_SECONDS = 5.0
WORKLOADS = 40
CRASHING = 5
CRASH_SECONDS = 15.0
# The machine may be busy.
LEADING_SECONDS = 180.0
VARIABLES = {"$__rate_interval": "40s", "$namespace": ".*", "[1h]": "[10m]"}
# Every pod's address is one of this machine.
LOOPBACK = Flags(kwok={"cidr": "127.128.0.0/9"})


@asynccontextmanager
async def mcp_server() -> AsyncIterator[int]:
    """Yield the port on which an MCP server answers at each address of this machine."""
    app = web.Application()
    app.router.add_route("*", "/mcp", streamable)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # noqa: S104 - all of 127.0.0.0/8
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Run:
    """What happens to the workloads of one control plane."""

    def __init__(self, plane: ControlPlane, port: int) -> None:
        self._plane, self._port = plane, port
        self._exits = dict.fromkeys((f"w{number:02}-0" for number in range(CRASHING)), 0)

    async def go(self) -> None:
        """Let it all happen, until it is cancelled."""
        await self._apply(self._workloads(range(WORKLOADS)))
        await asyncio.sleep(60)
        await self._apply(self._workloads(range(WORKLOADS), image="weather:2"))
        lacking = {"envFrom": [{"configMapRef": {"name": "missing"}}]}
        await self._apply(self._workloads((WORKLOADS,), **lacking))
        while True:
            await self._crash()
            await asyncio.sleep(CRASH_SECONDS)

    def _workloads(self, numbers: Any, **spec: Any) -> list[Manifest]:
        transport = {"type": "streamable-http", "port": self._port}
        checked = {"mode": "Periodic", "interval": "20s"}
        more = {"replicas": 1, "transport": transport, "verification": checked, **spec}
        return [make_workload(f"w{number:02}", **more) for number in numbers]

    async def _apply(self, manifests: list[Manifest]) -> None:
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        await self._kubectl("apply", "--server-side", "-f", "-", stdin=content)

    async def _crash(self) -> None:
        """Say that the server of each of some pods has ended, and runs again."""
        for pod in self._exits:
            self._exits[pod] += 1
            is_short = int(pod[1:3]) % 2
            ended = {
                "containerID": f"containerd://{pod}-{self._exits[pod]}",
                "exitCode": 137 if is_short else 1,
                "reason": "OOMKilled" if is_short else "Error",
            }
            container = {
                "name": "mcp",
                "image": "weather:2",
                "imageID": "weather:2",
                "containerID": f"containerd://{pod}-{self._exits[pod] + 1}",
                "ready": True,
                "started": True,
                "restartCount": self._exits[pod],
                "state": {"running": {}},
                "lastState": {"terminated": ended},
            }
            patch = json.dumps({"status": {"containerStatuses": [container]}})
            await self._kubectl(
                *("patch", "pod", pod, "--subresource=status", "--type=strategic", "-p", patch)
            )

    async def _kubectl(self, *arguments: str, stdin: str | None = None) -> None:
        await asyncio.to_thread(self._plane.kubectl, *arguments, stdin=stdin)


async def scrape(port: int, scrapes: list[Scrape]) -> None:
    """Read the operator's metrics into *scrapes*, again and again."""

    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            return str(response.read().decode())

    while True:
        begin = time.time()
        # As in Prometheus, what cannot be read leaves a gap.
        with contextlib.suppress(OSError):
            scrapes.append(Scrape(begin, await asyncio.to_thread(read)))
        await asyncio.sleep(max(0.0, begin + SCRAPE_SECONDS - time.time()))


async def record(plane: ControlPlane) -> list[Scrape]:
    """Return what the operator served while all that happened."""
    scrapes: list[Scrape] = []
    port = free_port()
    environment = {"MCPWORKLOAD_PROBE_PORT": str(port), "MCPWORKLOAD_VERIFICATION": "Periodic"}
    operator = plane.operator(environment=environment)
    async with mcp_server() as mcp:
        operator.start()
        operator.wait_for("leading as ", LEADING_SECONDS)
        scraping = asyncio.create_task(scrape(port, scrapes))
        try:
            async with asyncio.timeout(SECONDS):
                await Run(plane, mcp).go()
        except TimeoutError:
            return scrapes
        finally:
            scraping.cancel()
            operator.stop()
    raise AssertionError("the run ended before its time")


def main() -> None:
    """Make the run and the picture of it."""
    for name in ("prometheus", "promtool"):
        find_tool(name)
    with ControlPlane(flags=LOOPBACK) as plane:
        scrapes = asyncio.run(record(plane))
    with serving(scrapes) as prometheus:
        span = Span(scrapes[0].at, scrapes[-1].at, VARIABLES)
        PICTURE.write_text(draw(prometheus, span), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}: {len(scrapes)} scrapes\n")


if __name__ == "__main__":
    main()
