"""Streamable HTTP as of 2025-03-26 to 2025-11-25: sessions, each opened by ``initialize``."""

from dataclasses import dataclass

from mcpworkload.bridge.channel import CannotStart, ChannelClosed
from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.servers import NotServed
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.session_protocol import INITIALIZE, SessionProtocol
from mcpworkload.bridge.session_table import TooManySessions
from mcpworkload.bridge.sessions import Sessions
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.answers import answer, pour, refuse, refuse_for_now
from mcpworkload.protocol.http.request import EVENT_STREAM, NO_STORE, Headers, Request
from mcpworkload.protocol.jsonrpc import Kind
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.request_meta import SESSION_HEADER, session_version_refusal
from mcpworkload.protocol.sent import Sent


@dataclass(frozen=True)
class Streamable:
    """Answers requests of this transport, each for the session that its header names."""

    sessions: Sessions
    protocol: SessionProtocol

    async def post(self, request: Request, sent: Sent) -> None:
        """Answer a POST of *sent*."""
        if sent.kind is Kind.REQUEST and sent.method == INITIALIZE:
            await self._open(request, sent)
            return
        session = self._session(request)
        if session is None:
            return
        with self.sessions.held(session):
            if sent.kind is Kind.REQUEST:
                await self._ask(request, session, sent)
            else:
                await self._take(request, session, sent)

    async def get(self, request: Request) -> None:
        """Open a stream for the server's messages that answer no request."""
        session = self._session(request)
        if session is None:
            return
        stream = session.open_stream()
        request.on_lost = stream.close
        request.stream([*EVENT_STREAM, (SESSION_HEADER, session.id.encode())])
        with self.sessions.held(session):
            # A head alone may wait on its way for something to follow.
            await request.send(b": listening\n\n")
            await pour(request, stream)
        session.close_stream(stream)

    async def delete(self, request: Request) -> None:
        """End a session."""
        session = self._session(request)
        if session is not None:
            self.sessions.end(session, "its client ended it")
            request.respond(204, [NO_STORE])

    def _session(self, request: Request) -> Session | None:
        """Return the session that *request* names; None when that has been answered."""
        if (reason := session_version_refusal(request)) is not None:
            # A client takes the status 404 for the end of its session.
            refuse(request, 400, jsonrpc.INVALID_REQUEST, reason)
            return None
        request_id = request.header(SESSION_HEADER)
        if request_id is None:
            text = "the Mcp-Session-Id header is missing; send what initialize was answered with"
            refuse(request, 400, jsonrpc.INVALID_REQUEST, text)
            return None
        session = self.sessions.find(request_id.decode("latin-1"))
        if session is None:
            text = "no such session, or no more; send initialize to open one"
            refuse(request, 404, jsonrpc.INVALID_REQUEST, text)
        return session

    async def _open(self, request: Request, sent: Sent) -> None:
        try:
            session = self.sessions.open()
        except TooManySessions as error:
            refuse_for_now(request, str(error), sent.id)
            return
        is_open = False
        try:
            with self.sessions.held(session):
                is_open = await self._ask(request, session, sent) and not request.is_lost
        finally:
            if not is_open:
                self.sessions.end(session, "it was not opened")

    async def _take(self, request: Request, session: Session, sent: Sent) -> None:
        try:
            await self.protocol.take(session, sent)
        except ChannelClosed as error:
            refuse(request, 404, jsonrpc.CONNECTION_CLOSED, str(error))
        except Busy as error:
            refuse_for_now(request, str(error))
        else:
            request.respond(202, [NO_STORE])

    async def _ask(self, request: Request, session: Session, sent: Sent) -> bool:
        """Answer a request; return whether with a result."""
        request_id = sent.request_id
        mail = Mailbox()
        # A client that disconnects cancels nothing in this era.
        request.on_lost = mail.close
        try:
            pending = await self.protocol.ask(session, sent, mail)
        except (NotServed, CannotStart) as error:
            refuse(request, 200, jsonrpc.CONNECTION_CLOSED, str(error), request_id=request_id)
        except ChannelClosed as error:
            refuse(request, 404, jsonrpc.CONNECTION_CLOSED, str(error), request_id=request_id)
        except Busy as error:
            refuse_for_now(request, str(error), request_id)
        else:
            await answer(request, mail, lambda: _names(session, pending), lambda: 200)
            return not _is_error(pending)
        return False


def _names(session: Session, pending: ClientRequest | None) -> Headers:
    """Return the header with the session's id, unless the client gets an error instead."""
    return [] if _is_error(pending) else [(SESSION_HEADER, session.id.encode())]


def _is_error(pending: ClientRequest | None) -> bool:
    return pending is not None and pending.error_code is not None
