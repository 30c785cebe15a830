"""One verification's way to its server: what it may still cost, and what was asked so far."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import Final

import aiohttp
import yarl

from mcpworkload.verification.answer import Answer
from mcpworkload.verification.connector import Budget, Meter
from mcpworkload.verification.exchange import opened, read_answer
from mcpworkload.verification.failures import Failed
from mcpworkload.verification.finding import Step
from mcpworkload.verification.requests import BUDGET_BYTES, Request
from mcpworkload.verification.target import Target
from mcpworkload.verification.words import cut

MAX_CONNECT_SECONDS: Final = 3.0
RESERVE_SHARE: Final = 0.1
MAX_RESERVE_SECONDS: Final = 1.0
#: More steps are not kept: a list of tools may have many pages.
_MAX_STEPS: Final = 32
_PATH_CHARACTERS: Final = 128

Heads = Callable[[Mapping[str, str]], None]


@lru_cache(maxsize=16)
def _timeouts(connect: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=connect)


class Line:
    """The way to one server; used by one task at a time."""

    def __init__(self, session: aiohttp.ClientSession, target: Target, timeout: float) -> None:
        self.target = target
        self.timeout = timeout
        self.budget = Budget(BUDGET_BYTES)
        self.steps: list[Step] = []
        #: The request that is under way, or was the last.
        self.asked = ""
        self._session = session
        self._loop = asyncio.get_running_loop()
        self.connect_seconds = min(MAX_CONNECT_SECONDS, timeout / 2)
        self._timeouts = _timeouts(self.connect_seconds)
        self.end = self._loop.time() + timeout
        #: What is kept of the time to end what was opened, in seconds.
        self.reserve = min(MAX_RESERVE_SECONDS, timeout * RESERVE_SHARE)
        self._begun, self._noted = self.end - timeout, True
        self._url = yarl.URL(target.url, encoded=True)
        self._headers = _own_headers(target)

    @property
    def now(self) -> float:
        """The clock of `end`, in seconds."""
        return self._loop.time()

    @property
    def work_end(self) -> float:
        """When all is to be known; what follows ends what was opened."""
        return self.end - self.reserve

    @property
    def url(self) -> yarl.URL:
        """The server's URL."""
        return self._url

    async def ask(self, request: Request, heads: Heads | None = None) -> Answer:
        """
        Return what comes back for *request*; *heads* gets the headers before the body is read.

        Raises:
            Failed: there is no answer, or not a whole one.
        """
        async with self.asking(request) as (response, meter):
            if heads is not None:
                heads(response.headers)
            answer = await read_answer(response, request.request_id, meter)
            self.note(answer.words)
        return answer

    @contextlib.asynccontextmanager
    async def asking(self, request: Request) -> AsyncIterator[tuple[aiohttp.ClientResponse, Meter]]:
        """
        Give the head of an answer, whose body may be read within.

        Raises:
            Failed: as `ask`.
        """
        url, headers = request.url or self._url, request.headers
        if self._headers and not request.is_bare:
            headers = {**self._headers, **headers}
        path = cut(url.raw_path, _PATH_CHARACTERS)
        self.asked = f"{request.method} {path} {request.what}".rstrip()
        self._begun, self._noted = self._loop.time(), False
        meter = Meter(self.budget, request.limit)
        try:
            async with opened(
                self._session, request, url, headers, self._timeouts, meter
            ) as response:
                yield response, meter
        except Failed as failed:
            self.note(failed.words)
            raise
        except asyncio.CancelledError:
            self.note("no whole answer")
            raise

    def note(self, answered: str) -> None:
        """Keep what came back for the request that is under way; the first word counts."""
        if self._noted:
            return
        self._noted = True
        if len(self.steps) < _MAX_STEPS:
            self.steps.append(Step(self.asked, answered, self._loop.time() - self._begun))

    def rename(self, answered: str) -> None:
        """Say of the last step, which was kept, what it came to."""
        if self.steps and self._noted:
            last = self.steps[-1]
            self.steps[-1] = Step(last.asked, answered, last.seconds)


def _own_headers(target: Target) -> dict[str, str]:
    """Return the headers that the target wants with each request; ours go before them."""
    headers = {name: value for name, value in target.headers.items() if name.lower() not in _OURS}
    if target.authority:
        headers["Host"] = target.authority
    return headers


#: What these say is ours to say: they decide how the exchange itself goes.
_OURS: Final = frozenset(
    (
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "mcp-method",
        "mcp-protocol-version",
        "mcp-session-id",
        "transfer-encoding",
        "upgrade",
    )
)
