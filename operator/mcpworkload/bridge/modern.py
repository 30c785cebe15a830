"""Streamable HTTP since 2026-07-28: every request stands for itself, and names its version."""

from dataclasses import dataclass, field

from mcpworkload.bridge.audience import Calls
from mcpworkload.bridge.calls import Call
from mcpworkload.bridge.channel import CannotStart, ChannelClosed
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.parameters import Parameters
from mcpworkload.bridge.peer import Busy, Peer
from mcpworkload.bridge.servers import NotServed, Servers
from mcpworkload.bridge.translation import Translated, check_discovery, check_translatable
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.answers import RETRY_AFTER, answer, refuse
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


class ModernAudience:
    """All who have a request at the shared server of this era."""

    is_shared = True

    def told(
        self, calls: Calls, given_up: GivenUp, method: str, _message: Message
    ) -> Mailbox | None:
        """
        Return the one whom a message without a token can be for.

        Log messages are only for requests that asked for them; with several of those, or with
        several requests at all, whose it is cannot be told, and it is nobody else's business.
        """
        hearers = list(calls.values())
        is_unclear = given_up.may_be_meant
        if method == "notifications/message":
            hearers = [call for call in hearers if call.wants_logs]
            is_unclear = given_up.may_be_logged
        if is_unclear or len(hearers) != 1 or hearers[0].is_listening:
            return None
        return hearers[0].mail

    def asked(self, _method: str, _message: Message) -> Mailbox | str:
        """Refuse: this era has no such requests."""
        return "since 2026-07-28 a server asks its client by a result of type input_required"


@dataclass
class Modern:
    """Answers requests of this era, all with one server."""

    options: Options
    servers: Servers = field(init=False)
    parameters: Parameters = field(default_factory=Parameters)

    async def post(self, request: Request, sent: Sent) -> None:
        """Answer a POST of *sent*."""
        if sent.kind is Kind.RESPONSE:
            text = "a response answers nothing here; send a request"
            refuse(request, 400, jsonrpc.INVALID_REQUEST, text)
            return
        number = sent.id
        try:
            if number is None:
                check_version(request, self.servers.versions)
                # There is nothing that a client could notify of: to cancel, it closes the stream.
                request.respond(202, [NO_STORE])
                return
            if self.servers.modern is None:
                check_discovery(sent)
            check_envelope(request, sent, self.servers.versions)
            if self.servers.modern is None:
                check_translatable(sent)
            peer = await self._server()
            await self.parameters.check(request, sent, peer)
        except Refusal as error:
            refuse(
                request,
                STATUS_OF[error.code],
                error.code,
                str(error),
                number=number,
                data=error.data,
            )
        except (NotServed, CannotStart) as error:
            refuse(request, 503, jsonrpc.CONNECTION_CLOSED, str(error), number=number)
        except Busy as error:
            refuse(
                request, 503, jsonrpc.INTERNAL_ERROR, str(error), number=number, headers=RETRY_AFTER
            )
        else:
            await self._ask(request, sent, peer)

    def end_subscriptions(self) -> None:
        """End every subscription on purpose, as its client can see."""
        peer = self.servers.modern
        for call in tuple(peer.calls.values()) if peer is not None else ():
            if call.is_listening and peer is not None:
                call.mail.put(call.end_of_subscription(), is_answer=True)
                peer.cancel(call, "the bridge is stopping")

    async def _server(self) -> Peer | Translated:
        if self.servers.modern is not None:
            return self.servers.modern
        peer, _ = await self.servers.shared_legacy()
        return Translated(peer)

    async def _ask(self, request: Request, sent: Sent, peer: Peer | Translated) -> None:
        number = sent.request_id
        mail = Mailbox()
        request.on_lost = mail.close
        try:
            call = await peer.call(sent, mail, self.options.request_timeout)
        except ChannelClosed as error:
            refuse(request, 503, jsonrpc.CONNECTION_CLOSED, str(error), number=number)
            return
        except Busy as error:
            refuse(
                request, 503, jsonrpc.INTERNAL_ERROR, str(error), number=number, headers=RETRY_AFTER
            )
            return

        def lost() -> None:
            mail.close()
            peer.cancel(call, "the client closed the response")

        request.on_lost = lost
        if request.is_lost:
            lost()
        await answer(request, mail, list, lambda: _status(call))


def _status(call: Call) -> int:
    return STATUS_OF.get(call.error_code, 200) if call.error_code is not None else 200
