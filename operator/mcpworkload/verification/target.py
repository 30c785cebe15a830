"""Where a server is to be asked: plain values, no I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: `bridge` is the bridge's own account of its stdio server, at BRIDGE_PATH.
Kind = Literal["streamable-http", "sse", "bridge"]
Scheme = Literal["http", "https"]

#: Where the bridge serves what it knows of its server; the same as in its options.
BRIDGE_PATH = "/server"

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[ -~]+")


def is_header(name: str, value: str) -> bool:
    """Return whether *name* and *value* can be sent as a header, in printable ASCII."""
    return bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value) and value == value.strip())


@dataclass(frozen=True, slots=True)
class Target:
    """One server at one address."""

    #: An address; a pod's, or 127.0.0.1 with a port-forward.
    host: str
    port: int
    scheme: Scheme = "http"
    path: str = "/mcp"
    kind: Kind = "streamable-http"
    #: The Host header, as a client sends it that goes by the Service's name; empty for the address.
    authority: str = ""
    #: Headers that let the operator in. Never shown.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """The URL, at the address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"
