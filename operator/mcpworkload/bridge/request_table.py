"""
The requests between one server and its clients, in both directions, and the way of each message.

There is neither I/O nor a clock here: the caller passes messages and the time, and carries out the
effects that come back.
"""

import re
import secrets

from mcpworkload.bridge.client_requests import (
    REQUEST_ID_BITS,
    ClientRequest,
    RequestOwner,
    own_request_id,
    subscription_request_id,
)
from mcpworkload.bridge.effects import CloseMailbox, Deliver, RequestEffect, SendLine
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import Destination, MessageRouter
from mcpworkload.bridge.server_requests import MAX_OPEN, ServerRequests
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Kind, Message
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import Sent

MAX_CLIENT_REQUESTS = 1024
#: So many progress tokens are kept after their answer: a task reports on.
MAX_FINISHED = 256
#: Ids and tokens that clients chose may take so much in all until they are answered; beyond it,
#: only small ones are taken.
KEPT_BYTES = 256 * 1024
SMALL_BYTES = 128

_ANSWER_BEGIN = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,16})\s*,')

PROGRESS = "notifications/progress"
CANCELLED = "notifications/cancelled"


class Busy(Exception):
    """The server has as many requests to answer as it may have, or reads none."""


class RequestTable:
    """The unanswered requests of one server and its clients; *router* finds the clients."""

    def __init__(self, router: MessageRouter) -> None:
        #: The unanswered requests, by the ids that the server knows; the oldest first.
        self.client_requests: dict[int, ClientRequest] = {}
        self.server_requests = ServerRequests()
        self.has_answered = False
        #: Whether its first request timed out.
        self.is_mute = False
        self._router = router
        self._given_up = GivenUp()
        self._finished: dict[int, ClientRequest] = {}
        self._kept_bytes = 0
        self._last_request_id = 0

    @property
    def is_shared(self) -> bool:
        """Whether several clients use the server."""
        return self._router.is_shared

    @property
    def busy(self) -> int:
        """The number of requests whose client waits, without subscriptions, which have no end."""
        clients = (each for each in self.client_requests.values() if not each.is_own)
        return sum(not each.is_listening and not each.mail.is_closed for each in clients)

    def check_room(self) -> None:
        """
        Return if the server may have a further request.

        Raises:
            Busy: it has as many as it may have.
        """
        if len(self.client_requests) >= MAX_CLIENT_REQUESTS:
            raise Busy(f"the server works on {MAX_CLIENT_REQUESTS} requests; try again later")

    def add(
        self, sent: Sent, mail: Mailbox, owner: RequestOwner | None, of: type[ClientRequest]
    ) -> tuple[ClientRequest, bytes]:
        """
        Return the request *sent* as one that waits, and the line that asks the server.

        Raises:
            Busy: what clients chose takes too much memory.
        """
        pending = of(self._next_request_id(), sent, mail, owner)
        line = pending.outgoing(sent)
        # Large ones need not stay in memory until they are answered.
        sent.clear()
        kept = self._kept_bytes + pending.kept_bytes
        if kept > KEPT_BYTES and pending.kept_bytes > SMALL_BYTES:
            raise Busy(f"ids and progress tokens of unanswered requests take {KEPT_BYTES} bytes")
        self._kept_bytes = kept
        self.client_requests[pending.request_id] = pending
        if pending.owner is not None:
            pending.owner.add_request(pending)
        return pending, line

    def is_waiting(self, pending: ClientRequest) -> bool:
        """Whether *pending* has no answer yet, and was not given up."""
        return pending.request_id in self.client_requests

    def let_go(self, pending: ClientRequest) -> bool:
        """Forget *pending*; return whether it was unanswered."""
        if pending.timer is not None:
            pending.timer.cancel()
        if pending.owner is not None:
            pending.owner.remove_request(pending)
        was_kept = self.client_requests.pop(pending.request_id, None) is not None
        if was_kept:
            self._kept_bytes -= pending.kept_bytes
        return was_kept

    def cancel(self, pending: ClientRequest, reason: str, now: float) -> list[RequestEffect]:
        """Forget *pending*, and notify the server."""
        if not self.let_go(pending):
            return []
        if not pending.is_own:
            self._given_up.add(pending, now)
        params = {"requestId": pending.request_id, "reason": reason}
        return [SendLine(jsonrpc.notification(CANCELLED, params))]

    def expire(self, pending: ClientRequest, timeout: float, now: float) -> list[RequestEffect]:
        """Answer *pending* with an error, since the server has not; cancel it there."""
        text = f"the server has not answered within {timeout:g} seconds"
        self.is_mute = not self.has_answered
        return [
            _refusal(pending, jsonrpc.REQUEST_TIMEOUT, text),
            *self.cancel(pending, text, now),
        ]

    def end(self, reason: str) -> list[RequestEffect]:
        """Answer every request with an error: the server has ended."""
        unanswered = list(self.client_requests.values())
        for pending in unanswered:
            self.let_go(pending)
        return [_refusal(pending, jsonrpc.CONNECTION_CLOSED, reason) for pending in unanswered]

    def cut(self, mail: Mailbox, now: float) -> list[RequestEffect]:
        """Close *mail*, whose client does not read, and cancel its requests at the server."""
        reason = "the client does not read what is sent to it"
        waiting = [each for each in self.client_requests.values() if each.mail is mail]
        cancelled = [effect for each in waiting for effect in self.cancel(each, reason, now)]
        return [CloseMailbox(mail), *cancelled]

    def end_subscriptions(self, reason: str, now: float) -> list[RequestEffect]:
        """Answer every subscription with the result that ends it, and cancel it at the server."""
        effects: list[RequestEffect] = []
        for pending in list(self.client_requests.values()):
            if pending.is_listening:
                end = pending.end_of_subscription()
                effects.append(Deliver(pending.mail, end, is_answer=True))
                effects += self.cancel(pending, reason, now)
        return effects

    @property
    def subscriptions(self) -> int:
        """The number of subscriptions whose client listens."""
        requests = self.client_requests.values()
        return sum(each.is_listening and not each.mail.is_closed for each in requests)

    def route(self, message: Message, kind: Kind, now: float) -> list[RequestEffect]:
        """Return what a message of the server's leads to."""
        if kind is Kind.RESPONSE:
            return self._answered(message)
        self._given_up.forget(now)
        if kind is Kind.NOTIFICATION:
            return self._notified(message)
        return self._was_asked(message)

    def route_broken(self, line: bytes) -> list[RequestEffect]:
        """Answer with an error where *line* is a response but no JSON, for a NaN in it."""
        found = _ANSWER_BEGIN.match(line)
        if found is None:
            return []
        self._given_up.answered(int(found[1]))
        pending = self.client_requests.get(int(found[1]))
        if pending is None:
            return []
        self.let_go(pending)
        return [_refusal(pending, jsonrpc.INTERNAL_ERROR, "the server's answer is not JSON")]

    def _next_request_id(self) -> int:
        """Return an id for a request; at a shared server, one that no client can guess."""
        if not self._router.is_shared:
            self._last_request_id += 1
            return self._last_request_id
        while True:
            request_id = secrets.randbits(REQUEST_ID_BITS)
            is_known = request_id in self.client_requests or request_id in self._given_up
            if request_id and not is_known:
                return request_id

    def _answered(self, message: Message) -> list[RequestEffect]:
        request_id = own_request_id(message["id"]) or 0
        self._given_up.answered(request_id)
        pending = self.client_requests.get(request_id)
        if pending is None:
            return []
        self.has_answered = True
        self.let_go(pending)
        if pending.token is not None and not self._router.is_shared:
            self._finished[pending.request_id] = pending
            if len(self._finished) > MAX_FINISHED:
                del self._finished[next(iter(self._finished))]
        return [Deliver(pending.mail, pending.answer(message), is_answer=True)]

    def _notified(self, message: Message) -> list[RequestEffect]:
        method = jsonrpc.method(message)
        if method == PROGRESS:
            return self._progressed(message)
        if method == CANCELLED:
            self.server_requests.withdraw(message)
        if (request_id := subscription_request_id(message)) is not None:
            if (pending := self.client_requests.get(request_id)) is None:
                return []
            return [Deliver(pending.mail, pending.event(message))]
        known = self.client_requests, self._given_up
        destination = self._router.route_notification(*known, method, message)
        return _delivered(jsonrpc.encode(message), destination)

    def _progressed(self, message: Message) -> list[RequestEffect]:
        params = jsonrpc.members(message.get("params"))
        request_id = own_request_id(params.get("progressToken")) or 0
        pending = self.client_requests.get(request_id)
        destination: Destination = None
        if pending is not None:
            destination = pending.mail
        elif (pending := self._finished.get(request_id)) is not None:
            known = self.client_requests, self._given_up
            destination = self._router.route_notification(*known, PROGRESS, message)
        frame = pending.progress(message, params) if pending is not None else None
        return [] if frame is None else _delivered(frame, destination)

    def _was_asked(self, message: Message) -> list[RequestEffect]:
        method = jsonrpc.method(message)
        if method == "ping" and self._router.is_shared:
            return [SendLine(jsonrpc.result(message["id"], {}))]
        mail = self._router.route_request(method, message)
        if isinstance(mail, str):
            return [SendLine(jsonrpc.error(message["id"], jsonrpc.METHOD_NOT_FOUND, mail))]
        effects: list[RequestEffect] = []
        if (forgotten := self.server_requests.ask(message)) is not None:
            text = f"the client has not answered, and {MAX_OPEN} later requests are open"
            error = jsonrpc.error(jsonrpc.raw(forgotten), jsonrpc.REQUEST_TIMEOUT, text)
            effects.append(SendLine(error))
        effects.append(Deliver(mail, jsonrpc.encode(message)))
        return effects


def _refusal(pending: ClientRequest, code: int, text: str) -> Deliver:
    """Return the error of the bridge that answers *pending*."""
    return Deliver(pending.mail, pending.error(code, text), is_answer=True)


def _delivered(frame: bytes, destination: Destination) -> list[RequestEffect]:
    if destination is None:
        return []
    if isinstance(destination, Mailbox):
        return [Deliver(destination, frame)]
    return [Deliver(mail, frame, is_copy=True) for mail in destination]
