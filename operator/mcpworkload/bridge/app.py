"""The whole of a bridge: servers behind, HTTP in front, an end that tells the truth."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Callable
from typing import Any

from mcpworkload.bridge.channel import End, Source
from mcpworkload.bridge.conversation import Conversation
from mcpworkload.bridge.frontdoor import FrontDoor
from mcpworkload.bridge.leave import LEAVE_SIGNAL
from mcpworkload.bridge.limits import connection_limit
from mcpworkload.bridge.modern import Modern, ModernAudience
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.parameters import Parameters
from mcpworkload.bridge.registry import Registry
from mcpworkload.bridge.report import configure_log, termination_message, write_termination_message
from mcpworkload.bridge.servers import Servers
from mcpworkload.bridge.sse import Sse
from mcpworkload.bridge.streamable import Streamable
from mcpworkload.protocol.http.limits import MAX_CONNECTIONS
from mcpworkload.protocol.http.server import Server
from mcpworkload.protocol.origins import Hosts, cluster_domains

log = logging.getLogger(__name__)

#: The most of the grace period that is kept for ending the servers.
ENDING_SECONDS = 6.0
#: A client may have sent a request at the moment at which we stopped to accept.
LINGER_SECONDS = 0.5
#: Errors, last events and last lines of the log have so long to leave.
FLUSH_SECONDS = 0.3
POLL_SECONDS = 0.02
#: A server that we can't start anew is asked again after this time, if it has answered never.
UNANSWERED_SECONDS = 5.0
#: After so long without a server the log says so: whoever looks there would find nothing.
PATIENCE_SECONDS = 10.0


def run(options: Options, source: Source, outlet: Outlet) -> int:
    """
    Serve until the server ends or we are told to stop; the exit code.

    0 after SIGTERM or SIGINT; what the server ended with otherwise. The log goes to *outlet*.
    """
    configure_log(outlet)

    async def main() -> int:
        return await Bridge(options, source).run()

    try:
        return asyncio.run(main())
    finally:
        outlet.flush(FLUSH_SECONDS)


class Bridge:
    """Puts the parts together and waits for the first reason to end."""

    def __init__(self, options: Options, source: Source) -> None:
        self._options, self._source = options, source
        self._registry = Registry(options)
        conversation = Conversation(options, self._registry)
        self._modern = Modern(options)
        self._use(self._new_servers())
        self._door = FrontDoor(
            options,
            Hosts(
                options.namespace,
                options.services,
                options.allowed_hosts,
                options.allowed_origins,
                cluster_domains(options.namespace),
            ),
            Streamable(self._registry, conversation),
            Sse(self._registry, conversation),
            self._modern,
        )
        self._web = Server(self._door, min(MAX_CONNECTIONS, connection_limit(options.max_sessions)))
        self._stop, self._leaving = asyncio.Event(), asyncio.Event()

    async def run(self) -> int:
        """Serve; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(LEAVE_SIGNAL, self._leaving.set)
        await self._listen()
        # A fault in one of them ends the bridge: without them no session would expire or drain.
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(each) for each in (self._registry.sweep(), self._leave())]
            try:
                return await self._serve()
            finally:
                for task in beside:
                    task.cancel()
                self._web.close()

    async def _serve(self) -> int:
        stop = asyncio.create_task(self._stop.wait())
        while True:
            servers = self._servers
            start = asyncio.create_task(servers.start())
            patience = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, _complain, servers)
            reasons: set[asyncio.Future[Any]] = {stop, servers.over}
            await asyncio.wait({*reasons, start}, return_when=asyncio.FIRST_COMPLETED)
            # Most of what is there now stays, and need not be looked at again and again.
            gc.collect()
            gc.freeze()
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
            patience.cancel()
            start.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await start
            if stop.done():
                await self._shut_down()
                return 0
            end, reason = servers.over.result()
            if self._source.starts_many:
                stop.cancel()
                return await self._end_as(end, reason)
            log.warning("%s; waiting for its successor", reason)
            self._end_sessions(reason)
            self._use(self._new_servers())
            self._servers.trouble = f"{reason}; its successor has not answered yet"
            if not servers.has_started:
                await asyncio.wait({stop}, timeout=UNANSWERED_SECONDS)

    async def _end_as(self, end: End, reason: str) -> int:
        """End because the server did: whoever waits hears of it first."""
        log.error("%s", reason)
        write_termination_message(termination_message(reason, end))
        self._web.stop_accepting()
        self._end_sessions(reason)
        await self._until(lambda: not self._door.open_requests, FLUSH_SECONDS)
        await self._servers.end_all(FLUSH_SECONDS)
        return end.exit_status

    async def _leave(self) -> None:
        """When told to, accept nothing new; our server will end once nothing is under way."""
        await self._leaving.wait()
        log.info("leaving: nothing new is accepted")
        self._web.stop_accepting()
        self._modern.end_subscriptions()
        await self._until(lambda: self._door.is_quiet, self._options.grace)
        self._web.close_idle()

    async def _shut_down(self) -> None:
        """End in order: what is accepted is answered, then servers end."""
        loop = asyncio.get_running_loop()
        last = loop.time() + self._options.grace
        ending = min(ENDING_SECONDS, self._options.grace / 2)
        log.info("stopping; requests under way have %g s", self._options.grace - ending)
        self._servers.trouble = "the bridge is stopping"
        self._web.stop_accepting()
        self._modern.end_subscriptions()
        await self._until(lambda: self._door.is_quiet, self._options.grace - ending)
        self._end_sessions("the bridge is stopping")
        self._web.close_idle()
        await self._servers.end_all(max(last - loop.time() - FLUSH_SECONDS, 0.1))
        await self._until(lambda: not self._door.open_requests, FLUSH_SECONDS)
        log.info("stopped")

    async def _until(self, is_reached: Callable[[], bool], within: float) -> None:
        """Return when *is_reached* has held as long as a client may need, or time is over."""
        loop = asyncio.get_running_loop()
        last, since = loop.time() + within, loop.time()
        linger = min(LINGER_SECONDS, within / 4)
        while (now := loop.time()) < last:
            if not is_reached():
                since = now
            elif self._web.is_empty or now - since >= linger:
                return
            await asyncio.sleep(POLL_SECONDS)

    def _end_sessions(self, why: str) -> None:
        for session in self._registry:
            self._registry.end(session, why)

    async def _listen(self) -> None:
        try:
            await self._web.listen(None, self._options.port)
        except OSError:
            # Where IPv6 is switched off, its sockets can be made but not bound.
            await self._web.listen("0.0.0.0", self._options.port)  # noqa: S104 - in a pod

    def _new_servers(self) -> Servers:
        return Servers(self._options, self._source, ModernAudience(), self._registry)

    def _use(self, servers: Servers) -> None:
        self._modern.parameters = Parameters()
        self._servers = self._registry.servers = self._modern.servers = servers


def _complain(servers: Servers) -> None:
    if servers.complaint is not None:
        log.warning("not ready: %s", servers.complaint)
