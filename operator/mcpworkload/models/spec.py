"""The spec of an MCPWorkload. A field's description here is what `kubectl explain` shows."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue

from mcpworkload.models import rules
from mcpworkload.models.base import Embedded, Model, Needed
from mcpworkload.models.patch import PatchFields

TransportType = Literal["sse", "streamable-http"]

# Two of the numeric formats that the API server knows; without one it takes any size.
_INT32: dict[str, JsonValue] = {"format": "int32"}
_INT64: dict[str, JsonValue] = {"format": "int64"}
_MAX_INT32 = 2**31 - 1

# Pydantic's strictness is about the items: a JSON list is what a tuple is made from.
Arguments = Annotated[tuple[str, ...], Field(strict=False)]
# CEL rules iterate over keys; without a bound the API server must assume millions of them.
_MAX_KEYS = 64
LabelValue = Annotated[
    str, Field(max_length=rules.LABEL_VALUE_MAX_LENGTH, pattern=rules.LABEL_VALUE_PATTERN)
]


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
        json_schema_extra=_INT32,
    )
    path: Annotated[str, Field(max_length=1024), rules.PATH] | None = Field(
        default=None,
        description=(
            "The HTTP path of the MCP endpoint, as it stands in status.url. Left out: /mcp, "
            "or /sse for the sse transport."
        ),
    )


class WorkloadSpec(PatchFields):
    """What should run."""

    image: Annotated[
        str,
        Field(max_length=1024),
        rules.IMAGE,
        Needed('name the container image of the MCP server, such as "ghcr.io/acme/weather:1.4"'),
    ] = Field(description="The container image of the MCP server. Required.")
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
    transport: Annotated[
        Transport,
        Needed(
            "write its type, streamable-http or sse, and its port if the server does not listen "
            "on 8080"
        ),
    ] = Field(
        description="How clients reach the server: the transport, its port, its path. Required."
    )
    replicas: int = Field(
        default=1,
        ge=0,
        le=_MAX_INT32,
        description=(
            "How many pods run the server. 0 keeps the name and the Service and runs none."
        ),
        json_schema_extra=_INT32,
    )
    resources: Annotated[dict[str, Any], Embedded("Container.resources")] = Field(
        default_factory=dict,
        description=(
            "Requests and limits of the server's container. What is left out gets a modest "
            "value from the operator; there is no CPU limit unless one is written here. "
            "Fractions go in quotes, or as 500m."
        ),
    )
    labels: Annotated[
        dict[str, LabelValue], Field(max_length=_MAX_KEYS), rules.LABEL_KEYS, rules.OWN_KEYS
    ] = Field(
        default_factory=dict,
        description="Labels for the pods and every other object of this workload.",
    )
    annotations: Annotated[
        dict[str, str], Field(max_length=_MAX_KEYS), rules.ANNOTATION_KEYS, rules.OWN_KEYS
    ] = Field(
        default_factory=dict,
        description="Annotations for the pods and every other object of this workload.",
    )
    automount_service_account_token: bool = Field(
        default=False,
        description=(
            "Whether the server finds a token for the Kubernetes API in its container. "
            "Few servers need one."
        ),
    )
    service_account_name: (
        Annotated[str, Field(max_length=253), rules.SERVICE_ACCOUNT_NAME] | None
    ) = Field(
        default=None,
        description=(
            "The ServiceAccount that the pods run under. Left out: the namespace's default."
        ),
    )
    termination_grace_period_seconds: int | None = Field(
        default=None,
        ge=0,
        description=(
            "Seconds that a pod gets to end by itself before it is killed. Left out: "
            "Kubernetes' own 30."
        ),
        json_schema_extra=_INT64,
    )
