"""What came of asking a server who it is: plain values, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Era = Literal["modern", "legacy"]


class Result(StrEnum):
    """What came of a verification; each is a reason of the condition Verified."""

    #: It answered as an MCP server does.
    HANDSHAKE_OK = "HandshakeOk"
    #: 401 or 403: it answers, and wants to know who asks.
    AUTH_REQUIRED = "AuthRequired"
    #: Something answers over HTTP, and it is no MCP server at this path.
    NOT_MCP = "NotMcp"
    #: It speaks JSON-RPC, and not as MCP has it: an error to the handshake, a wrong id.
    PROTOCOL_ERROR = "ProtocolError"
    #: The connection was made, and no whole answer came in time.
    HANDSHAKE_TIMEOUT = "HandshakeTimeout"
    #: The address refuses the connection.
    CONNECTION_REFUSED = "ConnectionRefused"
    #: No connection within the time for one, or no way to the address.
    UNREACHABLE = "Unreachable"


@dataclass(frozen=True, slots=True)
class ToolList:
    """The tools of a server: equal lists are equal whatever their order."""

    count: int
    #: `sha256:` and 64 digits; empty where the list was too long to be read to its end.
    digest: str
    #: A short digest of each tool, by its name.
    tools: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Server:
    """
    What a server said of itself. Bounded: long strings are cut, no list is long.

    Nothing of it is checked, and nothing may be decided by it.
    """

    era: Era
    protocol_version: str = ""
    supported_versions: tuple[str, ...] = ()
    name: str = ""
    title: str = ""
    version: str = ""
    instructions_length: int = 0
    capabilities: tuple[str, ...] = ()
    #: None where it offers none.
    tools: ToolList | None = None
    prompts: int | None = None
    resources: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a verification and what came back, for people."""

    #: Such as `POST /mcp server/discover`.
    asked: str
    #: Such as `200, an MCP server of 2026-07-28`.
    answered: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one verification of one pod."""

    result: Result
    #: What was asked, what came back, and the likely cause, in one sentence without the server's
    #: own words beyond a few characters; empty where all is well.
    message: str = ""
    #: Who it is; None unless the result is HANDSHAKE_OK.
    server: Server | None = None
    steps: tuple[Step, ...] = ()
    #: Whether more time might have shown more: another era, or the rest of a list.
    is_rushed: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether it answered as an MCP server does."""
        return self.result is Result.HANDSHAKE_OK
