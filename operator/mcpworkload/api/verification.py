"""The fields of a spec and of a status that are about what a server says of itself, over MCP."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mcpworkload.api import rules
from mcpworkload.api.base import INT32, Model
from mcpworkload.api.durations import Interval, Patience

Mode = Literal["Periodic", "OnStart", "Off"]
Era = Literal["modern", "legacy"]

_MAX_SOURCES = 4


class SecretName(Model):
    """A Secret of the workload's namespace."""

    name: str = Field(
        min_length=1,
        max_length=rules.SUBDOMAIN_MAX_LENGTH,
        pattern=rules.SUBDOMAIN_PATTERN,
        description="The name of a Secret of this namespace. Required.",
    )


class HeaderSource(Model):
    """Where headers come from."""

    secret_ref: SecretName = Field(
        description=(
            "A Secret of which each key is the name of a header, such as Authorization, and its "
            "value the header's. Required."
        ),
    )


class Verification(Model):
    """How the operator verifies that the server speaks MCP, and that its tools are the same."""

    mode: Mode | None = Field(
        default=None,
        description=(
            "Periodic asks each pod when its server has started, and again every interval; OnStart "
            "asks for each start of the server until it has answered; Off never asks, and Ready "
            "means that a port is open. Left out: the installation's choice, Periodic by default."
        ),
    )
    interval: Interval | None = Field(
        default=None,
        description=(
            "How long after one verification the next one follows, give or take a fifth. Left out: "
            "the installation's choice, 5m by default."
        ),
    )
    timeout: Patience | None = Field(
        default=None,
        description=(
            "How long a server may take to answer all that it is asked. Left out: the "
            "installation's choice, 10s by default."
        ),
    )
    headers_from: Annotated[
        tuple[HeaderSource, ...], Field(strict=False, max_length=_MAX_SOURCES)
    ] = Field(
        default=(),
        description=(
            "Secrets with headers that let the operator in, where a server wants to know who "
            "asks. The installation has to give the operator the right to read Secrets."
        ),
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    expect_tools: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")] | None = Field(
        default=None,
        description=(
            "The digest of the only list of tools that is accepted, as `mcpworkload tools NAME "
            "--digest` prints it. With another one the workload is not Ready. Left out: any."
        ),
    )


class VerificationFields(Model):
    """The fields of a spec that are about verification."""

    verification: Verification = Field(
        default_factory=Verification,
        description="How the operator verifies that the server speaks MCP.",
    )


class Listing(Model):
    """A list that a server offers."""

    count: int = Field(ge=0, description="How many it has.", json_schema_extra=INT32)


class ToolListing(Listing):
    """The tools that a server offers."""

    digest: str = Field(
        default="",
        description=(
            "The digest of names, descriptions, schemas and annotations of all tools. Empty: the "
            "list is too long to be read."
        ),
    )


class ServerStatus(Model):
    """What the server says of itself: nothing of it is checked, and nothing is decided by it."""

    era: Era = Field(
        description=(
            "modern: each request stands for itself, as of protocol 2026-07-28; legacy: a session "
            "is opened first."
        )
    )
    protocol_version: str = Field(
        default="", description="The newest version of MCP that operator and server both speak."
    )
    supported_versions: tuple[str, ...] = Field(
        default=(), strict=False, description="The versions that a modern server names."
    )
    name: str = Field(default="", description="The server's name.")
    title: str = Field(default="", description="The server's name for people.")
    version: str = Field(default="", description="The server's own version.")
    instructions_length: int = Field(
        default=0,
        ge=0,
        description="How many characters its instructions have.",
        json_schema_extra=INT32,
    )
    capabilities: tuple[str, ...] = Field(
        default=(), strict=False, description="The capabilities that it names, in order."
    )
    tools: ToolListing | None = Field(
        default=None, description="Its tools. Left out: it offers none, or does not let us ask."
    )
    prompts: Listing | None = Field(default=None, description="Its prompts, as tools.")
    resources: Listing | None = Field(default=None, description="Its resources, as tools.")

    def to_api(self) -> dict[str, Any]:
        """Return it as plain JSON data with the API's names; fresh with every call."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
