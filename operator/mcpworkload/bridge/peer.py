"""
A server process and all who talk to it.

Every request gets a number of ours, so that clients who know nothing of each other can share
one server. Whom a message of the server's own is for, its `Audience` decides.
"""

import asyncio
import logging
import re
import secrets
from collections import deque

from mcpworkload.bridge.audience import Audience
from mcpworkload.bridge.calls import NUMBER_BITS, Call, our_number, subscription_number
from mcpworkload.bridge.channel import Channel, ChannelClosed, End
from mcpworkload.bridge.given_up import GivenUp
from mcpworkload.bridge.questions import MAX_OPEN, Questions
from mcpworkload.bridge.violations import Violations
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Kind, Message, NotJsonRpc
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.opening import LARGE_BYTES, in_turns
from mcpworkload.protocol.sent import Sent

log = logging.getLogger(__name__)

MAX_CALLS = 1024
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
    """One server process, heard from its making to its end."""

    def __init__(self, channel: Channel, audience: Audience, name: str) -> None:
        self.audience = audience
        self.name = name
        self.calls: dict[int, Call] = {}
        self.end_state: End | None = None
        self.has_answered = False
        #: Whether somebody has waited for its first answer in vain.
        self.is_mute = False
        self._channel = channel
        self._last_number = 0
        self._given_up = GivenUp()
        self._kept_bytes = 0
        self._questions = Questions()
        self._finished: dict[int, Call] = {}
        self._posts: deque[bytes] = deque(maxlen=MAX_POSTS)
        self._poster: asyncio.Task[None] | None = None
        self._violations = Violations(name)
        #: Done when the server has ended and everybody who waited for it knows.
        self.over: asyncio.Task[End] = asyncio.create_task(self._run())

    @property
    def busy(self) -> int:
        """How many requests somebody waits for; subscriptions, which have no end, aside."""
        return sum(not c.is_listening and not c.mail.is_closed for c in self.calls.values())

    async def call(
        self,
        sent: Sent,
        mail: Mailbox,
        timeout: float,  # noqa: ASYNC109 - of the answer, not of this call
        among: dict[Call, None] | None = None,
        of: type[Call] = Call,
    ) -> Call:
        """
        Send a client's request; its answer will be in *mail*, an error of ours if need be.

        Until then the call is one of those in *among*.

        Raises:
            Busy: the server has enough to do, or has not read it within *timeout*.
            ChannelClosed: the server is gone.
        """
        if len(self.calls) >= MAX_CALLS:
            raise Busy(f"the server works on {MAX_CALLS} requests; try again later")
        if self.end_state is not None:
            raise ChannelClosed(str(self.end_state))
        call = of(self._next_number(), sent, mail, {} if among is None else among)
        line = call.outgoing(sent)
        # Large ones need not stay in memory until they are answered.
        sent.clear()
        self._keep(call)
        try:
            await self._send(line, timeout)
        except BaseException:
            self.let_go(call)
            raise
        if not call.is_listening and call.number in self.calls:
            loop = asyncio.get_running_loop()
            call.timer = loop.call_later(timeout, self._expired, call, timeout)
        return call

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
        if sent.number is None or (method := self._questions.answer(sent.number)) is None:
            return None
        try:
            await self.tell(sent, timeout)
        except BaseException:
            # The client may send it again.
            self._questions.reopen(sent.number, method)
            raise
        return method

    def cancel(self, call: Call, reason: str) -> None:
        """Let the server know that nobody waits for *call* any more."""
        if self.forget(call):
            params = {"requestId": call.number, "reason": reason}
            self.post(jsonrpc.notification(CANCELLED, params))

    def forget(self, call: Call) -> bool:
        """Whether *call* was unanswered; what the server still says about it is dropped."""
        was_open = self.let_go(call)
        if was_open:
            self._given_up.add(call)
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

    def _next_number(self) -> int:
        """Return a number for a request; nobody can guess it whose server others use, too."""
        if not self.audience.is_shared:
            self._last_number += 1
            return self._last_number
        while True:
            number = secrets.randbits(NUMBER_BITS)
            if number and number not in self.calls and number not in self._given_up:
                return number

    def _keep(self, call: Call) -> None:
        """Have *call* among those that wait, unless what clients chose takes too much memory."""
        kept = self._kept_bytes + call.kept_bytes
        if kept > KEPT_BYTES and call.kept_bytes > SMALL_BYTES:
            raise Busy(f"ids and progress tokens of unanswered requests take {KEPT_BYTES} bytes")
        self._kept_bytes = kept
        self.calls[call.number] = call
        call.among[call] = None

    def let_go(self, call: Call) -> bool:
        """Whether *call*, as a rule one of our own, was among those that wait; it is not now."""
        if call.timer is not None:
            call.timer.cancel()
        call.among.pop(call, None)
        was_kept = self.calls.pop(call.number, None) is not None
        if was_kept:
            self._kept_bytes -= call.kept_bytes
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
        except Exception:  # with nobody who hears it, everybody would wait for ever
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
        for call in list(self.calls.values()):
            text = f"{end} before it answered"
            call.mail.put(call.error(jsonrpc.CONNECTION_CLOSED, text), is_answer=True)
            self.let_go(call)

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
        """Let nobody wait for an answer that came, and is none, such as one with a NaN in it."""
        found = _ANSWER_BEGIN.match(line)
        if found is None:
            return None
        self._given_up.answered(int(found[1]))
        call = self.calls.get(int(found[1]))
        if call is None:
            return None
        self.let_go(call)
        text = "the server's answer is not JSON"
        call.mail.put(call.error(jsonrpc.INTERNAL_ERROR, text), is_answer=True)
        return call.mail

    def _answered(self, message: Message) -> Mailbox | None:
        number = our_number(message["id"]) or 0
        self._given_up.answered(number)
        call = self.calls.get(number)
        if call is None:
            return None
        self.has_answered = True
        self.let_go(call)
        if call.token is not None and not self.audience.is_shared:
            self._finished[call.number] = call
            if len(self._finished) > MAX_FINISHED:
                del self._finished[next(iter(self._finished))]
        call.mail.put(call.answer(message), is_answer=True)
        return call.mail

    def _notified(self, message: Message) -> Mailbox | None:
        method = jsonrpc.method(message)
        if method == PROGRESS:
            return self._progressed(message)
        if method == CANCELLED:
            self._questions.withdraw(message)
        if (number := subscription_number(message)) is not None:
            if (call := self.calls.get(number)) is None:
                return None
            call.mail.put(call.event(message))
            return call.mail
        mail = self.audience.told(self.calls, self._given_up, method, message)
        if mail is not None:
            mail.put(jsonrpc.encode(message))
        return mail

    def _progressed(self, message: Message) -> Mailbox | None:
        params = jsonrpc.members(message.get("params"))
        number = our_number(params.get("progressToken")) or 0
        call = self.calls.get(number)
        mail = call.mail if call is not None else None
        if call is None and (call := self._finished.get(number)) is not None:
            mail = self.audience.told(self.calls, self._given_up, PROGRESS, message)
        frame = call.progress(message, params) if call is not None else None
        if mail is None or frame is None:
            return None
        mail.put(frame)
        return mail

    def _was_asked(self, message: Message) -> Mailbox | None:
        method = jsonrpc.method(message)
        if method == "ping" and self.audience.is_shared:
            self.post(jsonrpc.result(message["id"], {}))
            return None
        mail = self.audience.asked(method, message)
        if isinstance(mail, str):
            self.post(jsonrpc.error(message["id"], jsonrpc.METHOD_NOT_FOUND, mail))
            return None
        if (forgotten := self._questions.ask(message)) is not None:
            text = f"the client has not answered, and {MAX_OPEN} later requests are open"
            self.post(jsonrpc.error(jsonrpc.raw(forgotten), jsonrpc.REQUEST_TIMEOUT, text))
        mail.put(jsonrpc.encode(message))
        return mail

    async def _make_room(self, mail: Mailbox) -> None:
        if not self.audience.is_shared:
            await mail.room()
            return
        # The others shall not wait for one that does not read.
        mail.close()
        for call in [c for c in self.calls.values() if c.mail is mail]:
            self.cancel(call, "the client does not read what is sent to it")

    def _expired(self, call: Call, timeout: float) -> None:
        text = f"the server has not answered within {timeout:g} seconds"
        self.is_mute = not self.has_answered
        call.mail.put(call.error(jsonrpc.REQUEST_TIMEOUT, text), is_answer=True)
        self.cancel(call, text)
