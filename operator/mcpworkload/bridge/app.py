"""A bridge as a whole: servers behind, HTTP in front, and the exit code of the server."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from mcpworkload.bridge.account import Account
from mcpworkload.bridge.background import Background
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.channel import End, Source
from mcpworkload.bridge.drain import DRAIN_SIGNAL
from mcpworkload.bridge.draining import LINGER_SECONDS, Draining, Load
from mcpworkload.bridge.limits import connection_limit
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.report import configure_log, termination_message, write_termination_message
from mcpworkload.bridge.router import HttpRouter
from mcpworkload.bridge.servers import Servers
from mcpworkload.bridge.session_protocol import SessionProtocol
from mcpworkload.bridge.session_table import SessionTable
from mcpworkload.bridge.sessions import Sessions
from mcpworkload.bridge.sse import Sse
from mcpworkload.bridge.stateless import Stateless, StatelessRouter
from mcpworkload.bridge.streamable import Streamable
from mcpworkload.bridge.supervisor import Supervisor
from mcpworkload.protocol.http.limits import MAX_CONNECTIONS
from mcpworkload.protocol.http.server import Server
from mcpworkload.protocol.origins import Hosts, cluster_domains

log = logging.getLogger(__name__)

#: At most so much of the grace period is kept for ending the servers.
ENDING_SECONDS = 6.0
#: Errors, last events and last lines of the log have so long to go out.
FLUSH_SECONDS = 0.3
#: A server that the bridge cannot restart, and that never answered, is asked again after so long.
UNANSWERED_SECONDS = 5.0
#: After so long without a server the log reports why; it would be empty otherwise.
PATIENCE_SECONDS = 10.0


def run(options: Options, source: Source, outlet: Outlet) -> int:
    """
    Serve until the server ends or a signal stops the bridge; return the exit code.

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
        self._background, self._changes = Background(), Changes()
        table = SessionTable(options.max_sessions, options.idle_timeout)
        routers = StatelessRouter(), table
        self._supervisor = Supervisor(
            partial(Servers, options, source, *routers, self._background, self._changes)
        )
        self._sessions = Sessions(table, self._supervisor, options.idle_timeout)
        protocol = SessionProtocol(options, self._sessions, self._supervisor)
        self._stateless = Stateless(options, self._supervisor)
        self._router = HttpRouter(
            options,
            Hosts(
                options.namespace,
                options.services,
                options.allowed_hosts,
                options.allowed_origins,
                cluster_domains(options.namespace),
            ),
            Streamable(self._sessions, protocol),
            Sse(self._sessions, protocol),
            self._stateless,
            Account(self._supervisor, table),
            self._supervisor,
            self._changes,
        )
        connections = min(MAX_CONNECTIONS, connection_limit(options.max_sessions))
        self._web = Server(self._router, connections, self._changes.report)
        self._stop, self._leaving = asyncio.Event(), asyncio.Event()

    async def run(self) -> int:
        """Serve, and return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(DRAIN_SIGNAL, self._leaving.set)
        await self._listen()
        async with self._background:
            self._background.start(self._sessions.sweep())
            self._background.start(self._drain_on_signal())
            try:
                return await self._serve()
            finally:
                self._web.close()

    async def _serve(self) -> int:
        stop = self._background.start(self._stop.wait())
        while True:
            servers = self._supervisor.servers
            start = self._background.start(servers.start())
            patience = asyncio.get_running_loop().call_later(
                PATIENCE_SECONDS, _log_not_ready, servers
            )
            reasons: set[asyncio.Future[Any]] = {stop, servers.over}
            await asyncio.wait({*reasons, start}, return_when=asyncio.FIRST_COMPLETED)
            # Most objects of now stay: the collector need not visit them again and again.
            gc.collect()
            gc.freeze()
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
            patience.cancel()
            start.cancel()
            await asyncio.wait({start})
            if stop.done():
                await self._shut_down()
                return 0
            end, reason = servers.over.result()
            if self._source.starts_many:
                stop.cancel()
                return await self._end_as(end, reason)
            log.warning("%s; waiting for its successor", reason)
            self._sessions.end_all(reason)
            self._supervisor.replace(reason)
            if not servers.has_started:
                await asyncio.wait({stop}, timeout=UNANSWERED_SECONDS)

    async def _end_as(self, end: End, reason: str) -> int:
        """End because the server did, after an error to each request under way."""
        log.error("%s", reason)
        write_termination_message(termination_message(reason, end))
        self._web.stop_accepting()
        self._sessions.end_all(reason)
        await self._until(_is_answered, FLUSH_SECONDS)
        await self._supervisor.servers.end_all(FLUSH_SECONDS)
        return end.exit_status

    async def _drain_on_signal(self) -> None:
        """After DRAIN_SIGNAL, accept no new connection until no request is under way."""
        await self._leaving.wait()
        log.info("leaving: nothing new is accepted")
        self._web.stop_accepting()
        self._stateless.end_subscriptions()
        await self._until(_is_drained, self._options.grace)
        self._web.close_idle()

    async def _shut_down(self) -> None:
        """End in order: first requests are answered, then servers end."""
        loop = asyncio.get_running_loop()
        last = loop.time() + self._options.grace
        ending = min(ENDING_SECONDS, self._options.grace / 2)
        log.info("stopping; requests under way have %g s", self._options.grace - ending)
        self._supervisor.servers.set_not_ready("the bridge is stopping")
        self._web.stop_accepting()
        self._stateless.end_subscriptions()
        await self._until(_is_drained, self._options.grace - ending)
        self._sessions.end_all("the bridge is stopping")
        self._web.close_idle()
        await self._supervisor.servers.end_all(max(last - loop.time() - FLUSH_SECONDS, 0.1))
        await self._until(_is_answered, FLUSH_SECONDS)
        log.info("stopped")

    async def _until(self, is_reached: Callable[[Load], bool], within: float) -> None:
        """Return when *is_reached* has held as long as a client may need, or time is over."""
        begin = asyncio.get_running_loop().time()
        draining = Draining(begin, within, linger=min(LINGER_SECONDS, within / 4))

        def seconds_left(now: float) -> float:
            reached, has_clients = is_reached(self._router.load), not self._web.is_empty
            return draining.seconds_left(now, is_reached=reached, has_clients=has_clients)

        await self._changes.until_over(seconds_left)

    async def _listen(self) -> None:
        try:
            await self._web.listen(None, self._options.port)
        except OSError:
            # Where IPv6 is switched off, its sockets can be made but not bound.
            await self._web.listen("0.0.0.0", self._options.port)  # noqa: S104 - in a pod


def _is_drained(load: Load) -> bool:
    return load.is_drained


def _is_answered(load: Load) -> bool:
    return not load.requests


def _log_not_ready(servers: Servers) -> None:
    if servers.not_ready_reason is not None:
        log.warning("not ready: %s", servers.not_ready_reason)
