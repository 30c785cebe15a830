"""
The sockets of an HTTP session, none of which outlives it.

Closing a session waits for the connections in its pool only. A connection that was given up in the
middle of a response, as every watch and every WebSocket is in the end, has sent the close_notify of
TLS then, and stays open if the event loop ends before the server has sent its own.
"""

import asyncio
import contextlib
import socket
import weakref
from typing import Any

# Far more than a socket that was shut down needs: a few turns of the event loop.
CLOSE_SECONDS = 1.0
_POLLS = 200


class Sockets:
    """Makes the sockets of one session, and closes those that are left."""

    def __init__(self) -> None:
        self._made: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def make(self, address: tuple[Any, ...]) -> socket.socket:
        """Return a new socket for *address*, an entry of `socket.getaddrinfo`."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        self._made.add(made)
        return made

    async def close(self) -> None:
        """Shut down what is open, and return once the event loop has closed it."""
        for each in self._open():
            # Its transport reads the end of the stream next, and waits for nothing more.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for _ in range(_POLLS):
            if not self._open():
                break
            await asyncio.sleep(CLOSE_SECONDS / _POLLS)

    def _open(self) -> list[socket.socket]:
        return [each for each in self._made if each.fileno() != -1]
