"""
A server process and the requests of its clients.

Every request gets an id of ours, so that clients that know nothing of each other can share one
server. A `MessageRouter` decides which client a message of the server's own is for.
"""

import asyncio
import logging
import re
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from mcpworkload.bridge.channel import Channel, ChannelClosed, End
from mcpworkload.bridge.client_requests import (
    REQUEST_ID_BITS,
    ClientRequest,
    RequestOwner,
    own_request_id,
    subscription_request_id,
)
from mcpworkload.bridge.effects import ServerKey
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.message_router import MessageRouter
from mcpworkload.bridge.server_requests import MAX_OPEN, ServerRequests
from mcpworkload.bridge.violations import Violations
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Kind, Message, NotJsonRpc
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.opening import LARGE_BYTES, in_turns
from mcpworkload.protocol.sent import Sent

log = logging.getLogger(__name__)

MAX_CLIENT_REQUESTS = 1024
#: So many of our own lines wait for a server that does not read; further ones are dropped.
MAX_POSTS = 64
#: A server whose standard output ended has so long to end by itself.
LAST_SECONDS = 0.4
#: So many progress tokens are remembered after their answer: a task reports on.
MAX_FINISHED = 256
#: Ids and tokens that clients chose may take so much in all until they are answered; beyond it,
#: only small ones are taken.
KEPT_BYTES = 256 * 1024
SMALL_BYTES = 128
#: After so much of what one server wrote, others get their turn: 256 lines, or fewer large ones.
TURN_BYTES = 1024 * 1024
LINE_COST_BYTES = TURN_BYTES // 256

_ANSWER_BEGIN = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,16})\s*,')

PROGRESS = "notifications/progress"
CANCELLED = "notifications/cancelled"


class Busy(Exception):
    """The server has as many requests to answer as we let it have, or reads none."""


