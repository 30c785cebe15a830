"""
The decisions of the session core, as data: the core returns effects and the edge carries them out.

A `ServerKey` names a server. The core knows neither processes nor connections, so a key may stand
for a child, for a container that the bridge is attached to, or for a server elsewhere.

`carry_out` does what concerns mailboxes alone. `Peer` sends lines, `Sessions` does the rest.
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
    """Put *frame* into *mail*."""

    mail: Mailbox
    frame: bytes
    #: Whether it answers a request, and is the last frame of a response to that alone.
    is_answer: bool = False
    #: Whether several clients get it. Their server never waits for one of them to read it.
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class CloseMailbox:
    """Close *mail*, whose client does not read."""

    mail: Mailbox


@dataclass(frozen=True, slots=True)
class SendLine:
    """Send *line* to the server whose requests these are."""

    line: bytes


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
    """End *mail*, a response to a client, after the frames that are in it."""

    mail: Mailbox


@dataclass(frozen=True, slots=True)
class ReportEnd:
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
