"""
The listening sockets.

asyncio's own server takes all that come at a time, tells of each shortage of descriptors with a
traceback, and tries to listen again after it was closed: ours makes room before it accepts.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

log = logging.getLogger(__name__)

BACKLOG = 1024
#: Accepted in one go, so that who is connected gets a turn in between.
ACCEPTED_AT_ONCE = 64
#: Where nothing can be accepted, and no connection given up for it, this is tried again after:
RETRY_SECONDS = 0.1
SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
COMPLAINT_SECONDS = 60.0


class Listener:
    """
    Passes accepted sockets to *take*.

    Where there is no room by *is_full*, or by the system, *make_room* is asked for some first;
    it says whether there will be.
    """

    def __init__(
        self,
        take: Callable[[socket.socket], None],
        is_full: Callable[[], bool],
        make_room: Callable[[], bool],
    ) -> None:
        self._take, self._is_full, self._make_room = take, is_full, make_room
        self._sockets: list[socket.socket] = []
        self._complained = -COMPLAINT_SECONDS

    def open(self, host: str | None, port: int) -> int:
        """
        Listen at all addresses of *host*, at those of this machine where it is None; the port.

        Raises:
            OSError: an address cannot be had; none is listened at then.
        """
        kind, flags = socket.SOCK_STREAM, socket.AI_PASSIVE
        with ExitStack() as opened:
            opened.callback(self._sockets.clear)
            for family, _, _, _, address in socket.getaddrinfo(host, port, type=kind, flags=flags):
                try:
                    listener = socket.socket(family, kind)
                except OSError:
                    continue  # this machine does not have such addresses
                self._sockets.append(opened.enter_context(listener))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.setblocking(False)
                listener.bind(address)
                listener.listen(BACKLOG)
            if not self._sockets:
                raise OSError(errno.EADDRNOTAVAIL, f"no address of {host!r} can be listened at")
            found: int = self._sockets[0].getsockname()[1]
            opened.pop_all()
        for listener in self._sockets:
            self._resume(listener)
        return found

    def close(self) -> None:
        """Accept what has connected already, and nothing any more."""
        loop = asyncio.get_running_loop()
        for listener in self._sockets:
            loop.remove_reader(listener)
            # The system resets what still waits in the queue of a socket that is closed.
            with contextlib.suppress(OSError):
                while not self._is_full():
                    accepted, _address = listener.accept()
                    accepted.setblocking(False)
                    self._take(accepted)
            listener.close()
        self._sockets.clear()

    def _resume(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:  # it may have been closed meanwhile
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _pause(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(RETRY_SECONDS, self._resume, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            if self._is_full():
                self._give_way_or_pause(listener)
                return
            try:
                accepted, _address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                self._complain(error)
                if error.errno in SHORTAGES:
                    self._give_way_or_pause(listener)
                else:
                    self._pause(listener)
                return
            accepted.setblocking(False)
            self._take(accepted)

    def _give_way_or_pause(self, listener: socket.socket) -> None:
        # What gives way is closed in the loop's next round, in which we are called again.
        if not self._make_room():
            self._pause(listener)

    def _complain(self, error: OSError) -> None:
        now = time.monotonic()
        if now - self._complained >= COMPLAINT_SECONDS:
            self._complained = now
            log.warning("cannot accept a connection: %s; idle ones are closed for new ones", error)
