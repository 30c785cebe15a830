"""Asks one server who it is. Always ends in time, and always with a finding."""

import asyncio

import aiohttp

from mcpworkload.verification.account import ask_bridge
from mcpworkload.verification.causes import explained
from mcpworkload.verification.failures import Failed, Refused
from mcpworkload.verification.finding import Era, Finding, Result, Server
from mcpworkload.verification.handshakes import Legacy, Modern, Way
from mcpworkload.verification.line import Line
from mcpworkload.verification.lists import Lists
from mcpworkload.verification.sse import Sse
from mcpworkload.verification.target import Target

#: A server of which nothing is known may be silent to a method that it does not know; then there
#: is to be time for another one. This share of the time is for the answer, beside the connection.
DISCOVER_SHARE = 0.1


async def probe(
    target: Target,
    *,
    session: aiohttp.ClientSession,
    era: Era | None = None,
    timeout: float = 10.0,  # noqa: ASYNC109 - it ends in a finding, and what was opened is ended
) -> Finding:
    """
    Return who answers at *target* within *timeout* seconds, or what is wrong with the answer.

    *era* is the one of the server that answered there last: it is asked for first. *session* is
    one of `open_session`. Nothing is raised but what cancels the task; no connection is left open.
    """
    try:
        line = Line(session, target, timeout)
    except ValueError:
        words = f"{target.path!r} is no path that can be asked; change transport.path"
        return Finding(Result.NOT_MCP, words)
    probing = _Probing(line)
    try:
        async with asyncio.timeout_at(line.work_end):
            server = await probing.run(era)
    except TimeoutError:
        late = probing.so_far()
        if late is None:
            failed = Failed(Result.HANDSHAKE_TIMEOUT, f"had no whole answer within {timeout:g} s")
            return await probing.finding(failed)
        server, probing.is_rushed = late, True
    except Failed as failed:
        return await probing.finding(failed)
    steps, is_rushed = tuple(line.steps), probing.is_rushed
    return Finding(Result.HANDSHAKE_OK, server=server, steps=steps, is_rushed=is_rushed)


class _Probing:
    """One verification under way."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._lists: Lists | None = None
        #: The request that failed.
        self.asked = ""
        #: Whether silence decided something.
        self.is_rushed = False

    def so_far(self) -> Server | None:
        """Return the server as far as it is known when the time is over; None: not enough."""
        if self._lists is None or not self._lists.is_enough:
            return None
        return self._lists.server()

    async def finding(self, failed: Failed) -> Finding:
        """Return what *failed* comes to, with its likely cause."""
        asked = failed.asked or self.asked or self._line.asked
        if failed.result is not Result.PROTOCOL_ERROR:
            asked = asked.removesuffix(" server/discover").removesuffix(" initialize")
        failed = await explained(self._line, failed)
        message = f"{asked} {failed.words}"
        return Finding(failed.result, message, steps=tuple(self._line.steps))

    async def run(self, era: Era | None) -> Server:
        """
        Return the server.

        Raises:
            Failed: there is none.
        """
        line = self._line
        if line.target.kind == "bridge":
            try:
                return await ask_bridge(line)
            except Refused:
                pass
        if line.target.kind == "sse":
            return await self._ask(Sse(line))
        if era == "legacy":
            return await self._first_of(Legacy(line), Modern(line))
        patience = None if era == "modern" else line.connect_seconds + line.timeout * DISCOVER_SHARE
        return await self._first_of(Modern(line, patience), Legacy(line))

    async def _first_of(self, first: Way, second: Way) -> Server:
        try:
            return await self._ask(first)
        except Refused as refused:
            self.is_rushed = refused.result is Result.HANDSHAKE_TIMEOUT
            try:
                return await self._ask(second)
            except Refused:
                if not isinstance(first, Legacy):
                    raise
                # The handshake that more servers know tells more.
                raise refused from None

    async def _ask(self, way: Way) -> Server:
        try:
            server, result = await way.open()
            self._lists = Lists(server, result)
            await self._lists.read(way)
        except (Failed, asyncio.CancelledError) as error:
            self.asked = self._line.asked  # before what follows asks for something else
            if isinstance(error, Failed):
                error.asked = self.asked
            raise
        finally:
            await way.close()
        return self._lists.server()
