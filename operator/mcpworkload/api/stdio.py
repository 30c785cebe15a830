"""The fields of a stdio server: its bridge, its sessions and the clients that it is served to."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from mcpworkload.api.base import INT32, Model, Rule, refusal
from mcpworkload.api.durations import Duration

BridgeChoice = Literal["Auto", "Inject", "Attach", "None"]
Serve = Literal["streamable-http", "sse"]
Sessions = Literal["PerSession", "Shared"]

DEFAULT_MAX_SESSIONS: Final = 64
DEFAULT_IDLE_TIMEOUT: Final = "30m"
DEFAULT_REQUEST_TIMEOUT: Final = "5m"
# Each may be a process of its own.
_MOST_SESSIONS = 1024


class Bridge(StrEnum):
    """The places where the bridge of a stdio server can run."""

    #: The bridge runs in the server's container and starts the server.
    INJECT = "Inject"
    #: The bridge runs beside it and attaches to it through the API server.
    ATTACH = "Attach"
    #: There is no bridge; clients attach to the container themselves.
    NONE = "None"


def check_once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Accept *values* if each stands once; the CRD's list type agrees."""
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise refusal(f"write {repeated[0]} once")
    return values


_SERVING = ("serve", "sessions", "max_sessions", "idle_timeout", "request_timeout")


class StdioOptions(Model):
    """The options of a server that speaks on its standard streams."""

    RULES = (
        Rule(
            message=(
                "leave all but bridge out beside bridge: None, which serves nothing, or write "
                "another bridge"
            ),
            cel=(
                "self.?bridge.orValue('Auto') != 'None' || (!has(self.serve) "
                "&& !has(self.sessions) && !has(self.maxSessions) && !has(self.idleTimeout) "
                "&& !has(self.requestTimeout))"
            ),
            holds=lambda options: (
                options.bridge != "None" or not options.model_fields_set.intersection(_SERVING)
            ),
        ),
    )

    bridge: BridgeChoice | None = Field(
        default=None,
        description=(
            "Inject runs the bridge inside the server's container, where it starts command as "
            "its child; Attach runs it in a sidecar that attaches to the server through the API "
            "server, for images of which only their own entry point is known; None runs none, "
            "for callers that attach by themselves. Left out: Auto, which is Inject if command "
            "is set, and Attach if not."
        ),
    )
    serve: Annotated[
        tuple[Serve, ...],
        Field(strict=False, min_length=1, max_length=2),
        AfterValidator(check_once),
    ] = Field(
        default=(),
        description=(
            "What the bridge speaks with clients: streamable-http at transport.path, sse (the "
            "older HTTP+SSE) at /sse, or both. Alone, sse is at transport.path. Left out: "
            "streamable-http."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    sessions: Sessions | None = Field(
        default=None,
        description=(
            "PerSession starts a process of the server for each client session, which Attach "
            "cannot; Shared lets all clients share one. Left out: PerSession, with Attach Shared."
        ),
    )
    max_sessions: int | None = Field(
        default=None,
        ge=1,
        le=_MOST_SESSIONS,
        description=(
            "How many sessions a pod has at a time; who asks for one more is told to come back "
            f"later. Left out: {DEFAULT_MAX_SESSIONS}."
        ),
        json_schema_extra=INT32,
    )
    idle_timeout: Duration | None = Field(
        default=None,
        description=(
            f"How long a session lives without a request. Left out: {DEFAULT_IDLE_TIMEOUT}."
        ),
    )
    request_timeout: Duration | None = Field(
        default=None,
        description=(
            "How long the server may take to answer a request before its client gets an error. "
            f"Left out: {DEFAULT_REQUEST_TIMEOUT}."
        ),
    )

    @property
    def served(self) -> tuple[Serve, ...]:
        """The transports that the bridge speaks with clients, in a steady order."""
        wanted = self.serve or ("streamable-http",)
        order: tuple[Serve, ...] = ("streamable-http", "sse")
        return tuple(each for each in order if each in wanted)
