"""
``GET /server``: the bridge's account of its server, for the operator that verifies it.

It has what the server said of itself when the bridge asked for its era, and its lists of now. To
read them opens no session, and is no use of one.
"""

import asyncio
import logging
from dataclasses import replace

import msgspec

from mcpworkload.bridge.channel import CannotStart, NoRoom
from mcpworkload.bridge.first_requests import initialize, own_meta
from mcpworkload.bridge.lists import LIST_SECONDS, Lists, NoLists, read_lists
from mcpworkload.bridge.servers import Servers
from mcpworkload.bridge.session_table import SessionTable
from mcpworkload.bridge.supervisor import Supervisor
from mcpworkload.protocol.http.request import JSON, NO_STORE, RETRY_LATER, TEXT, Request
from mcpworkload.protocol.jsonrpc import Raw

log = logging.getLogger(__name__)

#: A client waits so long: more than for the lists, less than the operator waits.
WAIT_SECONDS = LIST_SECONDS + 0.5
#: A server that is started to be asked may take so long to answer ``initialize``. What it says
#: then is there for the client that asks next.
START_SECONDS = 60.0
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class _Account(msgspec.Struct, omit_defaults=True):
    """The answer; a member is left out where the server has nothing of the kind."""

    discover: Raw | None = None
    initialize: Raw | None = None
    tools: Raw | None = None
    prompts: int | None = None
    resources: int | None = None
    truncated: bool = False


_encode = msgspec.json.Encoder().encode


class Account:
    """Answers ``GET /server``. Any number of clients at a time have the server asked once."""

    def __init__(self, supervisor: Supervisor, table: SessionTable) -> None:
        self._supervisor, self._table = supervisor, table
        self._asked: Servers | None = None
        self._asking: asyncio.Task[Lists | str] | None = None

    async def serve(self, request: Request) -> None:
        """Answer *request*; 503 with the reason where there is no server that answers."""
        servers = self._supervisor.servers
        lists = servers.not_ready_reason or await self._lists(servers)
        if isinstance(lists, str):
            request.respond(503, [TEXT, NO_STORE, RETRY_LATER], f"{lists}\n".encode())
            return
        account = _Account(
            servers.known.discover,
            servers.known.initialize,
            lists.tools,
            lists.prompts,
            lists.resources,
            lists.is_truncated,
        )
        request.respond(200, [JSON, NO_STORE, _NOSNIFF], _encode(account))

    async def _lists(self, servers: Servers) -> Lists | str:
        """Return the lists of a server, or why there are none."""
        is_shared = servers.stateless is not None or servers.stateful is not None
        if not is_shared and (known := servers.known.current_lists) is not None:
            return known
        if self._asking is None or self._asking.done() or self._asked is not servers:
            self._asked, self._asking = servers, servers.spawn(self._ask(servers))
        asking = self._asking
        await asyncio.wait({asking}, timeout=WAIT_SECONDS)
        if not asking.done():
            return f"a server that was started to be asked has not answered in {WAIT_SECONDS:g} s"
        if asking.cancelled():
            return servers.not_ready_reason or "the bridge is ending"
        return asking.result()

    async def _ask(self, servers: Servers) -> Lists | str:
        try:
            if servers.stateless is not None:
                meta = own_meta(servers.versions)
                return await read_lists(servers.stateless, servers.known.discover, meta)
            if servers.stateful is not None:
                return await read_lists(servers.stateful, servers.known.initialize)
            return await self._look(servers)
        except NoLists as error:
            return str(error)
        except Exception:  # a fault in a task beside the serving would end the bridge
            log.exception("cannot ask the server for its lists")
            return "the bridge failed; its log says why"

    async def _look(self, servers: Servers) -> Lists:
        """
        Return the lists of a server that is started for them, and keep them.

        Raises:
            NoLists: it does not answer.
        """
        known, changes = servers.known, servers.known.changes
        try:
            lists = await self._look_at_one(servers)
        except NoLists as error:
            if known.lists is None or error.is_silent:
                raise
            # Of some servers one process can be there, and that one has a session now.
            return replace(known.lists, is_truncated=True)
        known.keep(lists, changes)
        return lists

    async def _look_at_one(self, servers: Servers) -> Lists:
        if not self._table.has_room:
            raise NoLists("no server can be asked: as many sessions are open as may be")
        try:
            peer = await servers.spare()
        except (NoRoom, CannotStart) as error:
            raise NoLists(str(error)) from None
        self._table.lend_place(peer.key)
        servers.gone(peer.key).add_done_callback(lambda _: self._table.server_gone(peer.key))
        try:
            if await initialize(peer, START_SECONDS) is None:
                if peer.end_state is not None:
                    raise NoLists(f"{peer.end_state} before it answered initialize")
                raise NoLists("the server does not answer initialize", is_silent=True)
            return await read_lists(peer, servers.known.initialize)
        finally:
            servers.dismiss(peer)
