"""The first requests to a server: ``initialize`` and ``server/discover``, each with its result."""

from collections.abc import Collection
from typing import Any, NamedTuple

from mcpworkload import __version__
from mcpworkload.bridge import introduction
from mcpworkload.bridge.channel import ChannelClosed
from mcpworkload.bridge.own_requests import ask
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, Raw
from mcpworkload.protocol.sent import opened
from mcpworkload.protocol.versions import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    LATEST_SESSION_VERSION,
    SESSION_VERSIONS,
    STATELESS_VERSION,
    VERSION_KEY,
)

#: A server that runs has so long to answer one of these.
ANSWER_SECONDS = 60.0

_CLIENT = {"name": "mcpworkload-bridge", "version": __version__}


class Discovery(NamedTuple):
    """The answer of a server without sessions to ``server/discover``."""

    #: The revisions without sessions that it serves; at least one.
    versions: tuple[str, ...]
    #: Its DiscoverResult, bounded.
    result: Raw


async def initialize(peer: Peer, within: float = ANSWER_SECONDS) -> Message | None:
    """Open a session; return the server's result, None where it has none within that time."""
    params = {"protocolVersion": LATEST_SESSION_VERSION, "capabilities": {}, "clientInfo": _CLIENT}
    answer = await ask(peer, "initialize", params, within)
    if answer is None or "result" not in answer:
        return None
    initialize_result = jsonrpc.members(jsonrpc.own(answer["result"]))
    if not isinstance(jsonrpc.value(initialize_result.get("protocolVersion")), str):
        return None
    initialized = opened(jsonrpc.notification("notifications/initialized"))
    try:
        # Before any client gets this server: it may refuse a request that comes first.
        await peer.tell(initialized, within)
    except (Busy, ChannelClosed):
        return None
    return initialize_result


async def discover(peer: Peer, within: float = ANSWER_SECONDS) -> Discovery | None:
    """Return what a server without sessions said of itself; None if it answers otherwise."""
    answer = await ask(peer, "server/discover", {"_meta": own_meta()}, within)
    if answer is None:
        return None
    if "result" in answer:
        found = jsonrpc.members(answer["result"]).get("supportedVersions")
    else:
        error = jsonrpc.members(answer["error"])
        if jsonrpc.value(error.get("code")) != jsonrpc.UNSUPPORTED_PROTOCOL_VERSION:
            return None
        found = jsonrpc.members(error.get("data")).get("supported")
    supported: Any = jsonrpc.value(found)
    if not isinstance(supported, list):
        return None
    versions = tuple(v for v in supported if isinstance(v, str) and v not in SESSION_VERSIONS)
    if not versions:
        return None
    # An error says no more of it than this.
    said = answer.get("result", jsonrpc.raw({"supportedVersions": versions}))
    return Discovery(versions, introduction.bounded(said))


def own_meta(versions: Collection[str] = (STATELESS_VERSION,)) -> dict[str, object]:
    """Return what a request of the bridge's own says of itself, to a server of these *versions*."""
    version = STATELESS_VERSION if STATELESS_VERSION in versions else max(versions)
    return {VERSION_KEY: version, CAPABILITIES_KEY: {}, CLIENT_KEY: _CLIENT}
