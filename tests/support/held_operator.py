"""
The operator, with requests that stop at named points of their way; run as a program.

HOLDS is a JSON list of holds, HOLDS_FOLDER where the program and its test leave files for each
other: `armed` begins, `NAME.held` says that a request has come to the hold of that name, and `go`
lets all of them go on, in one and the same step of the event loop.
"""

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.connector import Connection

from mcpworkload import __main__ as operator
from mcpworkload.controller import credentials
from mcpworkload.kube import client
from mcpworkload.kube.client import Api
from mcpworkload.kube.fence import FencedConnector
from mcpworkload.kube.lease import LeaderLease

POLL_SECONDS = 0.02
# The hold of a test is longer than what the operator grants to a request.
REQUEST_SECONDS = 600.0


@dataclass(frozen=True)
class Hold:
    """Where which request stops: each hold stops one."""

    name: str
    #: `before` the check of the Lease, at the `wire` after it, or with its answer (`answered`).
    stage: str
    method: str
    #: What the request's path matches as a whole.
    path: str


class Holds:
    """The holds of this process."""

    def __init__(self, folder: Path, holds: list[Hold]) -> None:
        self._folder = folder
        self._open = holds
        self._go: asyncio.Event | None = None

    async def stop(self, stage: str, method: str, path: str) -> None:
        """Return at once, or if there is a hold for such a request, when all may go on."""
        if not (self._folder / "armed").exists():
            return
        for hold in self._open:
            if (hold.stage, hold.method) == (stage, method) and re.fullmatch(hold.path, path):
                self._open.remove(hold)
                (self._folder / f"{hold.name}.held").touch()
                await self._wait()
                return

    async def _wait(self) -> None:
        if self._go is None:
            self._go = asyncio.Event()
            asyncio.get_running_loop().create_task(self._watch(self._go))
        await self._go.wait()

    async def _watch(self, go: asyncio.Event) -> None:
        while not (self._folder / "go").exists():
            await asyncio.sleep(POLL_SECONDS)
        go.set()


def install(holds: Holds) -> None:
    """Let the requests of this process pass *holds*."""
    request, connect = Api.request, FencedConnector.connect

    async def held_request(self: Api, method: str, path: str, **options: Any) -> bytes:
        await holds.stop("before", method, path)
        content = await request(self, method, path, **options)
        await holds.stop("answered", method, path)
        return content

    async def held_connect(
        self: FencedConnector, req: aiohttp.ClientRequest, *arguments: Any, **options: Any
    ) -> Connection:
        connection = await connect(self, req, *arguments, **options)
        await holds.stop("wire", req.method, req.url.path)
        return connection

    Api.request = held_request  # type: ignore[method-assign]
    FencedConnector.connect = held_connect  # type: ignore[method-assign]


def sleep_through() -> None:
    """Let nothing but the fence notice that the Lease has run out."""

    async def keep(self: LeaderLease) -> None:
        while self._fence.is_open:
            await asyncio.sleep(1)
            if self._fence.is_open:
                await self._try_to_hold()
        await asyncio.Event().wait()

    LeaderLease.keep = keep  # type: ignore[method-assign]


def main() -> int:
    """Run the operator; its exit code."""
    client.REQUEST_SECONDS = REQUEST_SECONDS
    # By which the audit log tells it from another one with the same account.
    credentials.__version__ = os.environ["POD_NAME"]  # type: ignore[attr-defined]
    holds = [Hold(**hold) for hold in json.loads(os.environ.get("HOLDS", "[]"))]
    install(Holds(Path(os.environ["HOLDS_FOLDER"]), holds))
    if os.environ.get("HOLDS_SLEEP"):
        sleep_through()
    return operator.main()


if __name__ == "__main__":
    sys.exit(main())
