"""The fields of a spec that shape the server's container: image, program, probes, rights."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mcpworkload.api import rules
from mcpworkload.api.base import INT64, Embedded, Model, Needed
from mcpworkload.api.transport import (
    PORTS_ONCE,
    SERVICE_PORTS_ONCE,
    Port,
    Transport,
    check_port_names,
)

# Pydantic's strictness is about the items: a JSON list is what a tuple is made from.
Arguments = Annotated[tuple[str, ...], Field(strict=False)]
PROBE_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
# Fields that the operator has a default for; null leaves it unset.
_NULLABLE = {"nullable": True}


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
    """The probes of the server: whether it has started, is ready, is alive."""

    startup: Probe = Field(
        default_factory=dict,
        description=(
            "When the server counts as started. With exec, grpc, httpGet or tcpSocket it "
            "replaces the operator's own probe, without it changes the times of that one: a TCP "
            "connection to the transport's port, every second, for five minutes at most; of an "
            "injected bridge, whether it can start the server. `disabled: true` switches it off. "
            "Where a sidecar attaches to the server, and where there is no bridge, there is none."
        ),
    )
    readiness: Probe = Field(
        default_factory=dict,
        description=(
            "When the server can serve; see startup. The operator's own is a TCP connection to "
            "the transport's port every five seconds, or the question to an injected bridge "
            "whether the server answers."
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
            "replaces what the operator would set under the same name (MCP_PORT and the like). "
            "A stdio server gets HOME from the operator and nothing else."
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
            "the server reads an end of file; for stdio, as its bridge needs it."
        ),
    )
    transport: Annotated[
        Transport,
        Needed(
            "write its type, streamable-http, sse or stdio, and its port if the server does not "
            "listen on 8080"
        ),
    ] = Field(
        description="How clients reach the server: the transport, its port, its path. Required."
    )
    ports: Annotated[
        tuple[Port, ...],
        Field(strict=False, max_length=32),
        AfterValidator(check_port_names),
        PORTS_ONCE,
        SERVICE_PORTS_ONCE,
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
            "Requests and limits of the server's container. Left out: requests of 10m cpu, 64Mi "
            "memory and 64Mi ephemeral-storage, limits of 512Mi memory and 1Gi "
            "ephemeral-storage, no cpu limit; for a stdio server with a bridge in its container, "
            "requests of 128Mi memory and 128Mi ephemeral-storage, a limit of 1Gi memory. A "
            "limit below such a request lowers it, and a request above such a limit (512Mi "
            "memory) lifts it. Containers of the operator's own take these amounts as bounds. "
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
    report_log_tail: bool | None = Field(
        default=None,
        description=(
            "Whether status and Events may quote the last lines that a container printed before "
            "it ended; what a server prints may be confidential. Left out: true."
        ),
    )
