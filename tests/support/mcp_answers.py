"""Small MCP servers on ports of this machine, each answering in one way."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.support.web_server import listening

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Set when a stream that was left open has to end with its server.
OVER = web.AppKey("over", asyncio.Event)
#: The sessions that clients ended.
ENDED: list[str] = []
TOOLS: list[dict[str, Any]] = [
    {"name": "forecast", "description": "The weather", "inputSchema": {"type": "object"}},
    {"name": "alert", "inputSchema": {"type": "object", "properties": {"city": {}}}},
]


def _result(method: str, cursor: str | None = None) -> dict[str, Any]:
    if method == "tools/list":
        # A page for each tool.
        number = int(cursor or 0)
        more = {"nextCursor": str(number + 1)} if number + 1 < len(TOOLS) else {}
        return {"tools": TOOLS[number : number + 1], **more}
    return {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "weather-mcp", "version": "1.4"},
    }


async def streamable(request: web.Request) -> web.StreamResponse:
    """A legacy server; a session is to be ended by whoever opened it."""
    if request.method == "DELETE":
        ENDED.append(request.headers["Mcp-Session-Id"])
        return web.Response(status=204)
    if request.method != "POST":
        return web.Response(status=405)
    asked = await request.json()
    if "id" not in asked:
        return web.Response(status=202)
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "server/discover":
        return web.json_response(answer | {"error": {"code": -32601, "message": "unknown"}})
    answer["result"] = _result(asked["method"], asked.get("params", {}).get("cursor"))
    return web.json_response(answer, headers={"Mcp-Session-Id": "s-1"})


async def events(request: web.Request) -> web.StreamResponse:
    """The same, each answer an event that leaves the stream open."""
    answer = await streamable(request)
    if answer.status != 200 or not isinstance(answer, web.Response) or answer.body is None:
        return answer
    text = answer.text or ""
    return await _stream(request, f"event: message\ndata: {text}\n\n".encode())


async def older(request: web.Request) -> web.StreamResponse:
    """The older HTTP+SSE: its stream begins with the endpoint, and has the answers."""
    if request.method == "GET":
        return await _stream(request, b"event: endpoint\ndata: ?session=1\n\n", keep=True)
    asked = await request.json()
    if "id" in asked:
        answer = {
            "jsonrpc": "2.0",
            "id": asked["id"],
            "result": _result(asked["method"], asked.get("params", {}).get("cursor")),
        }
        await request.app[STREAMS][-1].write(
            f"event: message\ndata: {json.dumps(answer)}\n\n".encode()
        )
    return web.Response(status=202)


STREAMS = web.AppKey("streams", list[web.StreamResponse])


async def _stream(request: web.Request, data: bytes, *, keep: bool = False) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    if keep:
        request.app[STREAMS].append(response)
    await response.write(data)
    await request.app[OVER].wait()
    return response


async def guarded(_: web.Request) -> web.StreamResponse:
    """Wants credentials."""
    return web.Response(status=401)


async def page(_: web.Request) -> web.StreamResponse:
    """No MCP at all."""
    return web.Response(text="<html>hello</html>", content_type="text/html")


@asynccontextmanager
async def serving(
    path: str, handler: Handler, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A server on a port of this machine."""
    app = web.Application()
    app[OVER], app[STREAMS] = asyncio.Event(), []
    app.router.add_route("*", path, handler)
    async with listening(app, tls) as port:
        try:
            yield port
        finally:
            app[OVER].set()
