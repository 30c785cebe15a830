"""
The decisions of the session core, as data: the core returns effects and the edge carries them out.

A `ServerKey` names a server. The core knows neither processes nor connections, so a key may stand
for a child, for a container that the bridge is attached to, or for a server elsewhere.

`carry_out` does what concerns mailboxes alone. `Peer` sends lines, `Sessions` does the rest. Each
message makes an effect or two, so they are structs of msgspec, which cost the least.
"""

import msgspec

from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.protocol.mailbox import Mailbox


class ServerKey(msgspec.Struct, frozen=True):
    """A server behind the bridge."""

    #: Its name in the log.
    name: str
    #: Tells servers of one name apart.
    serial: int
    #: Whether other sessions use the server, too, so that it outlives each of them.
    is_shared: bool = False


class Deliver(msgspec.Struct, frozen=True):
    """Put *frame* into *mail*."""

    mail: Mailbox
    frame: bytes
    #: Whether it answers a request, and is the last frame of a response to that alone.
    is_answer: bool = False
    #: Whether several clients get it. Their server never waits for one of them to read it.
    is_copy: bool = False


class CloseMailbox(msgspec.Struct, frozen=True):
    """Close *mail*, whose client does not read."""

    mail: Mailbox


class SendLine(msgspec.Struct, frozen=True):
    """Send *line* to the server whose requests these are."""

    line: bytes


class CancelRequest(msgspec.Struct, frozen=True):
    """Notify *server* that no client waits for *request* any more."""

    server: ServerKey
    request: ClientRequest
    reason: str


class EndServer(msgspec.Struct, frozen=True):
    """End *server*, which one session alone used."""

    server: ServerKey


class EndStream(msgspec.Struct, frozen=True):
    """End *mail*, a response to a client, after the frames that are in it."""

    mail: Mailbox


class ReportEnd(msgspec.Struct, frozen=True):
    """Log that the session *name* ended."""

    name: str
    reason: str


MailEffect = Deliver | EndStream | CloseMailbox
#: What a `RequestTable` decides.
RequestEffect = MailEffect | SendLine
#: What a `SessionTable` and its sessions decide.
SessionEffect = MailEffect | CancelRequest | EndServer | ReportEnd


def carry_out(effect: MailEffect) -> None:
    """Change the mailbox that *effect* names."""
    match effect:
        case Deliver(mail, frame, is_answer):
            mail.put(frame, is_answer=is_answer)
        case EndStream(mail):
            mail.finish()
        case CloseMailbox(mail):
            mail.close()
