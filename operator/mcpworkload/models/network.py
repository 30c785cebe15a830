"""Where the server listens: its MCP endpoint and further ports."""

import re
from typing import Annotated, Literal

from pydantic import Field

from mcpworkload.models import rules
from mcpworkload.models.base import INT32, Model, Needed, Rule, refusal

TransportType = Literal["sse", "streamable-http"]
Protocol = Literal["TCP", "UDP", "SCTP"]


class Transport(Model):
    """How clients reach the MCP server inside its container."""

    type: Annotated[
        TransportType,
        Needed(
            "write streamable-http, or sse for a server that only speaks the older HTTP+SSE "
            "transport"
        ),
    ] = Field(
        description=(
            "The MCP transport that the server speaks: streamable-http, or sse for the older "
            "HTTP+SSE. Required."
        )
    )
    port: int = Field(
        default=8080,
        ge=1,
        le=65535,
        description="The TCP port on which the server listens inside its container.",
        json_schema_extra=INT32,
    )
    path: Annotated[str, Field(max_length=1024), rules.PATH] | None = Field(
        default=None,
        description=(
            "The HTTP path of the MCP endpoint, as it stands in status.url. Left out: /mcp, "
            "or /sse for the sse transport."
        ),
    )


_PORT_NAME = Rule(
    message=(
        "write a name of at most 15 lower-case letters, digits and single dashes, with a letter "
        'in it, such as "metrics", and another one than "mcp", which is the transport\'s'
    ),
    cel=(
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.matches('[a-z]') "
        "&& !self.contains('--') && self != 'mcp'"
    ),
    holds=lambda name: bool(
        re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
        and re.search(r"[a-z]", name)
        and "--" not in name
        and name != "mcp"
    ),
)


class Port(Model):
    """A further port of the server's container."""

    name: Annotated[str, Field(max_length=15), _PORT_NAME] = Field(
        description="What the port is called on the container and on the Services. Required."
    )
    port: int = Field(
        ge=1,
        le=65535,
        description="The port on which the container listens. Required.",
        json_schema_extra=INT32,
    )
    protocol: Protocol | None = Field(default=None, description="TCP, UDP or SCTP. Left out: TCP.")
    service_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description=(
            "The port under which a ClusterIP or LoadBalancer Service offers it; the headless "
            "Service always offers the container's. Left out: the container's port."
        ),
        json_schema_extra=INT32,
    )

    @property
    def inside(self) -> tuple[int, str]:
        """Number and protocol inside the pod."""
        return self.port, self.protocol or "TCP"

    @property
    def outside(self) -> tuple[int, str]:
        """Number and protocol on a Service that translates ports."""
        return self.service_port or self.port, self.protocol or "TCP"


def _is_once(numbers: list[tuple[int, str]]) -> bool:
    return len(set(numbers)) == len(numbers)


# Optional fields are asked for by has(): of `.?` the API server cannot tell how long it is.
_SAME_PROTOCOL = "(has(q.protocol) ? q.protocol : 'TCP') == (has(p.protocol) ? p.protocol : 'TCP')"
PORTS_ONCE = Rule(
    message="give each entry another port, or another protocol for the same port",
    cel=f"self.all(p, self.exists_one(q, q.port == p.port && {_SAME_PROTOCOL}))",
    holds=lambda ports: _is_once([port.inside for port in ports]),
)
SERVICE_PORTS_ONCE = Rule(
    message="give each entry another servicePort: on the Service two of them are the same",
    cel=(
        "self.all(p, self.exists_one(q, (has(q.servicePort) ? q.servicePort : q.port) == "
        f"(has(p.servicePort) ? p.servicePort : p.port) && {_SAME_PROTOCOL}))"
    ),
    holds=lambda ports: _is_once([port.outside for port in ports]),
)


def check_port_names(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """Accept *ports* if each name stands once; the CRD's list type agrees."""
    names = [port.name for port in ports]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise refusal(f"write {repeated[0]} once")
    return ports
