"""
Requests since 2026-07-28, answered by a server that only has sessions.

The bridge has opened one session, in which it offers nothing; all such requests share it. What
would need a session of the client's own is refused, and a client that asks which revisions there
are is sent to a session, where it gets all that the server can do.
"""

import re
from dataclasses import dataclass

import msgspec

from mcpworkload.bridge.client_requests import LISTEN, ClientRequest
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import ClientRequests
from mcpworkload.bridge.peer import Peer
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, Raw
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.request_meta import Refusal
from mcpworkload.protocol.sent import Sent
from mcpworkload.protocol.versions import CAPABILITIES_KEY, CLIENT_KEY, LOG_LEVEL_KEY, VERSION_KEY

DISCOVER = "server/discover"
#: Methods that need a session: passed on, they would change what other clients get, or show it.
SESSION_METHODS = ("ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe")
TASK_METHODS = "tasks/"
#: Results of these have to state how long, and for whom, they may be kept.
CACHEABLE = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
)
#: What a request declares about itself, which in a session ``initialize`` has declared.
_SELF_KEYS = (VERSION_KEY, CAPABILITIES_KEY, CLIENT_KEY, LOG_LEVEL_KEY)
_COMPLETE = {"resultType": jsonrpc.raw("complete")}
#: The least that can be promised for a server that promised nothing.
_UNCACHED = {"ttlMs": jsonrpc.raw(0), "cacheScope": jsonrpc.raw("private")}


class _Result(msgspec.Struct):
    """The members that a result may lack; the others are passed over."""

    resultType: Raw = Raw(b"")  # noqa: N815 - as the protocol writes them
    ttlMs: Raw = Raw(b"")  # noqa: N815
    cacheScope: Raw = Raw(b"")  # noqa: N815


_result = msgspec.json.Decoder(_Result)
_END = re.compile(rb"\s*\}")


class TranslatedRequest(ClientRequest):
    """A request that stands for itself, as one within a session."""

    __slots__ = ()

    def outgoing(self, sent: Sent) -> bytes:
        """Return *sent* without what it declares about itself, under the bridge's id."""
        sent.leave_out(_SELF_KEYS)
        return super().outgoing(sent)

    def answer(self, message: Message) -> bytes:
        """Return the response *message* with what this era requires of a result."""
        if "result" in message:
            message["result"] = self._completed(message["result"])
        return super().answer(message)

    def _completed(self, result: Raw) -> Raw:
        """Return *result* with what it lacks put before all else: it may be large."""
        try:
            found = _result.decode(result)
        except (msgspec.DecodeError, RecursionError):
            return result  # no object, and no result by any revision
        needed = {**_COMPLETE, **_UNCACHED} if self.method in CACHEABLE else _COMPLETE
        added = {name: part for name, part in needed.items() if not getattr(found, name)}
        if not added:
            return result
        rest = bytes(memoryview(result)).lstrip()[1:]
        comma = b"" if _END.match(rest) else b","
        return Raw(b"".join((bytes(jsonrpc.raw(added))[:-1], comma, rest)))


@dataclass(frozen=True)
class Translated:
    """A server that has sessions, for requests that stand for themselves."""

    peer: Peer

    async def call(self, sent: Sent, mail: Mailbox, timeout: float) -> ClientRequest:  # noqa: ASYNC109 - as `Peer.call`
        """Send a client's request, as `Peer.call` does."""
        return await self.peer.call(sent, mail, timeout, of=TranslatedRequest)

    def cancel(self, pending: ClientRequest, reason: str) -> None:
        """Notify the server that no client waits for *pending* any more."""
        self.peer.cancel(pending, reason)

    def let_go(self, pending: ClientRequest) -> None:
        """Wait no more for the answer to *pending*, as `Peer.let_go` does."""
        self.peer.let_go(pending)


class TranslatedClients:
    """Routes nothing: the server does not know the clients whose requests are translated."""

    is_shared = True

    def route_notification(
        self, _requests: ClientRequests, _given_up: GivenUp, _method: str, _message: Message
    ) -> Mailbox | None:
        """Drop it: of all messages in a session only progress names its request."""
        return None

    def route_request(self, _method: str, _message: Message) -> Mailbox | str:
        """Refuse: the client of the request is not known, and offered no answers."""
        return (
            "this client sends requests of 2026-07-28, which the bridge translates; it cannot be"
            " asked. One that opens a session by initialize can"
        )


def check_discovery(sent: Sent) -> None:
    """
    Return if *sent* does not ask which revisions a server speaks that has sessions alone.

    Raises:
        Refusal: clients that speak both eras go on with initialize after this.
    """
    if sent.method == DISCOVER:
        text = "this server speaks protocol revisions before 2026-07-28; send initialize"
        raise Refusal(jsonrpc.INVALID_REQUEST, text)


def check_translatable(sent: Sent) -> None:
    """
    Return if a server that has sessions can answer *sent* outside of one.

    Raises:
        Refusal: has what to send instead.
    """
    method = sent.method
    if method == LISTEN or method in SESSION_METHODS or method.startswith(TASK_METHODS):
        text = f"{method} takes a session with this server; send initialize"
        raise Refusal(jsonrpc.METHOD_NOT_FOUND, text)
