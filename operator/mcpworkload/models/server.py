"""The part of a spec that lands on the server's container: image, transport, ports, probes."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mcpworkload.models import rules
from mcpworkload.models.base import INT32, INT64, Embedded, Model, Needed, Rule, refusal

TransportType = Literal["sse", "streamable-http"]
Protocol = Literal["TCP", "UDP", "SCTP"]

# Pydantic's strictness is about the items: a JSON list is what a tuple is made from.
Arguments = Annotated[tuple[str, ...], Field(strict=False)]
PROBE_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
# Fields that the operator has a default for; null says that it is not to be set at all.
_NULLABLE = {"nullable": True}


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
_PORTS_ONCE = Rule(
    message="give each entry another port, or another protocol for the same port",
    cel=f"self.all(p, self.exists_one(q, q.port == p.port && {_SAME_PROTOCOL}))",
    holds=lambda ports: _is_once([port.inside for port in ports]),
)
_SERVICE_PORTS_ONCE = Rule(
    message="give each entry another servicePort: on the Service two of them are the same",
    cel=(
        "self.all(p, self.exists_one(q, (has(q.servicePort) ? q.servicePort : q.port) == "
        f"(has(p.servicePort) ? p.servicePort : p.port) && {_SAME_PROTOCOL}))"
    ),
    holds=lambda ports: _is_once([port.outside for port in ports]),
)


def _check_port_names(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """Accept *ports* if each name stands once; the CRD's list type agrees."""
    names = [port.name for port in ports]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise refusal(f"write {repeated[0]} once")
    return ports


Probe = Annotated[
    dict[str, Any],
    Embedded(
        "Probe",
        {
            "properties": {
                "disabled": {
                    "type": "boolean",
                    "description": "Whether there is no such probe, not even the operator's own.",
                }
            }
        },
    ),
]


class Probes(Model):
    """How the kubelet sees whether the server has started, is ready, is alive."""

    startup: Probe = Field(
        default_factory=dict,
        description=(
            "When the server counts as started. With exec, grpc, httpGet or tcpSocket it "
            "replaces the operator's own probe, without it changes the times of that one: a TCP "
            "connection to the transport's port, every second, for five minutes at most. "
            "`disabled: true` switches it off."
        ),
    )
    readiness: Probe = Field(
        default_factory=dict,
        description=(
            "When the server can serve; see startup. The operator's own is a TCP connection to "
            "the transport's port every five seconds."
        ),
    )
    liveness: Probe | None = Field(
        default=None,
        description=(
            "When the server has to be restarted although it has not ended; see startup. Left "
            "out: there is no such probe."
        ),
    )


class ServerFields(Model):
    """The fields of a spec that say what runs in the server's container."""

    image: Annotated[
        str,
        Field(max_length=1024),
        rules.IMAGE,
        Needed('name the container image of the MCP server, such as "ghcr.io/acme/weather:1.4"'),
    ] = Field(description="The container image of the MCP server. Required.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None,
        description=(
            "When a node pulls the image. Left out: Always for the tag latest or none, else "
            "IfNotPresent."
        ),
    )
    command: Arguments = Field(
        default=(),
        description=(
            "The program to start in place of the image's entry point, one word per entry."
        ),
    )
    args: Arguments = Field(
        default=(),
        description="The arguments of the program, one word per entry.",
    )
    working_dir: str | None = Field(
        default=None,
        description="The directory in which the program starts. Left out: the image's own.",
    )
    env: Annotated[
        list[dict[str, Any]],
        AfterValidator(rules.check_env),
        Embedded(
            "Container.env",
            {"items": {"properties": {"name": {"pattern": rules.ENV_NAME_PATTERN}}}},
        ),
    ] = Field(
        default_factory=list,
        description=(
            "Environment variables of the server, in this order, each name once. An entry "
            "replaces what the operator would set under the same name (MCP_PORT and the like)."
        ),
    )
    env_from: Annotated[list[dict[str, Any]], Embedded("Container.envFrom")] = Field(
        default_factory=list,
        description="ConfigMaps and Secrets whose keys all become environment variables.",
    )
    stdin: bool | None = Field(
        default=None,
        description=(
            "Whether the container keeps its standard input open for `kubectl attach`. Left out: "
            "the server reads an end of file."
        ),
    )
    transport: Annotated[
        Transport,
        Needed(
            "write its type, streamable-http or sse, and its port if the server does not listen "
            "on 8080"
        ),
    ] = Field(
        description="How clients reach the server: the transport, its port, its path. Required."
    )
    ports: Annotated[
        tuple[Port, ...],
        Field(strict=False, max_length=32),
        AfterValidator(_check_port_names),
        _PORTS_ONCE,
        _SERVICE_PORTS_ONCE,
    ] = Field(
        default=(),
        description="Further ports of the server's container; the Services offer them too.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    resources: Annotated[dict[str, Any], Embedded("Container.resources")] = Field(
        default_factory=dict,
        description=(
            "Requests and limits of the server's container. What is left out gets a modest "
            "value from the operator; there is no CPU limit unless one is written here. "
            "Fractions go in quotes, or as 500m."
        ),
    )
    security_context: Annotated[
        dict[str, Any],
        Embedded(
            "Container.securityContext",
            {
                "properties": {
                    "allowPrivilegeEscalation": _NULLABLE,
                    "capabilities": _NULLABLE,
                    "readOnlyRootFilesystem": _NULLABLE,
                    "runAsNonRoot": _NULLABLE,
                }
            },
        ),
    ] = Field(
        default_factory=dict,
        description=(
            "Rights of the server's container, field by field over the operator's: no escalation, "
            "no capabilities, a read-only root file system; null leaves a field unset."
        ),
    )
    lifecycle: Annotated[dict[str, Any], Embedded("Container.lifecycle")] = Field(
        default_factory=dict,
        description=(
            "What the kubelet runs after the container's start and before its end. A preStop "
            "replaces the operator's pause of a few seconds."
        ),
    )
    probes: Probes = Field(
        default_factory=Probes,
        description="How the kubelet sees whether the server has started, is ready, is alive.",
    )
    termination_grace_period_seconds: int | None = Field(
        default=None,
        ge=0,
        description=(
            "Seconds that a pod gets to end by itself before it is killed. Left out: "
            "Kubernetes' own 30."
        ),
        json_schema_extra=INT64,
    )
