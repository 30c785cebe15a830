"""Who hears what a server says by itself."""

from collections.abc import Mapping
from typing import Protocol

from mcpworkload.bridge.calls import Call
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox

#: What a server has not answered yet, by the numbers that it knows.
Calls = Mapping[int, Call]


class Audience(Protocol):
    """Who is there to hear what a server says by itself."""

    #: Whether nobody here may wait for anybody else.
    is_shared: bool

    def told(
        self, calls: Calls, given_up: GivenUp, method: str, message: Message
    ) -> Mailbox | None:
        """Return who gets a notification that names no request, or None if nobody does."""

    def asked(self, method: str, message: Message) -> Mailbox | str:
        """Return who gets a request of the server's, or why it is refused."""


class Nobody:
    """The audience of a server that we only look at."""

    is_shared = True

    def told(
        self, _calls: Calls, _given_up: GivenUp, _method: str, _message: Message
    ) -> Mailbox | None:
        """Nobody gets it."""
        return None

    def asked(self, _method: str, _message: Message) -> Mailbox | str:
        """Nobody can answer."""
        return "no client is connected yet"
