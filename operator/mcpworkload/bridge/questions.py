"""What a server has asked its clients, and not been answered."""

import contextlib

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, NotJsonRpc

#: With a further one the oldest is forgotten: clients may leave any number unanswered.
MAX_OPEN = 1024


class Questions:
    """Requests of a server's own, by their ids."""

    def __init__(self) -> None:
        #: Their methods, the oldest first.
        self._open: dict[str | int, str] = {}

    def ask(self, message: Message) -> str | int | None:
        """Note that a client has the request *message*; return which one is forgotten for it."""
        number = jsonrpc.identifier(message["id"])
        self._open.pop(number, None)
        forgotten = next(iter(self._open)) if len(self._open) >= MAX_OPEN else None
        if forgotten is not None:
            del self._open[forgotten]
        self._open[number] = jsonrpc.method(message)
        return forgotten

    def answer(self, number: str | int) -> str | None:
        """
        Return the method of *number*, if the server waits for a response to it.

        From now on it does not.
        """
        return self._open.pop(number, None)

    def reopen(self, number: str | int, method: str) -> None:
        """Note that the response to *number* did not reach the server."""
        if len(self._open) < MAX_OPEN:
            self._open[number] = method

    def withdraw(self, message: Message) -> None:
        """The server says by the notification *message* that it waits no more."""
        with contextlib.suppress(KeyError, NotJsonRpc):
            params = jsonrpc.members(message.get("params"))
            self._open.pop(jsonrpc.identifier(params["requestId"]), None)
