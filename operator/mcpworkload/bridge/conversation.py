"""What a legacy client may say in its session, whichever transport brings it."""

from dataclasses import dataclass

from mcpworkload.bridge.calls import Call, SessionCall
from mcpworkload.bridge.channel import ChannelClosed
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.peer import CANCELLED
from mcpworkload.bridge.registry import Registry
from mcpworkload.bridge.servers import NotServed
from mcpworkload.bridge.session import Session
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Kind, Raw
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.members import size
from mcpworkload.protocol.sent import Sent
from mcpworkload.protocol.versions import negotiated

INITIALIZE = "initialize"
INITIALIZED = "notifications/initialized"
#: Libraries send it by themselves: it is no use of a session.
PING = "ping"
SUBSCRIBE, UNSUBSCRIBE = "resources/subscribe", "resources/unsubscribe"
#: What a session subscribes to is kept for as long as it lives.
MAX_URI_BYTES = 8 * 1024
MAX_SUBSCRIPTIONS = 1024


@dataclass(frozen=True)
class Conversation:
    """Passes on what clients say, to servers of their own or to one that they share."""

    options: Options
    registry: Registry

    async def ask(self, session: Session, sent: Sent, mail: Mailbox) -> Call | None:
        """
        Send a request; its answer will be in *mail*. None where we answered it ourselves.

        Raises:
            NotServed, CannotStart: there is no server for this client.
            ChannelClosed, Busy: as `Peer.call`.
        """
        method = sent.method
        if self.registry.servers.is_shared:
            own = await self._shared_answer(session, sent)
            if own is not None:
                mail.put(own, is_answer=True)
                return None
        elif method == INITIALIZE:
            await self.registry.give_server(session)
        if session.peer is None:
            raise NotServed("send initialize first")
        if method != INITIALIZE:
            session.has_asked |= method != PING
            # Not every client opens a stream of its own for what the server asks.
            session.catch_up(mail)
        try:
            return await session.peer.call(
                sent, mail, self.options.request_timeout, among=session.calls, of=SessionCall
            )
        except ChannelClosed as error:
            if method == INITIALIZE:
                raise NotServed(str(error)) from None
            raise

    async def take(self, session: Session, sent: Sent) -> None:
        """
        Pass on a notification or a response.

        Raises:
            ChannelClosed, Busy: as `Peer.call`.
        """
        limit = self.options.request_timeout
        peer = session.peer
        if peer is None:
            return
        if sent.kind is Kind.RESPONSE:
            asked = await peer.reply(sent, limit)
            session.has_asked |= asked not in (None, PING)
        elif sent.method == CANCELLED:
            self._cancel(session, sent)
        elif sent.method != INITIALIZED or not self.registry.servers.is_shared:
            await peer.tell(sent, limit)

    def _cancel(self, session: Session, sent: Sent) -> None:
        """
        Let the server know, and the response end without an answer.

        A client that cancelled knows its request no more, and takes an answer for a fault of ours.
        """
        try:
            number = jsonrpc.identifier(sent.params["requestId"])
        except (KeyError, jsonrpc.NotJsonRpc):
            return
        call = session.call_of(number)
        if call is None or session.peer is None:
            return
        call.error_code = jsonrpc.REQUEST_CANCELLED
        if call.mail is not session.answers:
            call.mail.finish()
        reason = jsonrpc.text(sent.params.get("reason"))
        session.peer.cancel(call, reason or "the client cancelled this request")

    async def _shared_answer(self, session: Session, sent: Sent) -> bytes | None:
        """Return the answer to what concerns this client alone, where its server is shared."""
        number = sent.request_id
        if sent.method == INITIALIZE:
            session.peer, greeting = await self.registry.servers.shared_legacy()
            asked = jsonrpc.text(sent.params.get("protocolVersion"))
            served = jsonrpc.value(greeting["protocolVersion"])
            version = jsonrpc.raw(negotiated(asked, served))
            return jsonrpc.result(number, {**greeting, "protocolVersion": version})
        if sent.method not in (SUBSCRIBE, UNSUBSCRIBE) or "uri" not in sent.params:
            return None
        if size(sent.params["uri"]) > MAX_URI_BYTES:
            text = f"params.uri is longer than {MAX_URI_BYTES} bytes"
            return jsonrpc.error(number, jsonrpc.INVALID_PARAMS, text)
        uri = jsonrpc.text(sent.params["uri"])
        if uri is None:
            return None
        if sent.method == SUBSCRIBE:
            return _subscribed(session, uri, number)
        if uri not in session.subscriptions:
            return jsonrpc.result(number, {})
        session.subscriptions.discard(uri)
        if any(uri in other.subscriptions for other in self.registry):
            return jsonrpc.result(number, {})
        return None


def _subscribed(session: Session, uri: str, number: Raw) -> bytes | None:
    """Note that *session* hears of *uri* from now on; return why it does not, where it has many."""
    if uri not in session.subscriptions and len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
        text = (
            f"{MAX_SUBSCRIPTIONS} resources are subscribed to in this session, which is the limit"
        )
        return jsonrpc.error(number, jsonrpc.INVALID_REQUEST, text)
    session.subscriptions.add(uri)
    return None
