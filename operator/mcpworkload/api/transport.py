"""The fields of the server's MCP endpoint and of its further ports."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mcpworkload.api import rules
from mcpworkload.api.base import INT32, Model, Needed, Rule, refusal
from mcpworkload.api.stdio import StdioOptions, check_once

TransportType = Literal["sse", "stdio", "streamable-http"]
Scheme = Literal["HTTP", "HTTPS"]
Protocol = Literal["TCP", "UDP", "SCTP"]


# What the bridge serves beside the MCP endpoint.
_BRIDGE_PATHS = ("/idle", "/messages", "/readyz", "/server")
_SSE_PATH = "/sse"
_MOST_NAMES = 32

_HOST = Rule(
    message=(
        'write a host name in lower case, without scheme, port and path, such as "mcp.example.com"'
    ),
    cel="!format.dns1123Subdomain().validate(self).hasValue()",
    holds=rules.is_subdomain,
)
_ORIGIN = Rule(
    message=(
        "write scheme, host and, if it is not the scheme's usual one, port, without a path, such "
        'as "https://app.example.com"'
    ),
    cel=r"self.matches('^[a-z][-a-z0-9+.]*://[^/\\s?#]+$')",
    holds=lambda origin: bool(re.fullmatch(r"[a-z][-a-z0-9+.]*://[^/\s?#]+", origin, re.ASCII)),
)


def _has_bridge(transport: "Transport") -> bool:
    return transport.type == "stdio" and transport.stdio.bridge != "None"


def _is_path_free(transport: "Transport") -> bool:
    if not _has_bridge(transport):
        return True
    is_taken = transport.path == _SSE_PATH and len(transport.stdio.served) > 1
    return not is_taken and transport.path not in _BRIDGE_PATHS


_CEL_BRIDGE = "self.?type.orValue('') == 'stdio' && self.?stdio.?bridge.orValue('Auto') != 'None'"


class Transport(Model):
    """The MCP endpoint of the server inside its container."""

    RULES = (
        Rule(
            message=(
                "leave stdio out, or write type: stdio: it is about servers that speak on their "
                "standard streams"
            ),
            cel="!has(self.stdio) || self.?type.orValue('stdio') == 'stdio'",
            holds=lambda transport: (
                transport.type == "stdio" or "stdio" not in transport.model_fields_set
            ),
            field_path=".stdio",
        ),
        Rule(
            message=(
                "leave allowedHosts and allowedOrigins out: only the bridge of type: stdio looks "
                "at them"
            ),
            cel=f"(!has(self.allowedHosts) && !has(self.allowedOrigins)) || ({_CEL_BRIDGE})",
            holds=lambda transport: (
                _has_bridge(transport)
                or not transport.model_fields_set & {"allowed_hosts", "allowed_origins"}
            ),
        ),
        Rule(
            message=(
                f"take another path than {', '.join(_BRIDGE_PATHS)} and, where stdio.serve has "
                f"both, {_SSE_PATH}: the bridge serves these itself"
            ),
            cel=(
                f"!has(self.path) || !({_CEL_BRIDGE}) || (!(self.path in {list(_BRIDGE_PATHS)}) "
                f"&& (self.path != '{_SSE_PATH}' || self.?stdio.?serve.orValue([]).size() < 2))"
            ),
            holds=_is_path_free,
            field_path=".path",
        ),
        Rule(
            message='write the path in ASCII characters and without "%", such as "/mcp"',
            cel=f"!has(self.path) || !({_CEL_BRIDGE}) || self.path.matches('^[!-$&-~]+$')",
            holds=lambda transport: (
                transport.path is None
                or not _has_bridge(transport)
                or bool(re.fullmatch(r"[!-$&-~]+", transport.path))
            ),
            field_path=".path",
        ),
        Rule(
            message=(
                "leave scheme out, or write HTTP: the bridge of a stdio server speaks plain HTTP; "
                "for TLS put a proxy before it, an Ingress say"
            ),
            cel="self.?type.orValue('') != 'stdio' || self.?scheme.orValue('HTTP') != 'HTTPS'",
            holds=lambda transport: transport.type != "stdio" or transport.scheme != "HTTPS",
            field_path=".scheme",
        ),
    )

    type: Annotated[
        TransportType,
        Needed(
            "write streamable-http, sse for a server that only speaks the older HTTP+SSE "
            "transport, or stdio for one that speaks on its standard input and output"
        ),
    ] = Field(
        description=(
            "The MCP transport that the server speaks: streamable-http, sse for the older "
            "HTTP+SSE, or stdio, which a bridge serves over HTTP. Required."
        )
    )
    port: int = Field(
        default=8080,
        ge=1,
        le=65535,
        description=(
            "The TCP port on which the server listens inside its container; for stdio, on which "
            "its bridge does."
        ),
        json_schema_extra=INT32,
    )
    scheme: Scheme = Field(
        default="HTTP",
        description=(
            "HTTPS if the server itself speaks TLS on its port, with a certificate of its own: "
            "status.url then begins with https, and httpGet of probes and lifecycle that name "
            "this port and no scheme use it."
        ),
    )
    path: Annotated[str, Field(max_length=1024), rules.PATH] | None = Field(
        default=None,
        description=(
            "The HTTP path of the MCP endpoint, as it stands in status.url. Left out: /mcp, "
            "or /sse where only sse is spoken."
        ),
    )
    stdio: StdioOptions = Field(
        default_factory=StdioOptions,
        description="How a server of type stdio is served.",
    )
    allowed_hosts: Annotated[
        tuple[Annotated[str, Field(max_length=253), _HOST], ...],
        Field(strict=False, max_length=_MOST_NAMES),
        AfterValidator(check_once),
    ] = Field(
        default=(),
        description=(
            "Further host names under which clients of a stdio server's bridge may reach it, "
            "those of an Ingress say. The names of its Services and IP addresses are allowed."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    allowed_origins: Annotated[
        tuple[Annotated[str, Field(max_length=255), _ORIGIN], ...],
        Field(strict=False, max_length=_MOST_NAMES),
        AfterValidator(check_once),
    ] = Field(
        default=(),
        description=(
            "Web origins whose pages may call a stdio server's bridge. Left out: none but "
            "one that came from it by localhost or an address; other clients send no origin."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
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
