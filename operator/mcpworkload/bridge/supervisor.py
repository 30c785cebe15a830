"""The servers of now, and their successors where the bridge cannot start the process."""

from mcpworkload.bridge.background import Background
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.channel import Source
from mcpworkload.bridge.message_router import MessageRouter
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.servers import Servers


class Supervisor:
    """
    Owns the servers; the tasks that work for them are in *background*.

    One is not: a channel itself ends the processes that its server left. A fault in that reaches
    the task that waits for them, which is in *background*.

    *stateless* and *stateful* are the routers of the shared server of each era.
    """

    def __init__(
        self,
        options: Options,
        source: Source,
        stateless: MessageRouter,
        stateful: MessageRouter,
        background: Background,
        changes: Changes,
    ) -> None:
        self._parts = options, source, stateless, stateful, background, changes
        self.servers = Servers(*self._parts)

    def replace(self, reason: str) -> None:
        """Wait for a successor of the servers, which have ended for *reason*."""
        text = f"{reason}; its successor has not answered yet"
        self.servers = Servers(*self._parts, not_ready_reason=text)

    @property
    def waiting(self) -> int:
        """The number of requests whose client waits for the answer of a server."""
        return sum(peer.requests.busy for peer in self.servers.peers)

    @property
    def subscriptions(self) -> int:
        """The number of subscriptions whose client listens."""
        return sum(peer.requests.subscriptions for peer in self.servers.peers)
