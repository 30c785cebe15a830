"""
Servers of all SDKs: how each is started, and what it says of itself.

They are those of hack/images/servers: in the cluster from that image, and as processes of this
machine where the project's own environment has their SDK.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from hack.images import catalog
from tests.support.bridges import free_port
from tests.support.cluster import ROOT
from tests.support.kinds import Manifest
from tests.support.manifests import make_workload

IMAGE = catalog.reference(catalog.by_name("servers"), "")
START_SECONDS = 20.0
END_SECONDS = 5.0
TOKEN = "open-sesame"  # noqa: S105 - the server's own, in a test
#: How long the servers that open their port early take, in seconds.
EARLY_SECONDS = 3.0
_NODE = ("node", "/servers/serve.mjs")
_GO = ("/servers/go-sdk",)


@dataclass(frozen=True)
class RealServer:
    """One server, and what a verification of it finds."""

    #: What it is called here; a workload's name.
    label: str
    #: Of the image's Python program, or of *command*.
    args: tuple[str, ...]
    #: What it says of itself.
    name: str
    version: str
    era: Literal["modern", "legacy"] = "legacy"
    kind: Literal["streamable-http", "sse"] = "streamable-http"
    tools: int = 2
    command: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it answers."""
        return "/sse" if self.kind == "sse" else "/mcp"

    def manifest(self, **spec: object) -> Manifest:
        """The workload that runs it."""
        fields = {
            "image": IMAGE,
            "replicas": 1,
            "transport": {"type": self.kind, "path": self.path},
            "args": list(self.args),
            "terminationGracePeriodSeconds": 2,
            **({"command": list(self.command)} if self.command else {}),
            **spec,
        }
        return make_workload(self.label, **fields)


def _first(label: str, *options: str, **more: Any) -> RealServer:
    """A server of the official Python SDK before 2."""
    return RealServer(label, ("python-sdk-1", *options), "python-sdk-1", "1.30.0", **more)


def _second(label: str, *options: str, **more: Any) -> RealServer:
    """A server of the official Python SDK from 2 on, which this machine has, too."""
    fields = {"name": "python-sdk-2", "version": "2.3.0", "era": "modern", **more}
    return RealServer(label, ("python-sdk-2", *options), **fields)


def _node(label: str, version: str, **more: Any) -> RealServer:
    """A server of a TypeScript SDK; its program knows it by its label."""
    name = label[: len("typescript-sdk-1")]
    return RealServer(label, (label,), name, version, command=_NODE, **more)


def _go(label: str, mode: str, **more: Any) -> RealServer:
    """A server of the Go SDK."""
    return RealServer(label, (mode,), "go-sdk", "1.8.0", command=_GO, **more)


PLAIN = _second("python-sdk-2")
#: Those of the project's own environment.
LOCAL = (
    PLAIN,
    _second("python-sdk-2-sse", "--sse", era="legacy", kind="sse"),
    _second("strict", "--strict"),
    _second("pages", "--pages", "40", name="paged", version="1", tools=2000),
)
#: Wants the token that is in its arguments.
GUARDED = _second("guarded", "--token", TOKEN)
#: They open their port, and cannot answer until EARLY_SECONDS later.
REFUSES = _second("early-refuses", "--early", "refuses", "--seconds", str(EARLY_SECONDS))
HANGS = _second("early-hangs", "--early", "hangs", "--seconds", str(EARLY_SECONDS))
#: Sessions are begun and ended at it, and it counts them.
COUNTED = _first("python-sdk-1")
COUNTED_SSE = _first("python-sdk-1-sse", "--sse", kind="sse")
ALL = (
    *LOCAL,
    COUNTED,
    COUNTED_SSE,
    RealServer("fastmcp-2", ("fastmcp-2",), "fastmcp-2", "2.14.7"),
    RealServer("fastmcp-3", ("fastmcp-3",), "fastmcp-3", "3.4.11"),
    _node("typescript-sdk-1", "1.32.2"),
    _node("typescript-sdk-1-stateless", "1.32.2"),
    _node("typescript-sdk-1-sse", "1.32.2", kind="sse"),
    _node("typescript-sdk-2", "2.4.0", era="modern"),
    _node("typescript-sdk-2-modern", "2.4.0", era="modern"),
    _node("typescript-sdk-2-sessions", "2.4.0"),
    _node("typescript-sdk-2-sse", "2.4.0", kind="sse"),
    _go("go-sdk", "streamable"),
    _go("go-sdk-stateless", "stateless", era="modern"),
    _go("go-sdk-sse", "sse", kind="sse"),
)


@dataclass(frozen=True)
class Sessions:
    """What a server says of the sessions at it."""

    begun: int
    open: int


@dataclass(frozen=True)
class Running:
    """A server as a process of this machine."""

    server: RealServer
    port: int

    async def begun(self) -> int:
        """How many sessions were begun, once none is open: it learns late that a stream ended."""
        async with asyncio.timeout(END_SECONDS):
            while (told := await read_sessions(self.port)).open:
                await asyncio.sleep(0.05)
        return told.begun


async def read_sessions(port: int) -> Sessions:
    """Ask the Python server at *port* of this machine for its sessions."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/sessions") as answer,
    ):
        told = await answer.json()
        return Sessions(told["begun"], told["open"])


@contextlib.asynccontextmanager
async def running(server: RealServer) -> AsyncIterator[Running]:
    """Run a server of the project's own environment, from when its port is open."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hack.images.servers", *server.args, "--address", "127.0.0.1"),
        cwd=ROOT,
        env={**os.environ, "PORT": str(port)},
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _is_open(port):
                assert process.returncode is None, f"the server ended: {process.returncode}"
                await asyncio.sleep(0.02)
        yield Running(server, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
