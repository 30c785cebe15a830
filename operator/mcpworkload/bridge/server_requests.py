"""The requests of a server that its clients have not answered."""

import contextlib

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, NotJsonRpc

#: One more, and the oldest is forgotten: clients may leave any of them unanswered.
MAX_OPEN = 1024


class ServerRequests:
    """Requests of a server's own, by their ids."""

    def __init__(self) -> None:
        #: Their methods, the oldest first.
        self._open: dict[str | int, str] = {}

    def ask(self, message: Message) -> str | int | None:
        """Note that a client has the request *message*; return which one is forgotten for it."""
        request_id = jsonrpc.identifier(message["id"])
        self._open.pop(request_id, None)
        forgotten = next(iter(self._open)) if len(self._open) >= MAX_OPEN else None
        if forgotten is not None:
            del self._open[forgotten]
        self._open[request_id] = jsonrpc.method(message)
        return forgotten

    def answer(self, request_id: str | int) -> str | None:
        """
        Return the method of *request_id*, if the server waits for a response to it.

        From now on it does not.
        """
        return self._open.pop(request_id, None)

    def reopen(self, request_id: str | int, method: str) -> None:
        """Note that the response to *request_id* did not reach the server."""
        if len(self._open) < MAX_OPEN:
            self._open[request_id] = method

    def withdraw(self, message: Message) -> None:
        """Forget the request that the server cancels by the notification *message*."""
        with contextlib.suppress(KeyError, NotJsonRpc):
            params = jsonrpc.members(message.get("params"))
            self._open.pop(jsonrpc.identifier(params["requestId"]), None)
