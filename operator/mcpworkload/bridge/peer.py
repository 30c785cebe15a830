"""
A server process and the requests of its clients.

The `RequestTable` decides where every message goes. `Peer` has the channel and the timers, carries
out what the table decides, and waits where a mailbox is full.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable

from mcpworkload.bridge.background import Spawn
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.channel import Channel, ChannelClosed, End
from mcpworkload.bridge.client_requests import ClientRequest, RequestOwner
from mcpworkload.bridge.effects import Deliver, RequestEffect, SendLine, ServerKey, carry_out
from mcpworkload.bridge.message_router import MessageRouter
from mcpworkload.bridge.request_table import Busy, RequestTable
from mcpworkload.bridge.violations import Violations
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, NotJsonRpc
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.opening import LARGE_BYTES, in_turns
from mcpworkload.protocol.sent import Sent

log = logging.getLogger(__name__)

#: So many of the bridge's own lines wait for a server that does not read; older ones are dropped.
MAX_POSTS = 64
#: A server whose standard output ended has so long to end by itself.
LAST_SECONDS = 0.4
#: After so much of what one server wrote, others get their turn: 256 lines, or fewer large ones.
TURN_BYTES = 1024 * 1024
LINE_COST_BYTES = TURN_BYTES // 256


class Peer:
    """One server process, read from its start to its end by a task that *spawn* starts."""

    def __init__(
        self,
        channel: Channel,
        router: MessageRouter,
        key: ServerKey,
        spawn: Spawn,
        changes: Changes,
    ) -> None:
        self.key, self.name = key, key.name
        self.requests = RequestTable(router)
        self.end_state: End | None = None
        self._channel, self._spawn, self._changes = channel, spawn, changes
        self._posts: deque[bytes] = deque(maxlen=MAX_POSTS)
        self._poster: asyncio.Task[None] | None = None
        self._violations = Violations(key.name)
        #: Done when the server has ended and every unanswered request has its error.
        self.over: asyncio.Task[End] = spawn(self._run())

    async def call(
        self,
        sent: Sent,
        mail: Mailbox,
        timeout: float,  # noqa: ASYNC109 - of the answer, not of this call
        owner: RequestOwner | None = None,
        of: type[ClientRequest] = ClientRequest,
    ) -> ClientRequest:
        """
        Send a client's request; its answer will be in *mail*, an error of the bridge if need be.

        Until then the request is one of its *owner*.

        Raises:
            Busy: the server has enough to do, or has not read it within *timeout*.
            ChannelClosed: the server is gone.
        """
        self.requests.check_room()
        if self.end_state is not None:
            raise ChannelClosed(str(self.end_state))
        pending, line = self.requests.add(sent, mail, owner, of)
        self._changes.report()
        try:
            await self._send(line, timeout)
        except BaseException:
            self.let_go(pending)
            raise
        if not pending.is_listening and self.requests.is_waiting(pending):
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_later(timeout, self._expire, pending, timeout)
        return pending

    def let_go(self, pending: ClientRequest) -> None:
        """Wait no more for the answer to *pending*, as a rule a request of the bridge's own."""
        self.requests.let_go(pending)
        self._changes.report()

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
        unanswered = self.requests.server_requests
        if sent.id_value is None or (method := unanswered.answer(sent.id_value)) is None:
            return None
        try:
            await self.tell(sent, timeout)
        except BaseException:
            # The client may send it again.
            unanswered.reopen(sent.id_value, method)
            raise
        return method

    def cancel(self, pending: ClientRequest, reason: str) -> None:
        """Notify the server that no client waits for *pending* any more."""
        self._carry_out(self.requests.cancel(pending, reason, _now()))

    def end_subscriptions(self, reason: str) -> None:
        """End every subscription on purpose, as its client can see."""
        self._carry_out(self.requests.end_subscriptions(reason, _now()))

    def post(self, line: bytes) -> None:
        """Send a line of the bridge's own as soon as the server reads; it may be dropped."""
        self._posts.append(line)
        if self._poster is None and self.end_state is None:
            self._poster = self._spawn(self._post())

    async def end(self, within: float) -> End:
        """Make the server end, as `Channel.end` does."""
        return await self._channel.end(within)

    async def gone(self) -> tuple[str, ...]:
        """Return, when nothing of the server runs any more, what it left; as `Channel.gone`."""
        return await self._channel.gone()

    def listening(self) -> list[int]:
        """Return the TCP ports on which the server listens; as `Channel.listening`."""
        return self._channel.listening()

    async def _send(self, line: bytes, timeout: float) -> None:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                await self._channel.send(line)
        except TimeoutError:
            text = f"the server has not read what was sent to it within {timeout:g} seconds"
            raise Busy(text) from None
        except ChannelClosed:
            # A server that takes no input is of no use, and most often it is dead already.
            await self._channel.end(within=LAST_SECONDS)
            raise ChannelClosed(f"{await asyncio.shield(self.over)} before it answered") from None

    async def _run(self) -> End:
        try:
            while await self._take(await self._channel.receive()):
                pass
        except Exception:  # without a reader every client would wait for ever
            log.exception("%s: the bridge failed, and ends it", self.name)
        # A server that closed its standard output cannot answer, whatever else it does.
        end = await self._channel.end(within=LAST_SECONDS)
        self._ended(end)
        return end

    async def _take(self, lines: list[bytes]) -> bool:
        """Route *lines*, without keeping one until the next come; return whether there were any."""
        taken, count = 0, len(lines)
        lines.reverse()
        while lines:
            line = lines.pop()
            taken += len(line) + LINE_COST_BYTES
            for mail in self._carry_out(await self._route(line)):
                await self._make_room(mail)
            if taken > TURN_BYTES:
                # Other servers shall not wait for one that writes much.
                taken, line = 0, b""
                await asyncio.sleep(0)
        return bool(count)

    def _ended(self, end: End) -> None:
        self.end_state = end
        if self._poster is not None:
            self._poster.cancel()
        self._carry_out(self.requests.end(f"{end} before it answered"))

    async def _post(self) -> None:
        try:
            while self._posts:
                await self._channel.send(self._posts.popleft())
        except ChannelClosed:
            self._posts.clear()
        finally:
            self._poster = None

    async def _route(self, line: bytes) -> list[RequestEffect]:
        """Return what one line of the server's leads to."""
        try:
            message = await self._opened(line)
            kind = jsonrpc.kind(message)
        except NotJsonRpc as error:
            if line and not line.isspace():
                self._violations.report(line, str(error))
            return self.requests.route_broken(line)
        return self.requests.route(message, kind, _now())

    async def _opened(self, line: bytes) -> Message:
        if len(line) <= LARGE_BYTES:
            return jsonrpc.decode(line)
        return await in_turns(jsonrpc.decoding_message(line))

    async def _make_room(self, mail: Mailbox) -> None:
        if self.requests.is_shared:
            # Other clients shall not wait for one that does not read.
            self._carry_out(self.requests.cut(mail, _now()))
        else:
            await mail.room()

    def _expire(self, pending: ClientRequest, timeout: float) -> None:
        self._carry_out(self.requests.expire(pending, timeout, _now()))

    def _carry_out(self, effects: Iterable[RequestEffect]) -> list[Mailbox]:
        """Do what *effects* say; return the mailboxes that are full now, those of copies aside."""
        full = []
        for effect in effects:
            if isinstance(effect, SendLine):
                self.post(effect.line)
                continue
            carry_out(effect)
            if isinstance(effect, Deliver) and effect.mail.is_full and not effect.is_copy:
                full.append(effect.mail)
        self._changes.report()
        return full


def _now() -> float:
    return asyncio.get_running_loop().time()
