"""What the bridge knows of its server without asking it again."""

from dataclasses import dataclass

from mcpworkload.bridge.lists import Lists
from mcpworkload.protocol.jsonrpc import Raw


@dataclass
class Known:
    """
    A server's first answer of each era, and the last lists of one that sessions have to themselves.

    The answers remain when the process that gave them has ended.
    """

    #: Its DiscoverResult, bounded; None where it has none.
    discover: Raw | None = None
    #: Its InitializeResult, bounded; None where it was not asked, or has no sessions.
    initialize: Raw | None = None
    #: The lists that were read last, which may have changed since.
    lists: Lists | None = None
    #: How often servers have reported that their tools changed: now, and when `lists` was read.
    changes: int = 0
    lists_changes: int = 0

    @property
    def current_lists(self) -> Lists | None:
        """The lists, unless the tools have changed since."""
        return self.lists if self.changes == self.lists_changes else None

    def tools_changed(self) -> None:
        """Note that the tools may not be those that are known."""
        self.changes += 1

    def keep(self, lists: Lists, changes: int) -> None:
        """Keep *lists*, which were asked for after so many *changes*."""
        self.lists, self.lists_changes = lists, changes
