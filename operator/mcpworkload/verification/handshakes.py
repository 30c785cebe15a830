"""
The three ways to begin with a server, by era and transport.

Each way opens with its handshake, asks for pages of lists, and ends what it opened. What a modern
server answers is decided in `verdicts`, without I/O.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol

import yarl

from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.versions import LATEST_SESSION_VERSION
from mcpworkload.verification import requests, verdicts
from mcpworkload.verification.answer import Answer
from mcpworkload.verification.failures import Failed, Refused, Sign
from mcpworkload.verification.finding import Result, Server
from mcpworkload.verification.identity import legacy_server
from mcpworkload.verification.line import Line

#: Longer ids of sessions are of no use to any client that has to send them with each request.
MAX_SESSION_CHARACTERS: Final = 1024
#: To end a session may take so long, and not longer than the verification.
END_SECONDS: Final = 2.0
#: The share of a verification's reserve in which the head of an answer to `initialize` may come
#: yet, once nobody waits for the answer.
_HEAD_SHARE: Final = 0.7
#: The share of it that is left to end a session when the time is over already.
_LATE_SHARE: Final = 0.25


class Way(Protocol):
    """One way to ask a server."""

    async def open(self) -> tuple[Server, Message]:
        """
        Do the handshake; return who answered, and the members of its result.

        Raises:
            Refused: another way may lead to the server.
            Failed: no other way can.
        """
        ...

    async def page(self, method: str, cursor: str | None) -> Answer:
        """
        Return the answer to a request for a page of a list.

        Raises:
            Failed: there is none.
        """
        ...

    async def close(self) -> None:
        """End what was opened; never fails."""
        ...


class _Session:
    """The session that a server opened, asked for or not."""

    def __init__(self, line: Line, url: yarl.URL | None = None) -> None:
        self._line, self._url = line, url
        #: Empty while there is none.
        self.id = ""
        self.version = LATEST_SESSION_VERSION

    def note(self, headers: Mapping[str, str]) -> None:
        """Take the session from the *headers* of an answer."""
        self.id = headers.get(requests.SESSION, "")

    async def end(self) -> None:
        """
        Let the server forget it.

        Raises:
            Failed: it did not answer.
        """
        if self.id:
            headers = {requests.SESSION: self.id, requests.VERSION: self.version}
            await self._line.ask(requests.leave(headers, self._url))


async def _to_its_end(line: Line, work: Callable[[], Awaitable[None]]) -> None:
    """Do *work*, which ends what was opened, in the time that is kept for it; also if cancelled."""

    async def ending() -> None:
        # Where this process was late, there is yet a session to be ended.
        until = max(line.end, line.now + line.reserve * _LATE_SHARE)
        with contextlib.suppress(TimeoutError, Failed):
            async with asyncio.timeout_at(min(until, line.now + END_SECONDS)):
                await work()

    task = asyncio.ensure_future(ending())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise


class Modern:
    """`server/discover`; every request stands for itself."""

    def __init__(self, line: Line, seconds: float | None = None) -> None:
        self._line = line
        #: A server that knows no such method may be silent.
        self._seconds = seconds
        #: Some servers open one for any request that names none, and refuse the request.
        self._session = _Session(line)
        self._last_id = requests.FIRST_ID

    async def open(self) -> tuple[Server, Message]:
        """Discover the server."""
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._line.ask(requests.DISCOVER, self._session.note)
        except TimeoutError:
            raise Refused(Result.HANDSHAKE_TIMEOUT, "had no whole answer in time") from None
        except Failed as failed:
            if failed.sign is not Sign.CLOSED:
                raise
            # So some servers end what they do not know.
            raise Refused(failed.result, failed.words, failed.sign) from None
        server = verdicts.discovered(answer)
        self._line.rename(verdicts.welcome(answer, server))
        return server, answer.result or {}

    async def page(self, method: str, cursor: str | None) -> Answer:
        """Ask for a page."""
        self._last_id += 1
        return await self._line.ask(requests.modern_page(self._last_id, method, cursor))

    async def close(self) -> None:
        """End a session that nobody asked for."""
        if self._session.id:
            await _to_its_end(self._line, self._session.end)


class Legacy:
    """`initialize`, which may open a session; that is ended whatever happens."""

    def __init__(self, line: Line, url: yarl.URL | None = None) -> None:
        self._line, self._url = line, url
        self._opening: asyncio.Task[Answer] | None = None
        self._session = _Session(line, url)
        self._headers: Mapping[str, str] = requests.POST
        self._last_id = requests.FIRST_ID

    async def open(self) -> tuple[Server, Message]:
        """Open a session."""
        # A server that has the request opens the session; cancelled now, we would not know its id.
        self._opening = asyncio.ensure_future(self._initialize())
        answer = await asyncio.shield(self._opening)
        verdicts.check_initialized(answer)
        result = answer.result or {}
        server = legacy_server(result)
        if not server.protocol_version:
            words = "was answered with a result without a protocol version"
            raise Failed(Result.PROTOCOL_ERROR, words)
        if len(self._session.id) > MAX_SESSION_CHARACTERS:
            words = f"was answered with a session id of {len(self._session.id)} characters"
            raise Failed(Result.PROTOCOL_ERROR, words)
        self._line.rename(verdicts.welcome(answer, server))
        self._session.version = server.protocol_version
        headers = {**requests.POST, requests.VERSION: server.protocol_version}
        if self._session.id:
            headers[requests.SESSION] = self._session.id
        self._headers = headers
        told = await self._line.ask(requests.initialized(headers, self._url))
        verdicts.check_accepted(told)
        return server, result

    async def _initialize(self) -> Answer:
        request = replace(requests.INITIALIZE, url=self._url)
        return await self._line.ask(request, self._session.note)

    async def page(self, method: str, cursor: str | None) -> Answer:
        """Ask for a page."""
        self._last_id += 1
        return await self._line.ask(
            requests.page(self._last_id, method, cursor, self._headers, self._url)
        )

    async def close(self) -> None:
        """End the session, also where that itself is cancelled."""
        await _to_its_end(self._line, self._end)

    async def _end(self) -> None:
        await self._settle()
        await self._session.end()

    async def _settle(self) -> None:
        """Wait for the head of an answer to `initialize`, if that is still under way; end that."""
        opening = self._opening
        if opening is None or opening.done():
            return
        try:
            if not self._session.id:
                await asyncio.wait((opening,), timeout=self._line.reserve * _HEAD_SHARE)
        finally:
            opening.cancel()
        await asyncio.wait((opening,))
