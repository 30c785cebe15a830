"""What a legacy client may say in its session, whichever transport brings it."""

from dataclasses import dataclass

from mcpworkload.bridge import jsonrpc
from mcpworkload.bridge.calls import Call
from mcpworkload.bridge.channel import ChannelClosed
from mcpworkload.bridge.jsonrpc import Kind, Message
from mcpworkload.bridge.mailbox import Mailbox
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.peer import CANCELLED
from mcpworkload.bridge.registry import Registry
from mcpworkload.bridge.servers import NotServed
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.versions import negotiated

INITIALIZE = "initialize"
INITIALIZED = "notifications/initialized"


@dataclass(frozen=True)
class Conversation:
    """Passes on what clients say, to servers of their own or to one that they share."""

    options: Options
    registry: Registry

    async def ask(self, session: Session, message: Message, mail: Mailbox) -> Call | None:
        """
        Send a request; its answer will be in *mail*. None where we answered it ourselves.

        Raises:
            NotServed, CannotStart: there is no server for this client.
            ChannelClosed, Busy: as `Peer.call`.
        """
        method = jsonrpc.method(message)
        if self.registry.servers.is_shared:
            own = await self._shared_answer(session, method, message)
            if own is not None:
                mail.put(own, is_answer=True)
                return None
        elif method == INITIALIZE:
            await self.registry.give_server(session)
        if session.peer is None:
            raise NotServed("send initialize first")
        if method != INITIALIZE:
            session.has_asked = True
            # Not every client opens a stream of its own for what the server asks.
            session.catch_up(mail)
        try:
            return await session.peer.call(
                message, mail, self.options.request_timeout, among=session.calls
            )
        except ChannelClosed as error:
            if method == INITIALIZE:
                raise NotServed(str(error)) from None
            raise

    async def take(self, session: Session, message: Message, kind: Kind) -> None:
        """
        Pass on a notification or a response.

        Raises:
            ChannelClosed, Busy: as `Peer.call`.
        """
        limit = self.options.request_timeout
        peer = session.peer
        if peer is None:
            return
        if kind is Kind.RESPONSE:
            await peer.reply(message, limit)
            return
        method = jsonrpc.method(message)
        if method == CANCELLED:
            self._cancel(session, message)
        elif method != INITIALIZED or not self.registry.servers.is_shared:
            await peer.tell(message, limit)

    def _cancel(self, session: Session, message: Message) -> None:
        params = jsonrpc.members(message.get("params"))
        try:
            number = jsonrpc.identifier(params["requestId"])
        except (KeyError, jsonrpc.NotJsonRpc):
            return
        call = session.call_of(number)
        if call is None or session.peer is None:
            return
        # A response stream of this era ends with an answer, and the server gives none any more.
        text = "the client cancelled this request"
        call.mail.put(call.error(jsonrpc.REQUEST_CANCELLED, text), is_answer=True)
        reason = jsonrpc.value(params.get("reason"))
        session.peer.cancel(call, reason if isinstance(reason, str) else text)

    async def _shared_answer(self, session: Session, method: str, message: Message) -> bytes | None:
        """Return the answer to what concerns this client alone, where its server is shared."""
        params = jsonrpc.members(message.get("params"))
        if method == INITIALIZE:
            session.peer, greeting = await self.registry.servers.shared_legacy()
            asked = jsonrpc.value(params.get("protocolVersion"))
            served = jsonrpc.value(greeting["protocolVersion"])
            version = jsonrpc.raw(negotiated(asked, served))
            return jsonrpc.result(message["id"], {**greeting, "protocolVersion": version})
        uri = jsonrpc.text(params.get("uri"))
        if uri is not None and method == "resources/subscribe":
            session.subscriptions.add(uri)
        if uri is not None and method == "resources/unsubscribe":
            session.subscriptions.discard(uri)
            if any(uri in other.subscriptions for other in self.registry):
                return jsonrpc.result(message["id"], {})
        return None
