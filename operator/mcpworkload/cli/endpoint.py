"""Pure: the endpoint at which clients reach a server, from the status and the spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Endpoint:
    """The endpoint at which clients reach the server, as the spec has it."""

    scheme: str
    path: str
    speaks_sse: bool

    @property
    def is_tls(self) -> bool:
        """Whether the spec has the server speak TLS."""
        return self.scheme == "https"


def endpoint_of(url: str, transport: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint of a workload, from its status and its spec."""
    parts = urlsplit(url)
    scheme = parts.scheme or str(transport.get("scheme", "HTTP")).lower()
    speaks_sse = is_sse(transport)
    path = parts.path or transport.get("path") or ("/sse" if speaks_sse else "/mcp")
    return Endpoint(scheme, path, speaks_sse)


def is_sse(transport: Mapping[str, Any]) -> bool:
    """Return whether the URL is that of the older HTTP+SSE."""
    served = (transport.get("stdio") or {}).get("serve")
    return bool(transport["type"] == "sse" or served == ["sse"])
