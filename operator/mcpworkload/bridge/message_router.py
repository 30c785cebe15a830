"""The interface that routes what a server sends by itself to clients."""

from collections.abc import Callable, Mapping
from typing import Protocol

from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox

TOOLS_CHANGED = "notifications/tools/list_changed"
#: The unanswered requests of a server, by the ids that the server knows.
ClientRequests = Mapping[int, ClientRequest]
#: The mailbox of a message, or all mailboxes that get a copy of it; None drops the message.
Destination = Mailbox | tuple[Mailbox, ...] | None


class MessageRouter(Protocol):
    """Finds the client for what a server sends by itself."""

    #: Whether several clients use the server, so that none may make another one wait.
    is_shared: bool

    def route_notification(
        self, client_requests: ClientRequests, given_up: GivenUp, method: str, message: Message
    ) -> Destination:
        """Return where a notification goes that names no request."""

    def route_request(self, method: str, message: Message) -> Mailbox | str:
        """Return the mailbox for a request of the server's, or why it is refused."""


class NoClients:
    """Routes nothing: the server is only asked for its era."""

    is_shared = True

    def route_notification(
        self, _requests: ClientRequests, _given_up: GivenUp, _method: str, _message: Message
    ) -> Destination:
        """Drop it."""
        return None

    def route_request(self, _method: str, _message: Message) -> Mailbox | str:
        """Refuse it."""
        return "no client is connected yet"


class EraRouter:
    """Routes for a shared server by the era that it turned out to speak, which *find* returns."""

    is_shared = True

    def __init__(self, find: Callable[[], MessageRouter]) -> None:
        self._find = find

    def route_notification(
        self, client_requests: ClientRequests, given_up: GivenUp, method: str, message: Message
    ) -> Destination:
        """Route it as that era does."""
        return self._find().route_notification(client_requests, given_up, method, message)

    def route_request(self, method: str, message: Message) -> Mailbox | str:
        """Route it as that era does."""
        return self._find().route_request(method, message)


class ListWatch:
    """Routes as *router* does, and calls *changed* when the server's list of tools has changed."""

    def __init__(self, router: MessageRouter, changed: Callable[[], None]) -> None:
        self.is_shared = router.is_shared
        self._router, self._changed = router, changed

    def route_notification(
        self, client_requests: ClientRequests, given_up: GivenUp, method: str, message: Message
    ) -> Destination:
        """Route it as *router* does."""
        if method == TOOLS_CHANGED:
            self._changed()
        return self._router.route_notification(client_requests, given_up, method, message)

    def route_request(self, method: str, message: Message) -> Mailbox | str:
        """Route it as *router* does."""
        return self._router.route_request(method, message)
