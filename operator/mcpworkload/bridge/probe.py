"""
Find out whether a server answers, and which era it speaks.

The first message fixes a server's era, so each question goes to a process of its own where
that can be had.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mcpworkload import __version__
from mcpworkload.bridge import jsonrpc
from mcpworkload.bridge.channel import ChannelClosed, End
from mcpworkload.bridge.jsonrpc import Message
from mcpworkload.bridge.mailbox import Mailbox
from mcpworkload.bridge.peer import Busy, Peer
from mcpworkload.bridge.versions import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    LATEST_LEGACY,
    LEGACY_VERSIONS,
    MODERN_VERSION,
    VERSION_KEY,
)

log = logging.getLogger(__name__)

#: A server that is silent for so long may wait for ``initialize``.
SILENCE_SECONDS = 2.0
LATE_SECONDS = 0.25
#: A server has so long to start.
START_SECONDS = 60.0
#: One that only showed that it works has so long to end.
FAREWELL_SECONDS = 5.0

#: Returns a server that nobody has talked to, and counts its requests from a number on.
Start = Callable[[int], Awaitable[Peer]]

_CLIENT = {"name": "mcpworkload-bridge", "version": __version__}


class NoAnswer(Exception):
    """The server showed in no way that it speaks MCP; *end* is how it ended, where it did."""

    def __init__(self, end: End | None) -> None:
        super().__init__(
            f"{end} before it answered server/discover or initialize" if end else
            "server answered neither server/discover nor initialize as MCP servers do"
        )  # fmt: skip
        self.end = end or End(code=1)


@dataclass
class Found:
    """What answered: a server of one era, or one process of each."""

    modern: Peer | None = None
    #: Revisions that it serves since there are no sessions.
    versions: tuple[str, ...] = ()
    legacy: Peer | None = None
    #: Its answer to ``initialize``.
    greeting: Message = field(default_factory=dict)


async def probe(start: Start, *, starts_many: bool) -> Found:
    """
    Return who answers of those that *start* returns.

    Raises:
        NoAnswer: nobody did.
        CannotStart: there was no process to ask.
    """
    if not starts_many:
        return await _ask_the_only_one(start)
    first = await start(0)
    discovery = asyncio.create_task(_discover(first))
    done, _ = await asyncio.wait({discovery}, timeout=SILENCE_SECONDS)
    if done and (versions := discovery.result()):
        return Found(modern=first, versions=versions)
    second = await start(0)
    found = await _first_of(discovery, first, second)
    ended = second.end_state or first.end_state
    for peer in (first, second):
        if peer not in (found.modern, found.legacy):
            await peer.end(FAREWELL_SECONDS)
    if found.modern is None and found.legacy is None:
        raise NoAnswer(ended)
    return found


async def greet(peer: Peer, within: float = START_SECONDS) -> Message | None:
    """Return a server's answer to ``initialize``; None where it has none, or an error."""
    params = {"protocolVersion": LATEST_LEGACY, "capabilities": {}, "clientInfo": _CLIENT}
    answer = await _ask(peer, "initialize", params, within)
    if answer is None or "result" not in answer:
        return None
    greeting = jsonrpc.members(jsonrpc.own(answer["result"]))
    if not isinstance(jsonrpc.value(greeting.get("protocolVersion")), str):
        return None
    peer.post(jsonrpc.notification("notifications/initialized"))
    return greeting


async def _first_of(discovery: "asyncio.Task[tuple[str, ...]]", first: Peer, second: Peer) -> Found:
    greeting = asyncio.create_task(greet(second))
    found = Found()
    await asyncio.wait({discovery, greeting}, return_when=asyncio.FIRST_COMPLETED)
    if not discovery.done() or not discovery.result():
        welcome = await greeting
        if welcome is not None:
            found.legacy, found.greeting = second, welcome
            # A slow one that speaks both eras was asked this first.
            await asyncio.wait({discovery}, timeout=LATE_SECONDS)
        else:
            await discovery
    if discovery.done() and discovery.result():
        found.modern, found.versions = first, discovery.result()
    for task in (discovery, greeting):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return found


async def _ask_the_only_one(start: Start) -> Found:
    """Every client can fall back to ``initialize``, so that is asked for first."""
    # What others who are attached ask for is answered where we hear it.
    peer = await start(secrets.randbits(48))
    greeting = await greet(peer)
    if greeting is not None:
        return Found(legacy=peer, greeting=greeting)
    if versions := await _discover(peer):
        return Found(modern=peer, versions=versions)
    raise NoAnswer(peer.end_state)


async def _discover(peer: Peer) -> tuple[str, ...]:
    """Return which revisions without sessions a server serves."""
    meta = {VERSION_KEY: MODERN_VERSION, CAPABILITIES_KEY: {}, CLIENT_KEY: _CLIENT}
    answer = await _ask(peer, "server/discover", {"_meta": meta}, START_SECONDS)
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
    return tuple(v for v in versions if isinstance(v, str) and v not in LEGACY_VERSIONS)


async def _ask(peer: Peer, method: str, params: object, within: float) -> Message | None:
    mail = Mailbox()
    message = jsonrpc.decode(jsonrpc.request(0, method, params))
    try:
        call = await peer.call(message, mail, within + 1)
    except (Busy, ChannelClosed):
        return None
    frame, _ = await mail.get(within)
    peer.forget(call)
    return None if frame is None or peer.end_state is not None else jsonrpc.decode(frame)
