"""The servers of now, and their successors where the bridge cannot start the process."""

from typing import Protocol

from mcpworkload.bridge.servers import Servers


class NewServers(Protocol):
    """Makes servers that have not answered yet."""

    def __call__(self, *, not_ready_reason: str = ...) -> Servers:
        """Return new servers."""


class Supervisor:
    """
    Owns the servers; the tasks that work for them are in the bridge's one task group.

    One is not: a channel itself ends the processes that its server left. A fault in that reaches
    the task that waits for them, which is in the group.

    *new_servers* makes them, and their successors with the reason why those are not ready yet.
    """

    def __init__(self, new_servers: NewServers) -> None:
        self._new_servers = new_servers
        self.servers = new_servers()

    def replace(self, reason: str) -> None:
        """Wait for a successor of the servers, which have ended for *reason*."""
        text = f"{reason}; its successor has not answered yet"
        self.servers = self._new_servers(not_ready_reason=text)

    @property
    def waiting(self) -> int:
        """The number of requests whose client waits for the answer of a server."""
        return sum(peer.requests.busy for peer in self.servers.peers)

    @property
    def subscriptions(self) -> int:
        """The number of subscriptions whose client listens."""
        return sum(peer.requests.subscriptions for peer in self.servers.peers)
