"""Servers that behave, of both eras and transports, and what the others change of them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from mcpworkload.protocol.versions import (
    LATEST_SESSION_VERSION,
    SESSION_VERSIONS,
    STATELESS_VERSION,
    negotiated,
)
from mcpworkload.verification.target import Target
from tests.support.zoo.cage import Animal, Handler, Request, Visit, over_http

SESSION = "mcp-session-id"
METHOD_NOT_FOUND, INVALID_REQUEST, INTERNAL_ERROR = -32601, -32600, -32603
UNSUPPORTED_VERSION = -32022
INFO = {"name": "tame", "title": "A tame server", "version": "1.2.3"}
CAPABILITIES: dict[str, Any] = {"tools": {}}
TOOLS = [
    {"name": "echo", "description": "Return what came.", "inputSchema": {"type": "object"}},
    {"name": "add", "description": "Add numbers.", "inputSchema": {"type": "object"}},
]


def encode(message: object) -> bytes:
    """The JSON text of *message*."""
    return json.dumps(message).encode()


def make_result(number: object, **members: Any) -> dict[str, Any]:
    """A result with *members*, to the request with that id."""
    return {"jsonrpc": "2.0", "id": number, "result": members}


def make_error(number: object, code: int, message: str, **more: Any) -> dict[str, Any]:
    """An error, to the request with that id."""
    error = {"code": code, "message": message, **more}
    return {"jsonrpc": "2.0", "id": number, "error": error}


def make_discovery(**changed: Any) -> dict[str, Any]:
    """The members of a result to `server/discover`."""
    cached = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    named = {"supportedVersions": [STATELESS_VERSION], "capabilities": CAPABILITIES}
    return {**named, "serverInfo": INFO, **cached, **changed}


def make_greeting(asked: Request, **changed: Any) -> dict[str, Any]:
    """The members of a result to `initialize`."""
    version = asked.message["params"]["protocolVersion"]
    known = negotiated(version, LATEST_SESSION_VERSION)
    named = {"protocolVersion": known, "capabilities": CAPABILITIES, "serverInfo": INFO}
    return {**named, **changed}


async def modern(visit: Visit, request: Request) -> None:
    """Answer each request for itself, as of 2026-07-28."""
    cached = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    if request.method != "POST":
        await visit.answer(405)
    elif request.asks == "server/discover":
        await visit.answer(body=encode(make_result(request.id, **make_discovery())))
    elif request.asks == "tools/list":
        await visit.answer(body=encode(make_result(request.id, tools=TOOLS, **cached)))
    else:
        body = encode(make_error(request.id, METHOD_NOT_FOUND, "Method not found"))
        await visit.answer(404, body)


async def greet(visit: Visit, request: Request, **changed: Any) -> None:
    """Open a session, with a greeting of which *changed* are changed."""
    body = encode(make_result(request.id, **make_greeting(request, **changed)))
    await visit.answer(body=body, headers={"Mcp-Session-Id": visit.cage.open_session()})


async def legacy(visit: Visit, request: Request) -> None:
    """Answer within a session, as of 2025-11-25, and as the Python SDK does without one."""
    session = request.headers.get(SESSION, "")
    if request.asks == "initialize":
        await greet(visit, request)
    elif session not in visit.cage.sessions:
        body = encode(make_error("server-error", INVALID_REQUEST, "Missing session ID"))
        await visit.answer(404 if session else 400, body)
    elif request.method == "DELETE":
        visit.cage.end_session(session)
        await visit.answer(200)
    elif request.method == "GET":
        await visit.begin_events()
        await visit.until_left()
    elif request.id is None:
        await visit.answer(202)
    elif request.asks == "tools/list":
        await visit.answer(body=encode(make_result(request.id, tools=TOOLS)))
    else:
        await visit.answer(body=encode(make_error(request.id, METHOD_NOT_FOUND, "unknown")))


def but(base: Handler, others: Mapping[str, Handler]) -> Handler:
    """Handle as *base* does, but for requests with the JSON-RPC or HTTP methods of *others*."""

    async def handle(visit: Visit, request: Request) -> None:
        await others.get(request.asks, base)(visit, request)

    return handle


def answering(status: int = 200, body: bytes | str = b"", **more: Any) -> Handler:
    """Give everybody the same answer."""

    async def handle(visit: Visit, _: Request) -> None:
        await visit.answer(status, body, **more)

    return handle


#: What a server answers, of the request.
Made = Callable[[Request], Any]


def making(make: Made, status: int = 200) -> Handler:
    """Answer with what is made of the request."""

    async def handle(visit: Visit, request: Request) -> None:
        await visit.answer(status, encode(make(request)))

    return handle


def refusing(code: int = METHOD_NOT_FOUND, status: int = 200) -> Handler:
    """Answer every request with an error of JSON-RPC."""
    words = "Traceback (most recent call last): secret"
    return making(lambda request: make_error(request.id, code, words), status)


def named(name: str, does: str, handler: Handler) -> Animal:
    """An animal that handles one request after the other, at the usual path."""
    return Animal(name, does, over_http(handler))


def make_event(message: object) -> bytes:
    """An event that carries *message*."""
    return b"event: message\r\ndata: " + encode(message) + b"\r\n\r\n"


class OldTransport:
    """HTTP+SSE of 2024-11-05: answers come on the stream that the client keeps open."""

    def __init__(
        self, endpoint: str = "/messages?session={session}", *, is_silent: bool = False
    ) -> None:
        self._endpoint, self._is_silent = endpoint, is_silent
        self._streams: dict[str, asyncio.Queue[bytes]] = {}

    async def __call__(self, visit: Visit, request: Request) -> None:
        """Open a stream, or take a message whose answer goes there."""
        name = request.path.rpartition("=")[2]
        if request.method == "GET":
            await self._stream(visit)
        elif request.method != "POST" or name not in self._streams:
            await visit.answer(405 if "=" not in request.path else 404)
        else:
            await visit.answer(202, "Accepted", "text/plain")
            if request.id is not None and not self._is_silent:
                self._streams[name].put_nowait(make_event(self._reply(request)))

    def _reply(self, request: Request) -> object:
        if request.asks == "initialize":
            greeting = make_greeting(request, protocolVersion=SESSION_VERSIONS[0])
            return make_result(request.id, **greeting)
        if request.asks == "tools/list":
            return make_result(request.id, tools=TOOLS)
        return make_error(request.id, METHOD_NOT_FOUND, "unknown")

    async def _stream(self, visit: Visit) -> None:
        name = visit.cage.open_session()
        events = self._streams[name] = asyncio.Queue()
        endpoint = self._endpoint.format(session=name, elsewhere=visit.cage.elsewhere)
        try:
            await visit.begin_events()
            await visit.write(f"event: endpoint\r\ndata: {endpoint}\r\n\r\n".encode())
            left = asyncio.ensure_future(visit.until_left())
            while not left.done():
                event = asyncio.ensure_future(events.get())
                await asyncio.wait((left, event), return_when=asyncio.FIRST_COMPLETED)
                if not event.done():
                    event.cancel()
                else:
                    await visit.write(event.result())
        finally:
            left.cancel()
            # The stream is the session: whoever closes it ends it.
            visit.cage.end_session(name)
            del self._streams[name]


SSE = Target("", 0, path="/sse", kind="sse")

ANIMALS = (
    Animal("tame-modern", "behaves, as of 2026-07-28", over_http(modern)),
    Animal("tame-legacy", "behaves, as of 2025-11-25", over_http(legacy)),
    Animal("tame-sse", "behaves, over HTTP+SSE", over_http(OldTransport()), SSE),
)
