"""Attaches to a container as often as it takes, and to its successor when it has ended."""

import asyncio
import logging

from mcpworkload.bridge.attaching.apiserver import ApiServer, Target
from mcpworkload.bridge.attaching.channel import AttachChannel
from mcpworkload.bridge.attaching.stream import NotAttached, open_stream

log = logging.getLogger(__name__)

#: Pauses between tries double from the first to the last. A container that ended is back after
#: a second the first time.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.1, 5.0
#: The API server and the kubelet behind it have so long to answer.
ATTACH_SECONDS = 10.0
#: The stream to a container that is not there is accepted, and closed within this time.
SETTLE_SECONDS = 0.1
#: An error of the API server is cut to so many characters.
WORDS_LENGTH = 300


class AttachSource:
    """The one server in another container; see `Source`."""

    starts_many = False

    def __init__(self, server: ApiServer, target: Target, heartbeat: bytes) -> None:
        self._server, self._target, self._heartbeat = server, target, heartbeat
        self._pause = 0.0
        self._last: AttachChannel | None = None
        self._said = ""

    @property
    def not_ready_reason(self) -> str:
        """See `Source`; the API server's message, cut."""
        if self._said:
            return f"cannot attach to {self._target}: {self._said}"
        reason = self._last.reason if self._last is not None else ""
        return f"its attach stream ended: {_cut(reason)}" if reason else ""

    async def start(self) -> AttachChannel:
        """Return a stream to the container, waiting until it runs."""
        if self._last is not None and self._last.has_heard:
            self._pause = 0.0
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LAST_PAUSE_SECONDS)
            try:
                channel = await self._attach()
            except TimeoutError:
                self._say(f"no answer from the API server within {ATTACH_SECONDS:g} s")
            except NotAttached as error:
                self._say(str(error))
            else:
                self._said, self._last = "", channel
                log.info("attached to %s", self._target)
                return channel

    async def _attach(self) -> AttachChannel:
        channel = AttachChannel(self._heartbeat)
        async with asyncio.timeout(ATTACH_SECONDS):
            await open_stream(self._server, self._target, channel)
        if not await channel.settle(SETTLE_SECONDS):
            raise NotAttached(channel.reason)
        return channel

    def _say(self, reason: str) -> None:
        """Log why the bridge cannot attach, once for as long as the reason is the same."""
        reason = _cut(reason)
        if reason != self._said:
            self._said = reason
            log.warning("cannot attach to %s, trying again: %s", self._target, reason)


def _cut(reason: str) -> str:
    """Return *reason* as one line of bounded length."""
    return " ".join(reason.split())[:WORDS_LENGTH]
