"""All connections, what they hold together, and the time that each of them has."""

import asyncio
import socket
from collections.abc import Callable

from mcpworkload.protocol.http.connection import Connection
from mcpworkload.protocol.http.limits import MAX_CONNECTIONS, READ_BYTES
from mcpworkload.protocol.http.listener import Listener
from mcpworkload.protocol.http.request import App
from mcpworkload.protocol.http.room import Room

SWEEP_SECONDS = 1.0


class Server:
    """
    Serves *app* from `listen` to `close`, over *max_connections* at a time.

    Calls *on_leave* whenever a connection is closed.
    """

    def __init__(
        self,
        app: App,
        max_connections: int = MAX_CONNECTIONS,
        on_leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.app, self._on_leave = app, on_leave
        #: From now on every response is the last one on its connection.
        self.is_closing = False
        #: What all connections hold of heads and of bodies that are on their way.
        self.head_bytes = self.body_bytes = 0
        self.room: Room[Connection] = Room(max_connections)
        #: What is read goes in here first: a read is handled before the next one begins.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._listener = Listener(self._take, lambda: self.room.is_full, self._make_room)
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, host: str | None, port: int) -> int:
        """
        Accept connections from now on; the port, chosen by the system where *port* is 0.

        Raises:
            OSError: an address cannot be had; none is listened at then.
        """
        return self._listener.open(host, port)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self.room.leave(connection)
        self._on_leave()

    @property
    def is_empty(self) -> bool:
        """True if no client is connected."""
        return not self.room.all

    def stop_accepting(self) -> None:
        """Take no new connections, and let those that are there end with their next response."""
        self.is_closing = True
        self._listener.close()

    def close_idle(self) -> None:
        """Close the connections on which nothing is going on."""
        for connection in tuple(self.room.all):
            if connection.is_idle:
                connection.close()

    def close(self) -> None:
        """Close every connection, after what is written to it already."""
        self.stop_accepting()
        for connection in tuple(self.room.all):
            connection.close()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _take(self, accepted: socket.socket) -> None:
        """Begin with a connection; it counts from now on."""
        connection = Connection(self)
        self.room.enter(connection)
        task = asyncio.create_task(self._open(connection, accepted))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        if self._sweeper is None:
            self._sweep()

    async def _open(self, connection: Connection, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # it has gone already
            accepted.close()
            self.leave(connection)

    def _make_room(self) -> bool:
        """Close a connection that can be missed; whether there is one."""
        connection = self.room.give_way(asyncio.get_running_loop().time())
        if connection is None:
            return False
        connection.give_way()
        return True

    def _sweep(self) -> None:
        # One look a second costs less than a timer for each step of each request.
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self.room.all):
            if connection.deadline < now:
                connection.expire()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep) if self.room.all else None
