"""
``GET /idle``: answers when no request is under way.

The preStop hook of a server's container waits for the answer. The request changes nothing for the
server and its clients, so every client may send it.
"""

import asyncio
import math
from collections.abc import Callable
from urllib.parse import parse_qsl

from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.draining import Draining, Load
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.answers import RETRY_AFTER, refuse
from mcpworkload.protocol.http.request import NO_STORE, TEXT, Request

#: So many may wait at a time; one does, as a rule.
MAX_WAITING = 16
LONGEST_SECONDS = 3600.0
_USAGE = "write /idle?pause=SECONDS&within=SECONDS, each a number from 0 to 3600"


class DrainWait:
    """Answers ``GET /idle?pause=5&within=23``, once *load* is drained or when the time is over."""

    def __init__(self, load: Callable[[], Load], changes: Changes) -> None:
        self._load, self._changes = load, changes
        self._waiting = 0

    async def serve(self, request: Request) -> None:
        """
        Answer *request* when nothing is under way, not before `pause` and not after `within`.

        Left out, both are 0: the answer is how it is now.
        """
        try:
            pause, within = _times(request.query)
        except ValueError as error:
            refuse(request, 400, jsonrpc.INVALID_PARAMS, f"{error}; {_USAGE}")
            return
        if self._waiting >= MAX_WAITING:
            refuse(
                request,
                503,
                jsonrpc.INTERNAL_ERROR,
                f"{MAX_WAITING} wait already",
                headers=RETRY_AFTER,
            )
            return
        self._waiting += 1
        try:
            await self._wait(request, pause, max(pause, within))
        finally:
            self._waiting -= 1
        text = b"idle\n" if self._load().is_drained else b"busy\n"
        request.respond(200, [TEXT, NO_STORE], text)

    async def _wait(self, request: Request, pause: float, within: float) -> None:
        draining = Draining(asyncio.get_running_loop().time(), within, pause=pause)

        def seconds_left(now: float) -> float:
            if request.is_lost:
                return 0.0
            return draining.seconds_left(now, is_reached=self._load().is_drained)

        request.on_lost = self._changes.report
        await self._changes.until_over(seconds_left)


def _times(query: str) -> tuple[float, float]:
    """
    Return the pause and the time allowed, in seconds, from *query*.

    Raises:
        ValueError: names what is wrong.
    """
    found = {"pause": 0.0, "within": 0.0}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in found:
            raise ValueError(f"there is no {name!r} here")
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = math.nan
        if not 0 <= found[name] <= LONGEST_SECONDS:
            raise ValueError(f"{name} is {text!r}")
    return found["pause"], found["within"]
