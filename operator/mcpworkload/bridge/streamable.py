"""Streamable HTTP as of 2025-03-26 to 2025-11-25: sessions, each opened by ``initialize``."""

from dataclasses import dataclass

from mcpworkload.bridge.calls import Call
from mcpworkload.bridge.channel import CannotStart, ChannelClosed
from mcpworkload.bridge.conversation import INITIALIZE, Conversation
from mcpworkload.bridge.peer import Busy
from mcpworkload.bridge.registry import Registry, TooManySessions
from mcpworkload.bridge.servers import NotServed
from mcpworkload.bridge.session import Session
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.answers import RETRY_AFTER, answer, pour, refuse
from mcpworkload.protocol.http.request import EVENT_STREAM, NO_STORE, Headers, Request
from mcpworkload.protocol.jsonrpc import Kind, Raw
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.request_meta import SESSION_HEADER, session_version_refusal
from mcpworkload.protocol.sent import Sent


@dataclass(frozen=True)
class Streamable:
    """Answers requests of this transport, each for the session that its header names."""

    registry: Registry
    conversation: Conversation

    async def post(self, request: Request, sent: Sent) -> None:
        """Answer a POST of *sent*."""
        if sent.kind is Kind.REQUEST and sent.method == INITIALIZE:
            await self._open(request, sent)
            return
        session = self._session(request)
        if session is None:
            return
        with session.held():
            if sent.kind is Kind.REQUEST:
                await self._ask(request, session, sent)
            else:
                await self._take(request, session, sent)

    async def get(self, request: Request) -> None:
        """Open a stream for what the server says by itself."""
        session = self._session(request)
        if session is None:
            return
        stream = session.open_stream()
        request.on_lost = stream.close
        request.stream([*EVENT_STREAM, (SESSION_HEADER, session.id.encode())])
        with session.held():
            # A head alone may wait on its way for something to follow.
            await request.send(b": listening\n\n")
            await pour(request, stream)
        session.close_stream(stream)

    async def delete(self, request: Request) -> None:
        """End a session."""
        session = self._session(request)
        if session is not None:
            self.registry.end(session, "its client ended it")
            request.respond(204, [NO_STORE])

    def _session(self, request: Request) -> Session | None:
        """Return the session that *request* names; None when that has been answered."""
        if (reason := session_version_refusal(request)) is not None:
            # A status of 404 would tell a client that its session is gone.
            refuse(request, 400, jsonrpc.INVALID_REQUEST, reason)
            return None
        number = request.header(SESSION_HEADER)
        if number is None:
            text = "the Mcp-Session-Id header is missing; send what initialize was answered with"
            refuse(request, 400, jsonrpc.INVALID_REQUEST, text)
            return None
        session = self.registry.find(number.decode("latin-1"))
        if session is None:
            text = "no such session, or no more; send initialize to open one"
            refuse(request, 404, jsonrpc.INVALID_REQUEST, text)
        return session

    async def _open(self, request: Request, sent: Sent) -> None:
        try:
            session = self.registry.open()
        except TooManySessions as error:
            _refuse_for_now(request, sent.id, str(error))
            return
        is_open = False
        try:
            with session.held():
                is_open = await self._ask(request, session, sent) and not request.is_lost
        finally:
            if not is_open:
                self.registry.end(session, "it was not opened")

    async def _take(self, request: Request, session: Session, sent: Sent) -> None:
        try:
            await self.conversation.take(session, sent)
        except ChannelClosed as error:
            refuse(request, 404, jsonrpc.CONNECTION_CLOSED, str(error))
        except Busy as error:
            _refuse_for_now(request, None, str(error))
        else:
            request.respond(202, [NO_STORE])

    async def _ask(self, request: Request, session: Session, sent: Sent) -> bool:
        """Answer a request; whether with a result."""
        number = sent.request_id
        mail = Mailbox()
        # To go away is no cancellation in this era.
        request.on_lost = mail.close
        try:
            call = await self.conversation.ask(session, sent, mail)
        except (NotServed, CannotStart) as error:
            refuse(request, 200, jsonrpc.CONNECTION_CLOSED, str(error), number=number)
        except ChannelClosed as error:
            refuse(request, 404, jsonrpc.CONNECTION_CLOSED, str(error), number=number)
        except Busy as error:
            _refuse_for_now(request, number, str(error))
        else:
            await answer(request, mail, lambda: _names(session, call), lambda: 200)
            return not _is_error(call)
        return False


def _names(session: Session, call: Call | None) -> Headers:
    """Return the header that tells a client its session, unless it gets an error instead."""
    return [] if _is_error(call) else [(SESSION_HEADER, session.id.encode())]


def _is_error(call: Call | None) -> bool:
    return call is not None and call.error_code is not None


def _refuse_for_now(request: Request, number: Raw | None, text: str) -> None:
    refuse(request, 503, jsonrpc.INTERNAL_ERROR, text, number=number, headers=RETRY_AFTER)
