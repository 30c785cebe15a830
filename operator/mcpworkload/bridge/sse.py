"""The HTTP+SSE transport of 2024-11-05: one stream for all answers, POSTs for all messages."""

import contextlib
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

from mcpworkload.bridge.channel import CannotStart, ChannelClosed
from mcpworkload.bridge.options import MESSAGES_PATH
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.servers import NotServed
from mcpworkload.bridge.session import Session
from mcpworkload.bridge.session_protocol import SessionProtocol
from mcpworkload.bridge.session_table import TooManySessions
from mcpworkload.bridge.sessions import Sessions
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.answers import pour, refuse, refuse_for_now
from mcpworkload.protocol.http.request import EVENT_STREAM, NO_STORE, Request
from mcpworkload.protocol.jsonrpc import Kind
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import Sent


@dataclass(frozen=True)
class Sse:
    """Answers requests of this transport; a session is as long as its stream."""

    sessions: Sessions
    protocol: SessionProtocol

    async def get(self, request: Request) -> None:
        """Open a session and its stream."""
        try:
            session = self.sessions.open()
        except TooManySessions as error:
            refuse_for_now(request, str(error))
            return
        session.answers = stream = session.open_stream()
        request.on_lost = stream.close
        request.stream(EVENT_STREAM)
        try:
            with self.sessions.held(session):
                where = f"{quote(MESSAGES_PATH)}?session_id={session.id}"
                await request.send(f"event: endpoint\ndata: {where}\n\n".encode())
                await pour(request, stream)
        finally:
            self.sessions.end(session, "its stream ended")

    async def post(self, request: Request, sent: Sent) -> None:
        """Take a message; its answer goes over the stream."""
        found = parse_qs(request.query).get("session_id", [""])[0]
        session = self.sessions.find(found)
        if session is None or session.answers is None:
            text = "no such session, or no more; open one by GET of the stream"
            refuse(request, 404 if found else 400, jsonrpc.INVALID_REQUEST, text)
            return
        if sent.kind is Kind.REQUEST:
            await self._ask(session, session.answers, sent)
        else:
            with contextlib.suppress(ChannelClosed, Busy):
                await self.protocol.take(session, sent)
        request.respond(202, [NO_STORE], b"Accepted")

    async def _ask(self, session: Session, stream: Mailbox, sent: Sent) -> None:
        request_id = sent.request_id
        try:
            await self.protocol.ask(session, sent, stream)
        except (NotServed, CannotStart, ChannelClosed, Busy) as error:
            stream.put(jsonrpc.error(request_id, jsonrpc.CONNECTION_CLOSED, str(error)))
