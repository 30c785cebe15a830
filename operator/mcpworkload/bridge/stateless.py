"""Streamable HTTP since 2026-07-28: every request stands for itself, and names its version."""

from dataclasses import dataclass

from mcpworkload.bridge.channel import CannotStart, ChannelClosed
from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import ClientRequests
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.servers import NotServed, Servers
from mcpworkload.bridge.supervisor import Supervisor
from mcpworkload.bridge.translation import Translated, check_discovery, check_translatable
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.answers import answer, refuse, refuse_for_now
from mcpworkload.protocol.http.request import NO_STORE, Request
from mcpworkload.protocol.jsonrpc import Kind, Message
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.request_meta import Refusal, check_envelope, check_version
from mcpworkload.protocol.sent import Sent

#: The status that an answer has which is an error of this code; 200 for others.
STATUS_OF = {
    jsonrpc.PARSE_ERROR: 400,
    jsonrpc.INVALID_REQUEST: 400,
    jsonrpc.INVALID_PARAMS: 400,
    jsonrpc.METHOD_NOT_FOUND: 404,
    jsonrpc.HEADER_MISMATCH: 400,
    jsonrpc.MISSING_CAPABILITY: 400,
    jsonrpc.UNSUPPORTED_PROTOCOL_VERSION: 400,
}


class StatelessRouter:
    """Routes to the requests that are open at the shared server of this era."""

    is_shared = True

    def route_notification(
        self, client_requests: ClientRequests, given_up: GivenUp, method: str, _message: Message
    ) -> Mailbox | None:
        """
        Return the only client that a message without a token can be for.

        Log messages are only for requests that asked for them; with several of those, or with
        several requests at all, it is not known whose it is, and no other client may see it.
        """
        hearers = [pending for pending in client_requests.values() if not pending.is_own]
        is_unclear = given_up.may_be_meant
        if method == "notifications/message":
            hearers = [pending for pending in hearers if pending.wants_logs]
            is_unclear = given_up.may_be_logged
        if is_unclear or len(hearers) != 1 or hearers[0].is_listening:
            return None
        return hearers[0].mail

    def route_request(self, _method: str, _message: Message) -> Mailbox | str:
        """Refuse: this era has no such requests."""
        return "since 2026-07-28 a server asks its client by a result of type input_required"


@dataclass(frozen=True)
class Stateless:
    """Answers requests of this era, all with one server."""

    options: Options
    supervisor: Supervisor

    async def post(self, request: Request, sent: Sent) -> None:
        """Answer a POST of *sent*."""
        if sent.kind is Kind.RESPONSE:
            text = "a response answers nothing here; send a request"
            refuse(request, 400, jsonrpc.INVALID_REQUEST, text)
            return
        request_id, servers = sent.id, self.supervisor.servers
        try:
            if request_id is None:
                check_version(request, servers.versions)
                # There is nothing that a client could notify of: to cancel, it closes the stream.
                request.respond(202, [NO_STORE])
                return
            if servers.stateless is None:
                check_discovery(sent)
            check_envelope(request, sent, servers.versions)
            if servers.stateless is None:
                check_translatable(sent)
            peer = await self._server(servers)
            await servers.param_headers.check(request, sent, peer)
        except Refusal as error:
            refuse(
                request,
                STATUS_OF[error.code],
                error.code,
                str(error),
                request_id=request_id,
                data=error.data,
            )
        except (NotServed, CannotStart) as error:
            refuse(request, 503, jsonrpc.CONNECTION_CLOSED, str(error), request_id=request_id)
        except Busy as error:
            refuse_for_now(request, str(error), request_id)
        else:
            await self._ask(request, sent, peer)

    def end_subscriptions(self) -> None:
        """End every subscription on purpose, as its client can see."""
        peer = self.supervisor.servers.stateless
        if peer is not None:
            peer.end_subscriptions("the bridge is stopping")

    async def _server(self, servers: Servers) -> Peer | Translated:
        if servers.stateless is not None:
            return servers.stateless
        peer, _ = await servers.shared_stateful()
        return Translated(peer)

    async def _ask(self, request: Request, sent: Sent, peer: Peer | Translated) -> None:
        request_id = sent.request_id
        mail = Mailbox()
        request.on_lost = mail.close
        try:
            pending = await peer.call(sent, mail, self.options.request_timeout)
        except ChannelClosed as error:
            refuse(request, 503, jsonrpc.CONNECTION_CLOSED, str(error), request_id=request_id)
            return
        except Busy as error:
            refuse_for_now(request, str(error), request_id)
            return

        def lost() -> None:
            mail.close()
            peer.cancel(pending, "the client closed the response")

        request.on_lost = lost
        if request.is_lost:
            lost()
        await answer(request, mail, list, lambda: _status(pending))


def _status(pending: ClientRequest) -> int:
    return STATUS_OF.get(pending.error_code, 200) if pending.error_code is not None else 200