class Peer:
    """One server process, read from its start to its end by a task that *start* begins."""

    def __init__(
        self,
        channel: Channel,
        router: MessageRouter,
        key: ServerKey,
        start: Callable[[Coroutine[Any, Any, End]], "asyncio.Task[End]"] = asyncio.create_task,
    ) -> None:
        self.key, self.name = key, key.name
        self.client_requests: dict[int, ClientRequest] = {}
        self.end_state: End | None = None
        self.has_answered = False
        #: Whether its first request timed out.
        self.is_mute = False
        self._channel, self._router = channel, router
        self._last_request_id = 0
        self._given_up = GivenUp()
        self._kept_bytes = 0
        self._server_requests = ServerRequests()
        self._finished: dict[int, ClientRequest] = {}
        self._posts: deque[bytes] = deque(maxlen=MAX_POSTS)
        self._poster: asyncio.Task[None] | None = None
        self._violations = Violations(key.name)
        #: Done when the server has ended and everybody who waited for it knows.
        self.over: asyncio.Task[End] = start(self._run())

    @property
    def busy(self) -> int:
        """How many requests have a client that waits; subscriptions, which have no end, aside."""
        return sum(
            not c.is_listening and not c.mail.is_closed for c in self.client_requests.values()
        )

    async def call(
        self,
        sent: Sent,
        mail: Mailbox,
        timeout: float,  # noqa: ASYNC109 - of the answer, not of this call
        owner: RequestOwner | None = None,
        of: type[ClientRequest] = ClientRequest,
    ) -> ClientRequest:
        """
        Send a client's request; its answer will be in *mail*, an error of ours if need be.

        Until then the request is one of its *owner*.

        Raises:
            Busy: the server has enough to do, or has not read it within *timeout*.
            ChannelClosed: the server is gone.
        """
        if len(self.client_requests) >= MAX_CLIENT_REQUESTS:
            raise Busy(f"the server works on {MAX_CLIENT_REQUESTS} requests; try again later")
        if self.end_state is not None:
            raise ChannelClosed(str(self.end_state))
        pending = of(self._next_request_id(), sent, mail, owner)
        line = pending.outgoing(sent)
        # Large ones need not stay in memory until they are answered.
        sent.clear()
        self._keep(pending)
        try:
            await self._send(line, timeout)
        except BaseException:
            self.let_go(pending)
            raise
        if not pending.is_listening and pending.request_id in self.client_requests:
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_later(timeout, self._expired, pending, timeout)
        return pending

    async def tell(self, sent: Sent, timeout: float) -> None:  # noqa: ASYNC109
        """
        Send a client's notification or response as it is.

        Raises:
            Busy, ChannelClosed: as `call`.
        """
        await self._send(sent.line(), timeout)

    async def reply(self, sent: Sent, timeout: float) -> str | None:  # noqa: ASYNC109
        """
        Send a client's response, if its server asked and was not answered.

        Return the method that the server asked by; None where it did not.

        Raises:
            Busy, ChannelClosed: as `call`.
        """
        if sent.id_value is None or (method := self._server_requests.answer(sent.id_value)) is None:
            return None
        try:
            await self.tell(sent, timeout)
        except BaseException:
            # The client may send it again.
            self._server_requests.reopen(sent.id_value, method)
            raise
        return method

    def cancel(self, pending: ClientRequest, reason: str) -> None:
        """Notify the server that no client waits for *pending* any more."""
        if self.forget(pending):
            params = {"requestId": pending.request_id, "reason": reason}
            self.post(jsonrpc.notification(CANCELLED, params))

    def forget(self, pending: ClientRequest) -> bool:
        """Whether *pending* was unanswered; what the server still says about it is dropped."""
        was_open = self.let_go(pending)
        if was_open:
            self._given_up.add(pending)
        return was_open

    def post(self, line: bytes) -> None:
        """Send a line of ours as soon as the server reads; not if it has many to read already."""
        self._posts.append(line)
        if self._poster is None:
            self._poster = asyncio.ensure_future(self._post())

    async def end(self, within: float) -> End:
        """Make the server end, as `Channel.end` does."""
        return await self._channel.end(within)

    async def gone(self) -> tuple[str, ...]:
        """Return, when nothing of the server runs any more, what it left; as `Channel.gone`."""
        return await self._channel.gone()

    def listening(self) -> list[int]:
        """Return the TCP ports on which the server listens; as `Channel.listening`."""
        return self._channel.listening()

    def _next_request_id(self) -> int:
        """Return an id for a request; at a shared server, one that no client can guess."""
        if not self._router.is_shared:
            self._last_request_id += 1
            return self._last_request_id
        while True:
            request_id = secrets.randbits(REQUEST_ID_BITS)
            if (
                request_id
                and request_id not in self.client_requests
                and request_id not in self._given_up
            ):
                return request_id

    def _keep(self, pending: ClientRequest) -> None:
        """Have *pending* among those that wait, unless what clients chose takes too much memory."""
        kept = self._kept_bytes + pending.kept_bytes
        if kept > KEPT_BYTES and pending.kept_bytes > SMALL_BYTES:
            raise Busy(f"ids and progress tokens of unanswered requests take {KEPT_BYTES} bytes")
        self._kept_bytes = kept
        self.client_requests[pending.request_id] = pending
        if pending.owner is not None:
            pending.owner.add_request(pending)

    def let_go(self, pending: ClientRequest) -> bool:
        """Whether *pending*, as a rule one of our own, was among those that wait; it is not now."""
        if pending.timer is not None:
            pending.timer.cancel()
        if pending.owner is not None:
            pending.owner.remove_request(pending)
        was_kept = self.client_requests.pop(pending.request_id, None) is not None
        if was_kept:
            self._kept_bytes -= pending.kept_bytes
        return was_kept

    async def _send(self, line: bytes, timeout: float) -> None:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                await self._channel.send(line)
        except TimeoutError:
            text = f"the server has not read what was sent to it within {timeout:g} seconds"
            raise Busy(text) from None
        except ChannelClosed:
            # One that takes no input is of no use, and most often it is dead already.
            await self._channel.end(within=LAST_SECONDS)
            raise ChannelClosed(f"{await asyncio.shield(self.over)} before it answered") from None

    async def _run(self) -> End:
        try:
            while await self._take(await self._channel.receive()):
                pass
        except Exception:  # without a reader every client would wait for ever
            log.exception("%s: the bridge failed, and ends it", self.name)
        # One that closed its standard output cannot answer, whatever else it does.
        end = await self._channel.end(within=LAST_SECONDS)
        self._ended(end)
        return end

    async def _take(self, lines: list[bytes]) -> bool:
        """Whether there were lines; none of them is kept here until the next one comes."""
        taken, count = 0, len(lines)
        lines.reverse()
        while lines:
            line = lines.pop()
            taken += len(line) + LINE_COST_BYTES
            if (mail := await self._routed(line)) is not None and mail.is_full:
                await self._make_room(mail)
            if taken > TURN_BYTES:
                # The others shall not wait for one that writes much.
                taken, line = 0, b""
                await asyncio.sleep(0)
        return bool(count)

    def _ended(self, end: End) -> None:
        self.end_state = end
        if self._poster is not None:
            self._poster.cancel()
        for pending in list(self.client_requests.values()):
            text = f"{end} before it answered"
            pending.mail.put(pending.error(jsonrpc.CONNECTION_CLOSED, text), is_answer=True)
            self.let_go(pending)

    async def _post(self) -> None:
        try:
            while self._posts:
                await self._channel.send(self._posts.popleft())
        except ChannelClosed:
            self._posts.clear()
        finally:
            self._poster = None

    async def _routed(self, line: bytes) -> Mailbox | None:
        """Put one line of the server's where it belongs; return where that is."""
        try:
            message = await self._opened(line)
            kind = jsonrpc.kind(message)
        except NotJsonRpc as error:
            if line and not line.isspace():
                self._violations.report(line, str(error))
            return self._failed(line)
        if kind is Kind.RESPONSE:
            return self._answered(message)
        if kind is Kind.NOTIFICATION:
            return self._notified(message)
        return self._was_asked(message)

    async def _opened(self, line: bytes) -> Message:
        if len(line) <= LARGE_BYTES:
            return jsonrpc.decode(line)
        return await in_turns(jsonrpc.decoding_message(line))

    def _failed(self, line: bytes) -> Mailbox | None:
        """Return an error to the client where the server's answer is no JSON: a NaN in it, say."""
        found = _ANSWER_BEGIN.match(line)
        if found is None:
            return None
        self._given_up.answered(int(found[1]))
        pending = self.client_requests.get(int(found[1]))
        if pending is None:
            return None
        self.let_go(pending)
        text = "the server's answer is not JSON"
        pending.mail.put(pending.error(jsonrpc.INTERNAL_ERROR, text), is_answer=True)
        return pending.mail

    def _answered(self, message: Message) -> Mailbox | None:
        request_id = own_request_id(message["id"]) or 0
        self._given_up.answered(request_id)
        pending = self.client_requests.get(request_id)
        if pending is None:
            return None
        self.has_answered = True
        self.let_go(pending)
        if pending.token is not None and not self._router.is_shared:
            self._finished[pending.request_id] = pending
            if len(self._finished) > MAX_FINISHED:
                del self._finished[next(iter(self._finished))]
        pending.mail.put(pending.answer(message), is_answer=True)
        return pending.mail

    def _notified(self, message: Message) -> Mailbox | None:
        method = jsonrpc.method(message)
        if method == PROGRESS:
            return self._progressed(message)
        if method == CANCELLED:
            self._server_requests.withdraw(message)
        if (request_id := subscription_request_id(message)) is not None:
            if (pending := self.client_requests.get(request_id)) is None:
                return None
            pending.mail.put(pending.event(message))
            return pending.mail
        mail = self._route_notification(method, message)
        if mail is not None:
            mail.put(jsonrpc.encode(message))
        return mail

    def _progressed(self, message: Message) -> Mailbox | None:
        params = jsonrpc.members(message.get("params"))
        request_id = own_request_id(params.get("progressToken")) or 0
        pending = self.client_requests.get(request_id)
        mail = pending.mail if pending is not None else None
        if pending is None and (pending := self._finished.get(request_id)) is not None:
            mail = self._router.route_notification(
                self.client_requests, self._given_up, PROGRESS, message
            )
        frame = pending.progress(message, params) if pending is not None else None
        if mail is None or frame is None:
            return None
        mail.put(frame)
        return mail

    def _route_notification(self, method: str, message: Message) -> Mailbox | None:
        known = self.client_requests, self._given_up
        return self._router.route_notification(*known, method, message)

    def _was_asked(self, message: Message) -> Mailbox | None:
        method = jsonrpc.method(message)
        if method == "ping" and self._router.is_shared:
            self.post(jsonrpc.result(message["id"], {}))
            return None
        mail = self._router.route_request(method, message)
        if isinstance(mail, str):
            self.post(jsonrpc.error(message["id"], jsonrpc.METHOD_NOT_FOUND, mail))
            return None
        if (forgotten := self._server_requests.ask(message)) is not None:
            text = f"the client has not answered, and {MAX_OPEN} later requests are open"
            self.post(jsonrpc.error(jsonrpc.raw(forgotten), jsonrpc.REQUEST_TIMEOUT, text))
        mail.put(jsonrpc.encode(message))
        return mail

    async def _make_room(self, mail: Mailbox) -> None:
        if not self._router.is_shared:
            await mail.room()
            return
        # The others shall not wait for one that does not read.
        mail.close()
        for pending in [c for c in self.client_requests.values() if c.mail is mail]:
            self.cancel(pending, "the client does not read what is sent to it")

    def _expired(self, pending: ClientRequest, timeout: float) -> None:
        text = f"the server has not answered within {timeout:g} seconds"
        self.is_mute = not self.has_answered
        pending.mail.put(pending.error(jsonrpc.REQUEST_TIMEOUT, text), is_answer=True)
        self.cancel(pending, text)
