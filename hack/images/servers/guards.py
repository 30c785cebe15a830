"""What stands between clients and a server; each passes on what it does not answer itself."""

import json
import time

from .apps import App, Message, Receive, Send

MODERN = "2026-07-28"
ACCEPTED = ("application/json", "text/event-stream")


def header(scope: Message, name: str) -> str:
    """Return the header *name* of a request, in lower case; empty where it is not there."""
    headers: list[tuple[bytes, bytes]] = scope.get("headers", [])
    return next((value.decode("latin-1") for key, value in headers if key == name.encode()), "")


async def answer(
    send: Send, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send a whole answer."""
    kind = (b"content-type", b"application/json" if text.startswith("{") else b"text/plain")
    start = {"type": "http.response.start", "status": status, "headers": [kind, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": text.encode()})


class Token:
    """Wants a bearer token, and answers 401 without."""

    def __init__(self, app: App, token: str) -> None:
        self._app, self._wanted = app, f"Bearer {token}"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and header(scope, "authorization") != self._wanted:
            challenge = (b"www-authenticate", b'Bearer realm="tests"')
            await answer(send, 401, "who asks?", (challenge,))
            return
        await self._app(scope, receive, send)


class Strict:
    """Accepts a POST only with all headers that the protocol asks of a client."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST":
            accepted = header(scope, "accept")
            if not all(kind in accepted for kind in ACCEPTED):
                await answer(send, 406, f"Accept has to be {', '.join(ACCEPTED)}")
                return
            if header(scope, "content-type").partition(";")[0] != "application/json":
                await answer(send, 415, "Content-Type has to be application/json")
                return
            is_modern = header(scope, "mcp-protocol-version") == MODERN
            if is_modern and not header(scope, "mcp-method"):
                await answer(send, 400, "Mcp-Method is missing")
                return
        await self._app(scope, receive, send)


class NotYet:
    """Answers 503 until it is *then*, of the monotonic clock."""

    def __init__(self, app: App, then: float) -> None:
        self._app, self._then = app, then

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and time.monotonic() < self._then:
            await answer(send, 503, "starting")
            return
        await self._app(scope, receive, send)


def _is_over(status: int) -> bool:
    """Return whether the answer to DELETE says that there is no such session any more."""
    return status < 300 or status == 404


class Sessions:
    """
    Counts sessions, and tells at /sessions how many were begun and how many are open.

    A session of streamable HTTP is open until it is deleted, one of HTTP+SSE as long as its stream.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._begun = 0
        self._open: set[str] = set()
        self._streams = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == "/sessions":
            is_open = len(self._open) + self._streams
            await answer(send, 200, json.dumps({"begun": self._begun, "open": is_open}))
        elif scope["path"] == "/sse" and scope["method"] == "GET":
            self._begun += 1
            self._streams += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._streams -= 1
        else:
            await self._app(scope, receive, self._watched(scope, send))

    def _watched(self, scope: Message, send: Send) -> Send:
        asked = header(scope, "mcp-session-id")

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = header(message, "mcp-session-id")
                if told and not asked:
                    self._begun += 1
                    self._open.add(told)
                elif scope["method"] == "DELETE" and _is_over(message["status"]):
                    self._open.discard(asked)
            await send(message)

        return watched
