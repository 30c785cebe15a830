"""
The decisions of the session core, as data: the core returns them and the edge carries them out.

A server is named by a key. The core knows neither processes nor connections, so a key may stand
for a child, for a container that the bridge is attached to, or for a server elsewhere.
"""

from dataclasses import dataclass

from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.protocol.mailbox import Mailbox


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A server behind the bridge."""

    #: Its name in the log.
    name: str
    #: Tells servers of one name apart.
    serial: int
    #: Whether other sessions use the server, too, so that it outlives each of them.
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Deliver:
    """Put *frame*, the answer to a request, into *mail*."""

    mail: Mailbox
    frame: bytes


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Notify *server* that no client waits for *request* any more."""

    server: ServerKey
    request: ClientRequest
    reason: str


@dataclass(frozen=True, slots=True)
class EndServer:
    """End *server*, which one session alone used."""

    server: ServerKey


@dataclass(frozen=True, slots=True)
class EndStream:
    """End *mail*, a stream of a client, after what is in it."""

    mail: Mailbox


@dataclass(frozen=True, slots=True)
class ReportEnd:
    """Log that the session *name* ended."""

    name: str
    reason: str


Effect = Deliver | CancelRequest | EndServer | EndStream | ReportEnd
