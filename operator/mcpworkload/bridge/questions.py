"""What a server has asked its clients, and not been answered."""

import contextlib

from mcpworkload.bridge import jsonrpc
from mcpworkload.bridge.jsonrpc import Message, NotJsonRpc

#: Further ones are refused: clients may leave any number unanswered.
MAX_OPEN = 1024


class Questions:
    """Requests of a server's own, by their ids."""

    def __init__(self) -> None:
        self._open: set[str | int] = set()

    @property
    def is_full(self) -> bool:
        """Whether there are as many as may be."""
        return len(self._open) >= MAX_OPEN

    def ask(self, message: Message) -> None:
        """A client has the request *message*."""
        self._open.add(jsonrpc.identifier(message["id"]))

    def answer(self, number: str | int) -> bool:
        """Whether the server waits for a response to *number*; from now on it does not."""
        was_open = number in self._open
        self._open.discard(number)
        return was_open

    def withdraw(self, message: Message) -> None:
        """The server says by the notification *message* that it waits no more."""
        with contextlib.suppress(KeyError, NotJsonRpc):
            params = jsonrpc.members(message.get("params"))
            self._open.discard(jsonrpc.identifier(params["requestId"]))
