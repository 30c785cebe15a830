"""An API server that says what a test wants it to, to see what the library makes of it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from kubernetes.aio.client import Configuration

from mcpworkload.runtime.connection import RuntimeConnection

Line = dict[str, Any]


def make_item(version: int, name: str = "weather", **parts: Any) -> dict[str, Any]:
    """An object with a resource version."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **parts}


def make_expired() -> Line:
    """What a watch says whose version is too old."""
    return {"type": "ERROR", "object": {"kind": "Status", "code": 410}}


@dataclass
class FakeApi:
    """Answers lists and watches in the given order; the last watch stays open."""

    #: Each the items of one list, or an HTTP status.
    lists: list[list[dict[str, Any]] | int]
    #: Each the lines of one watch, of which None breaks the connection off, or an HTTP status.
    watches: list[list[Line | None] | int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    #: What the clients of requests are called.
    agents: list[str] = field(default_factory=list)
    #: The one token that is; any, where it is empty.
    accepted: str = ""
    #: Set when an answer has begun that stays open.
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[RuntimeConnection]:
        """A connection to it."""
        async with (
            self.serve() as host,
            RuntimeConnection(Configuration(host=host), "team") as connection,
        ):
            yield connection

    @asynccontextmanager
    async def serve(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """Its URL."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http{'s' if tls else ''}://{host}:{port}"
        finally:
            self._is_over.set()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.agents.append(request.headers["User-Agent"])
        if self.accepted and not request.headers["Authorization"].endswith(f" {self.accepted}"):
            self.requests.append("401")
            return web.json_response({"message": "Unauthorized"}, status=401)
        if "watch" in request.query:
            self.requests.append(f"WATCH {request.query['resourceVersion']}")
            return await self._watch(request)
        self.requests.append("LIST")
        answer = self.lists.pop(0)
        if isinstance(answer, int):
            return web.Response(status=answer, text="away")
        return web.json_response({"metadata": {"resourceVersion": "10"}, "items": answer})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        answer = self.watches.pop(0)
        if isinstance(answer, int):
            return web.json_response({"message": "no", "reason": "Expired"}, status=answer)
        response = web.StreamResponse()
        await response.prepare(request)
        for line in answer:
            if line is None:
                assert request.transport is not None
                request.transport.abort()
                return response
            await response.write(json.dumps(line).encode() + b"\n")
        if not self.watches:
            self.is_open.set()
            await self._is_over.wait()
        return response


def knows(name: str, version: int) -> Callable[[dict[str, dict[str, Any]]], bool]:
    """Whether that version of that object has been seen."""
    return lambda objects: (
        name in objects and objects[name]["metadata"]["resourceVersion"] == str(version)
    )


def write_kubeconfig(path: Path, **cluster: str) -> str:
    """A kubeconfig of one *cluster*, for a user with a token."""
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    path.write_text(json.dumps(config))
    return str(path)
