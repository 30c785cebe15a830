"""The first requests to a server: ``initialize`` and ``server/discover``, each with its result."""

from typing import Any

from mcpworkload import __version__
from mcpworkload.bridge.channel import ChannelClosed
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened, request
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


async def initialize(peer: Peer, within: float = ANSWER_SECONDS) -> Message | None:
    """Open a session; return the server's result, None where it has none within that time."""
    params = {"protocolVersion": LATEST_SESSION_VERSION, "capabilities": {}, "clientInfo": _CLIENT}
    answer = await _ask(peer, "initialize", params, within)
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


async def discover(peer: Peer, within: float = ANSWER_SECONDS) -> tuple[str, ...]:
    """Return the revisions without sessions that a server serves; none if it answers otherwise."""
    meta = {VERSION_KEY: STATELESS_VERSION, CAPABILITIES_KEY: {}, CLIENT_KEY: _CLIENT}
    answer = await _ask(peer, "server/discover", {"_meta": meta}, within)
    if answer is None:
        return ()
    if "result" in answer:
        found = jsonrpc.members(answer["result"]).get("supportedVersions")
    else:
        error = jsonrpc.members(answer["error"])
        if jsonrpc.value(error.get("code")) != jsonrpc.UNSUPPORTED_PROTOCOL_VERSION:
            return ()
        found = jsonrpc.members(error.get("data")).get("supported")
    versions: Any = jsonrpc.value(found)
    if not isinstance(versions, list):
        return ()
    return tuple(v for v in versions if isinstance(v, str) and v not in SESSION_VERSIONS)


async def _ask(peer: Peer, method: str, params: object, within: float) -> Message | None:
    """Return the response to a request of ours; None where there is none within that time."""
    mail = Mailbox()
    try:
        pending = await peer.call(request(method, params), mail, within + 1)
    except (Busy, ChannelClosed):
        return None
    try:
        frame, _ = await mail.get(within)
    finally:
        peer.let_go(pending)
    return None if frame is None or peer.end_state is not None else jsonrpc.decode(frame)
