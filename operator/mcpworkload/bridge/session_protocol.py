"""The messages of a client in its session, whichever transport carries them."""

import contextlib
from dataclasses import dataclass

from mcpworkload.bridge.channel import ChannelClosed
from mcpworkload.bridge.client_requests import ClientRequest, SessionRequest
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import CANCELLED
from mcpworkload.bridge.servers import NotServed
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.sessions import Sessions
from mcpworkload.bridge.supervisor import Supervisor
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
class SessionProtocol:
    """Sends clients' messages to servers of their own, or to one that they share."""

    options: Options
    sessions: Sessions
    supervisor: Supervisor

    async def ask(self, session: Session, sent: Sent, mail: Mailbox) -> ClientRequest | None:
        """
        Send a request; its answer will be in *mail*. None where the bridge answered it.

        Raises:
            NotServed, CannotStart: there is no server for this client.
            ChannelClosed, Busy: as `Peer.call`.
        """
        method = sent.method
        if self.supervisor.servers.is_shared:
            own = await self._shared_answer(session, sent)
            if own is not None:
                mail.put(own, is_answer=True)
                return None
        elif method == INITIALIZE:
            await self.sessions.give_server(session)
        peer = self._server_of(session)
        if peer is None:
            raise NotServed("send initialize first")
        if method != INITIALIZE:
            session.has_asked |= method != PING
            # Not every client opens a stream of its own for what the server asks.
            session.catch_up(mail)
        try:
            return await peer.call(
                sent,
                mail,
                self.options.request_timeout,
                owner=session,
                of=SessionRequest,
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
        peer = self._server_of(session)
        if peer is None:
            return
        if sent.kind is Kind.RESPONSE:
            asked = await peer.reply(sent, limit)
            session.has_asked |= asked not in (None, PING)
        elif sent.method == CANCELLED:
            self._cancel(session, sent)
        elif sent.method != INITIALIZED or not self.supervisor.servers.is_shared:
            await peer.tell(sent, limit)

    def _server_of(self, session: Session) -> Peer | None:
        """
        Return the server that owns *session*, if one does by now.

        Raises:
            ChannelClosed: it is gone.
        """
        if session.server is None:
            return None
        peer = self.supervisor.servers.find(session.server)
        if peer is None:
            raise ChannelClosed("the session has ended")
        return peer

    def _cancel(self, session: Session, sent: Sent) -> None:
        """Cancel what the notification *sent* names, if it names a request."""
        with contextlib.suppress(KeyError, jsonrpc.NotJsonRpc):
            request_id = jsonrpc.identifier(sent.params["requestId"])
            reason = jsonrpc.text(sent.params.get("reason"))
            self.sessions.cancel(session, request_id, reason or "the client cancelled this request")

    async def _shared_answer(self, session: Session, sent: Sent) -> bytes | None:
        """Return the answer to what concerns this client alone, where its server is shared."""
        request_id = sent.request_id
        if sent.method == INITIALIZE:
            initialize_result = await self.sessions.share_server(session)
            asked = jsonrpc.text(sent.params.get("protocolVersion"))
            served = jsonrpc.value(initialize_result["protocolVersion"])
            version = jsonrpc.raw(negotiated(asked, served))
            return jsonrpc.result(request_id, {**initialize_result, "protocolVersion": version})
        if sent.method not in (SUBSCRIBE, UNSUBSCRIBE) or "uri" not in sent.params:
            return None
        if size(sent.params["uri"]) > MAX_URI_BYTES:
            text = f"params.uri is longer than {MAX_URI_BYTES} bytes"
            return jsonrpc.error(request_id, jsonrpc.INVALID_PARAMS, text)
        uri = jsonrpc.text(sent.params["uri"])
        if uri is None:
            return None
        if sent.method == SUBSCRIBE:
            return _subscribed(session, uri, request_id)
        if uri not in session.subscriptions:
            return jsonrpc.result(request_id, {})
        session.subscriptions.discard(uri)
        if self.sessions.table.has_subscriber(uri):
            return jsonrpc.result(request_id, {})
        return None


def _subscribed(session: Session, uri: str, request_id: Raw) -> bytes | None:
    """Subscribe *session* to *uri*; return an error where it has too many."""
    if uri not in session.subscriptions and len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
        text = (
            f"{MAX_SUBSCRIPTIONS} resources are subscribed to in this session, which is the limit"
        )
        return jsonrpc.error(request_id, jsonrpc.INVALID_REQUEST, text)
    session.subscriptions.add(uri)
    return None
