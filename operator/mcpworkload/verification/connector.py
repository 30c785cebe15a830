"""Connections that count the bytes that come, heads included, and end where there are too many."""

import asyncio
import contextlib
import functools
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

#: Beyond this the kernel holds what a server sends back; a server that floods soon waits.
_RECEIVE_BYTES: Final = 64 * 1024
#: `100 Continue` and its like may come before an answer; a server could send them for ever.
_MAX_HEADS: Final = 8
_PIECE_BYTES: Final = 1024
_LINE_BYTES: Final = 32


class Budget:
    """What the answers to one verification may cost in all."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


class Meter:
    """
    What one answer may cost: its bytes, heads included.

    A server could send a byte at a time, or a line break after each, and so cost a thousand times
    what its bytes do. So a piece counts as if it were not small, and a line break as some bytes.
    """

    __slots__ = ("_budget", "_left")

    def __init__(self, budget: Budget, limit: int) -> None:
        self._budget, self._left = budget, limit

    @property
    def is_over(self) -> bool:
        """Whether more came than was to be read."""
        return self._left < 0 or self._budget.left < 0

    def take(self, data: bytes) -> bool:
        """Count *data*; return whether it may be read."""
        cost = max(len(data), _PIECE_BYTES) + _LINE_BYTES * data.count(b"\r\n")
        self._left -= cost
        self._budget.left -= cost
        return not self.is_over

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count what comes over a connection that is made within."""
        token = _meter.set(self)
        try:
            yield
        finally:
            _meter.reset(token)


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


class _CountingHandler(ResponseHandler):
    """Takes what a server sends until that is too much."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._meter = _meter.get()
        self._heads = 0

    def data_received(self, data: bytes) -> None:
        """Count, and pass on."""
        if self._meter is None or self._meter.take(data):
            super().data_received(data)
        elif self.transport is not None:
            self.transport.abort()

    async def read(self) -> Any:
        """Return the next head of an answer, unless too many came."""
        self._heads += 1
        if self._heads > _MAX_HEADS:
            raise aiohttp.ServerDisconnectedError("too many heads")
        return await super().read()


class BudgetConnector(aiohttp.TCPConnector):
    """Makes one connection for each request, without a look at the server's certificate."""

    def __init__(self) -> None:
        super().__init__(
            limit=0,
            # An address is in no certificate, and what a server says is believed in nothing.
            ssl=False,
            force_close=True,
            use_dns_cache=False,
            happy_eyeballs_delay=None,
            socket_factory=_make_socket,
        )
        self._factory = cast("Any", functools.partial(_CountingHandler, loop=self._loop))


def _make_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    return made
