"""The listening socket and all connections."""

import asyncio

from mcpworkload.bridge.web.connection import Connection
from mcpworkload.bridge.web.limits import MAX_CONNECTIONS
from mcpworkload.bridge.web.request import App

SWEEP_SECONDS = 1.0
BACKLOG = 1024


class Server:
    """Serves *app* from `listen` to `close`."""

    def __init__(self, app: App) -> None:
        self.app = app
        #: From now on every response is the last one on its connection.
        self.is_closing = False
        #: What all connections hold of bodies that are on their way.
        self.body_bytes = 0
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, host: str | None, port: int) -> int:
        """Accept connections from now on; the port, chosen by the system where *port* is 0."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self), host, port, backlog=BACKLOG
        )
        found: int = self._listener.sockets[0].getsockname()[1]
        return found

    def admit(self, connection: Connection) -> bool:
        """Whether there is room for *connection*."""
        is_room = len(self._connections) < MAX_CONNECTIONS
        self._connections.add(connection)
        if self._sweeper is None:
            self._sweep()
        return is_room

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._connections.discard(connection)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is connected."""
        return not self._connections

    def stop_accepting(self) -> None:
        """Take no new connections, and let those that are there end with their next response."""
        self.is_closing = True
        if self._listener is not None:
            self._listener.close()

    def close_idle(self) -> None:
        """Close the connections on which nothing is going on."""
        for connection in tuple(self._connections):
            if connection.is_idle:
                connection.transport.close()

    def close(self) -> None:
        """Close every connection, after what is written to it already."""
        self.stop_accepting()
        for connection in tuple(self._connections):
            connection.transport.close()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _sweep(self) -> None:
        # One look a second costs less than a timer for each step of each request.
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._connections):
            if connection.deadline < now:
                connection.expire()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep) if self._connections else None
