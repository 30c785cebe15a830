"""Requests of the bridge's own: no client sees them, and no drain waits for them."""

import asyncio

from mcpworkload.bridge.channel import ChannelClosed
from mcpworkload.bridge.client_requests import OwnRequest
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.opening import LARGE_BYTES, in_turns
from mcpworkload.protocol.sent import request


async def ask(
    peer: Peer, method: str, params: object, within: float, *, cancels: bool = False
) -> Message | None:
    """
    Return the response to a request; None where there is none within that many seconds.

    The server is not notified that it is not waited for any more, unless this *cancels*:
    ``initialize`` may not be cancelled.
    """
    loop, mail = asyncio.get_running_loop(), Mailbox()
    last = loop.time() + within
    try:
        async with asyncio.timeout_at(last):
            # Its own timer comes too late: it would cancel, and answer.
            pending = await peer.call(request(method, params), mail, within + 1, of=OwnRequest)
    except (Busy, ChannelClosed, TimeoutError):
        return None
    try:
        frame, _ = await mail.get(max(last - loop.time(), 0.0))
        if frame is None and cancels:
            peer.cancel(pending, f"the bridge waited {within:g} seconds")
    finally:
        peer.let_go(pending)
    if frame is None or peer.end_state is not None:
        return None
    if len(frame) > LARGE_BYTES:
        return await in_turns(jsonrpc.decoding_message(frame))
    return jsonrpc.decode(frame)
