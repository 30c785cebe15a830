"""The older HTTP+SSE: a stream that names an endpoint, and answers to what is sent there."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import aiohttp
import yarl

from mcpworkload.protocol.jsonrpc import Message, NotJsonRpc
from mcpworkload.protocol.media import EVENT_TYPE
from mcpworkload.verification import requests, verdicts
from mcpworkload.verification.answer import Answer, response_in
from mcpworkload.verification.connector import Meter
from mcpworkload.verification.events import Event
from mcpworkload.verification.exchange import events, failure, read_answer, too_much
from mcpworkload.verification.failures import Failed, Refused
from mcpworkload.verification.finding import Result, Server
from mcpworkload.verification.identity import legacy_server
from mcpworkload.verification.line import Line
from mcpworkload.verification.requests import Request

MAX_ENDPOINT_BYTES: Final = 2048
_ERRORS: Final = (aiohttp.ClientError, OSError)


class Sse:
    """A stream, which is closed in the end, and with it the session."""

    def __init__(self, line: Line, url: yarl.URL | None = None) -> None:
        self._line, self._url = line, url or line.url
        self._stack = contextlib.AsyncExitStack()
        self._endpoint: yarl.URL | None = None
        self._events: AsyncIterator[Event] | None = None
        self._meter: Meter | None = None
        self._last_id = requests.FIRST_ID

    async def open(self) -> tuple[Server, Message]:
        """Open the stream and a session on it."""
        await self.listen()
        answer = await self._ask(replace(requests.INITIALIZE, url=self._endpoint))
        if (result := answer.result) is None:
            raise Failed(Result.PROTOCOL_ERROR, f"was answered with {answer.words}")
        server = legacy_server(result)
        if not server.protocol_version:
            words = "was answered with a result without a protocol version"
            raise Failed(Result.PROTOCOL_ERROR, words)
        self._line.rename(verdicts.welcome(answer, server))
        told = await self._line.ask(requests.initialized(requests.POST, self._endpoint))
        verdicts.check_accepted(told)
        return server, result

    async def page(self, method: str, cursor: str | None) -> Answer:
        """Ask for a page."""
        self._last_id += 1
        request = requests.page(self._last_id, method, cursor, url=self._endpoint)
        return await self._ask(request)

    async def close(self) -> None:
        """Close the stream."""
        with contextlib.suppress(Failed):
            await self._stack.aclose()

    async def listen(self) -> None:
        """
        Open the stream, and wait for the endpoint in its first event.

        Raises:
            Refused, Failed: as `open`.
        """
        asking = self._line.asking(replace(requests.LISTEN, url=self._url))
        response, meter = await self._stack.enter_async_context(asking)
        self._meter = meter
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if response.status != 200 or content_type != EVENT_TYPE:
            answer = await read_answer(response, None, meter)
            self._line.note(answer.words)
            verdicts.check_stream(answer)
        self._events = events(response)
        event = await self._next()
        if event is None or event.name != "endpoint":
            self._line.note("200, events without an endpoint")
            raise Refused(Result.NOT_MCP, "was answered with events that name no endpoint")
        self._endpoint = self._within(event.data)
        self._line.note("200, an endpoint")

    def _within(self, data: bytes) -> yarl.URL:
        """Return the endpoint in *data*, of this server at the address that was asked."""
        here = self._url
        try:
            there = here.join(yarl.URL(data[:MAX_ENDPOINT_BYTES].decode().strip()))
            is_here = there.origin() == here.origin() or self._is_own_name(there)
        except ValueError:
            raise Failed(Result.PROTOCOL_ERROR, "was answered with no URL as endpoint") from None
        if not is_here:
            words = "was answered with an endpoint on another host, which is not asked"
            raise Failed(Result.PROTOCOL_ERROR, words)
        return here.origin().join(there.relative())

    def _is_own_name(self, url: yarl.URL) -> bool:
        """Whether *url* is by the name that the server was addressed with; the address is kept."""
        authority = self._line.target.authority.lower()
        return bool(authority) and (url.authority.lower() == authority)

    async def _ask(self, request: Request) -> Answer:
        """Return the answer on the stream to *request*, which is sent to the endpoint."""
        # What the POST itself is answered with is no response.
        sent = await self._line.ask(replace(request, request_id=None))
        verdicts.check_accepted(sent)
        while (event := await self._next()) is not None:
            try:
                message = response_in(event.data, request.request_id)
            except NotJsonRpc:
                continue
            if message is not None:
                answer = Answer(sent.status, sent.headers, EVENT_TYPE, message)
                self._line.rename(answer.words)
                return answer
        if self._meter is not None and self._meter.is_over:
            raise too_much()
        raise Failed(Result.PROTOCOL_ERROR, "was answered by the end of the stream")

    async def _next(self) -> Event | None:
        if self._events is None or self._meter is None:
            return None
        try:
            return await anext(self._events, None)
        except _ERRORS as error:
            raise failure(error, self._meter) from None
