"""Servers of each era and transport, that keep account of what they are asked and what is open."""

import asyncio
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.support.web_server import listening

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MODERN, LEGACY = "2026-07-28", "2025-11-25"
_OVER = web.AppKey("over", asyncio.Event)


@asynccontextmanager
async def serving(
    handler: Handler, tls: ssl.SSLContext | None = None, *, notices: bool = False
) -> AsyncIterator[int]:
    """Give the port on which *handler* answers; it may notice when a client leaves."""
    app = web.Application()
    app[_OVER] = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app.router.add_route("*", "/{path:.*}", handle)
    async with listening(app, tls, notices=notices) as port:
        try:
            yield port
        finally:
            app[_OVER].set()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw(serve: Serve) -> AsyncIterator[int]:
    """Give the port on which *serve* has each connection, after the head of a request."""

    async def serve_after_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve_after_head, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def result_of(asked: dict[str, Any], **members: Any) -> web.Response:
    """The response to *asked*."""
    return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": members})


def error_of(asked: dict[str, Any], code: int, status: int = 200) -> web.Response:
    """The error that answers *asked*."""
    error = {"code": code, "message": "no"}
    answer = {"jsonrpc": "2.0", "id": asked.get("id"), "error": error}
    return web.json_response(answer, status=status)


def tool(name: str) -> dict[str, Any]:
    """A tool."""
    return {"name": name, "inputSchema": {"type": "object"}}


class Server:
    """What both eras have: lists, in pages."""

    def __init__(self, tools: int = 1, page: int = 50) -> None:
        self.asked: list[str] = []
        self.tools = [tool(f"tool-{number:05}") for number in range(tools)]
        self.page = page
        #: The methods to which something else is answered.
        self.instead: dict[str, Handler] = {}
        self.capabilities: dict[str, Any] = {"tools": {}}

    def listing(self, asked: dict[str, Any]) -> web.Response:
        """A page of tools; of each other list the same two things."""
        method = asked["method"].removesuffix("/list")
        if method != "tools":
            return result_of(asked, **{method: [{"name": "a"}, {"name": "b"}]})
        begin = int(asked["params"].get("cursor", 0))
        end = begin + self.page
        more = {"nextCursor": str(end)} if end < len(self.tools) else {}
        return result_of(asked, tools=self.tools[begin:end], **more)


class Modern(Server):
    """Each request stands for itself, and is refused where head and body differ."""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer."""
        if request.method != "POST" or request.path != "/mcp":
            return web.Response(status=405 if request.path == "/mcp" else 404)
        asked = await request.json()
        method = asked["method"]
        self.asked.append(method)
        if method in self.instead:
            return await self.instead[method](request)
        meta = (asked.get("params") or {}).get("_meta", {})
        declared = (
            request.headers.get("MCP-Protocol-Version"),
            request.headers.get("Mcp-Method"),
            request.headers.get("Accept"),
            meta.get("io.modelcontextprotocol/protocolVersion"),
            meta.get("io.modelcontextprotocol/clientCapabilities"),
        )
        accept = "application/json, text/event-stream"
        if declared != (MODERN, method, accept, MODERN, {}):
            return error_of(asked, -32020, 400)
        if method == "server/discover":
            return result_of(
                asked,
                resultType="complete",
                supportedVersions=[MODERN],
                capabilities=self.capabilities,
                _meta={"io.modelcontextprotocol/serverInfo": {"name": "modern", "version": "1"}},
            )
        return self.listing(asked)


class Legacy(Server):
    """Sessions, each of which somebody has to end."""

    def __init__(self, tools: int = 1, page: int = 50) -> None:
        super().__init__(tools, page)
        self.open: set[str] = set()
        self.opened = 0
        self.ended_as: list[str | None] = []
        self.session = "session-{}"
        #: So long it takes until the head of the answer to initialize.
        self.slow = 0.0
        #: Whether it opens a session for whatever names none, and refuses that.
        self.is_hasty = False
        self._numbers = itertools.count()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer."""
        if request.path != "/mcp":
            return web.Response(status=404)
        session = request.headers.get("Mcp-Session-Id")
        if request.method == "DELETE":
            self.ended_as.append(request.headers.get("MCP-Protocol-Version"))
            self.open.discard(session or "")
            return web.Response(status=405)
        asked = await request.json()
        method = asked["method"]
        self.asked.append(method)
        if method == "initialize":
            return await self._initialize(request, asked)
        if session not in self.open:
            refusal = error_of({"id": "server-error"}, -32600, 400)
            if self.is_hasty and session is None:
                refusal.headers["Mcp-Session-Id"] = self._open()
            return refusal
        if method in self.instead:
            return await self.instead[method](request)
        if request.headers.get("MCP-Protocol-Version") != LEGACY:
            return web.Response(status=400)
        return web.Response(status=202) if "id" not in asked else self.listing(asked)

    async def _initialize(self, request: web.Request, asked: Any) -> web.StreamResponse:
        await asyncio.sleep(self.slow)
        session = self._open()
        if "initialize" in self.instead:
            response = await self.instead["initialize"](request)
        else:
            response = result_of(
                asked,
                protocolVersion=LEGACY,
                capabilities=self.capabilities,
                serverInfo={"name": "legacy", "version": "1"},
            )
        if not response.prepared:
            response.headers["Mcp-Session-Id"] = session
        return response

    def _open(self) -> str:
        session = self.session.format(next(self._numbers))
        self.open.add(session)
        self.opened += 1
        return session


class Older:
    """HTTP+SSE at /sse: its sessions last as long as their streams."""

    def __init__(self) -> None:
        self.endpoint = "/messages?session=1"
        self.open = 0
        self.asked: list[str] = []
        self._stream: web.StreamResponse | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer."""
        if request.method == "GET" and request.path == "/sse":
            return await self._listen(request)
        if request.method != "POST" or request.path != "/messages":
            return web.Response(status=405 if request.path == "/sse" else 404)
        asked = await request.json()
        self.asked.append(asked["method"])
        if "id" in asked and self._stream is not None:
            answer = self._answer(asked)
            # In two pieces, and after something that answers nothing.
            await self._stream.write(b": wait\n\ndata: {}\n\ndata: " + answer[:9])
            await asyncio.sleep(0.01)
            await self._stream.write(answer[9:] + b"\r\n\r\n")
        return web.Response(status=202)

    def _answer(self, asked: Any) -> bytes:
        if asked["method"] == "initialize":
            found = result_of(
                asked,
                protocolVersion="2024-11-05",
                capabilities={"tools": {}},
                serverInfo={"name": "older", "version": "1"},
            )
        else:
            found = result_of(asked, tools=[tool("old")])
        assert isinstance(found.body, bytes)
        return found.body

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        self.open += 1
        try:
            response = await stream(request)
            self._stream = response
            await response.write(f"event: endpoint\ndata: {self.endpoint}\n\n".encode())
            await asyncio.wait_for(request.app[_OVER].wait(), 60)
            return response
        finally:
            self.open -= 1


async def stream(request: web.Request, **headers: str) -> web.StreamResponse:
    """Begin to answer *request* with events."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **headers})
    await response.prepare(request)
    return response


async def hang(request: web.Request) -> web.StreamResponse:
    """Answer nothing until the server ends."""
    await request.app[_OVER].wait()
    return web.Response(status=500)


def always(status: int, text: str = "", kind: str = "text/plain", **headers: str) -> Handler:
    """Answer each request with the same."""

    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, content_type=kind, headers=named)

    return answer


def error(code: int, status: int = 200) -> Handler:
    """Answer with an error."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return error_of(json.loads(await request.read()), code, status)

    return answer
