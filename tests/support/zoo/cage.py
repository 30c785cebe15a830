"""An animal, its connections, and the count of what a client leaves and takes."""

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from mcpworkload.verification.target import Target

HOST = "127.0.0.1"
#: Another host, to which some animals send their clients: the same port of it is watched.
ELSEWHERE = "127.0.0.2"
_PIECE = 16 * 1024


class Left(ConnectionError):
    """The client has closed the connection."""


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    #: By their names in lower case.
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def message(self) -> dict[str, Any]:
        """The JSON-RPC message that it carries; empty where it carries none."""
        return json.loads(self.body) if self.body else {}

    @property
    def asks(self) -> str:
        """The method of its message; where it has none, that of HTTP."""
        return str(self.message.get("method", self.method))

    @property
    def id(self) -> Any:
        """The id of its message."""
        return self.message.get("id")


class Visit:
    """One connection of a client."""

    def __init__(
        self, cage: "Cage", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.cage = cage
        self._reader, self._writer = reader, writer
        # What the kernel has not taken must not count as sent.
        writer.transport.set_write_buffer_limits(0)

    async def read(self) -> Request:
        """
        Return the next request.

        Raises:
            Left: the client has closed the connection.
        """
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, path, _ = first.split(" ", 2)
            pairs = (line.partition(":") for line in lines if line)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        except (asyncio.IncompleteReadError, ValueError):
            raise Left from None
        request = Request(method, path, headers, body)
        self.cage.asked.append(f"{method} {path} {request.asks}")
        return request

    async def write(self, data: bytes) -> None:
        """Send *data*, as much of it as the client takes."""
        for begin in range(0, len(data), _PIECE):
            piece = data[begin : begin + _PIECE]
            self._writer.write(piece)
            await self._writer.drain()
            self.cage.sent += len(piece)

    async def answer(
        self,
        status: int = 200,
        body: bytes | str = b"",
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send one whole answer."""
        data = body.encode() if isinstance(body, str) else body
        typed = {"Content-Type": kind} if data else {}
        length = {"Content-Length": str(len(data))}
        await self.write(make_head(status, {**typed, **length, **(headers or {})}) + data)

    async def begin_events(self, headers: Mapping[str, str] | None = None) -> None:
        """Begin an event stream that has no announced end."""
        kind = {"Content-Type": "text/event-stream", "Connection": "close"}
        await self.write(make_head(200, {**kind, **(headers or {})}))

    async def pause(self, seconds: float) -> None:
        """
        Let time pass, during which the client asks nothing.

        Raises:
            Left: the client closed the connection meanwhile.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until_left()
            raise Left

    async def read_some(self) -> bytes:
        """Return the first bytes that come, of whatever it is."""
        return await self._reader.read(_PIECE)

    async def until_left(self) -> None:
        """Return once the client has closed the connection, whatever it sends before."""
        while await self._reader.read(_PIECE):
            pass

    def reset(self) -> None:
        """Close the connection as a crash does."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._writer.transport.abort()


Meet = Callable[[Visit], Awaitable[None]]
Handler = Callable[[Visit, Request], Awaitable[None]]


@dataclass(frozen=True)
class Animal:
    """One way to misbehave."""

    name: str
    #: One line, of which "A server that ..." is a sentence.
    does: str
    meet: Meet
    #: Where it is asked; host and port are filled in when it is served.
    asked_as: Target = field(default_factory=lambda: Target(HOST, 0))
    has_tls: bool = False
    #: It wants a certificate of its clients, as a mesh does.
    wants_certificate: bool = False
    #: It asks the kernel to accept no connection.
    is_full: bool = False
    #: It opens a port, and closes it again before it is asked.
    is_gone: bool = False


@dataclass
class Cage:
    """One animal that is served."""

    animal: Animal
    port: int
    #: Connections that are open now, and all that ever were.
    connections: int = 0
    visits: int = 0
    #: Sessions that no client has asked to end.
    sessions: set[str] = field(default_factory=set)
    opened_sessions: int = 0
    #: Bytes that the kernel took.
    sent: int = 0
    #: Each request: method, path, JSON-RPC method.
    asked: list[str] = field(default_factory=list)
    #: Connections to the other host.
    strayed: int = 0

    @property
    def elsewhere(self) -> str:
        """The URL of the other host."""
        return f"http://{ELSEWHERE}:{self.port}"

    @property
    def target(self) -> Target:
        """Where the animal is to be asked."""
        return replace(self.animal.asked_as, host=HOST, port=self.port)

    def open_session(self, end: str = "") -> str:
        """Return the id of a new session, which has that *end*."""
        self.opened_sessions += 1
        name = f"session-{self.animal.name}-{self.opened_sessions}{end}"
        self.sessions.add(name)
        return name

    def end_session(self, name: str) -> None:
        """Note that a client asked for the end of that session."""
        self.sessions.discard(name)

    async def until_empty(self, seconds: float) -> bool:
        """Return whether all clients close their connections within that many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # A connection that was made just now is counted a little later.
                await asyncio.sleep(0.01)
                while self.connections:
                    await asyncio.sleep(0.01)
        return not self.connections

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Meet one client, until either side has enough."""
        self.connections += 1
        self.visits += 1
        try:
            await self.animal.meet(Visit(self, reader, writer))
        except (ConnectionError, ssl.SSLError):
            # The client left, which is what a test waits for.
            pass
        finally:
            self.connections -= 1
            writer.transport.abort() if self.animal.has_tls else writer.close()


def make_head(status: int, headers: Mapping[str, str]) -> bytes:
    """The head of an HTTP answer."""
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, "", ""]).encode()


def over_http(handler: Handler) -> Meet:
    """Meet each connection by handling one request after the other."""

    async def meet(visit: Visit) -> None:
        while True:
            await handler(visit, await visit.read())

    return meet
