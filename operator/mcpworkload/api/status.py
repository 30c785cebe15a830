"""The status of an MCPWorkload, as the operator writes it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, PlainSerializer

from mcpworkload.api.base import INT32, INT64, Model

ConditionStatus = Literal["True", "False", "Unknown"]

# Stands in the CRD as the default of `status`, so that tools which compare generations see
# a workload as in progress, not as finished, before the operator's first write.
STATUS_DEFAULT: Final = {"observedGeneration": -1}


def _whole_seconds(moment: datetime) -> datetime:
    # What is stored has no fractions, so that a moment survives a round trip unchanged.
    return moment.replace(microsecond=0)


def _as_rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[
    AwareDatetime,
    Field(strict=False),
    AfterValidator(_whole_seconds),
    PlainSerializer(_as_rfc3339, return_type=str),
]


def _by_name() -> dict[str, JsonValue]:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class Condition(Model):
    """One statement about the workload, with its reason."""

    type: str = Field(
        min_length=1,
        max_length=316,
        description="What the statement is about: Accepted, Available, Ready, Stalled.",
    )
    status: ConditionStatus = Field(
        description="Whether it holds: True, False, or Unknown when the operator could not look."
    )
    observed_generation: int = Field(
        default=0,
        ge=0,
        description="The metadata.generation that the statement speaks about.",
        json_schema_extra=INT64,
    )
    last_transition_time: Moment = Field(
        description="When the status last became what it is now.",
    )
    reason: str = Field(
        min_length=1,
        max_length=1024,
        pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        description="Why, in one word that programs may rely on.",
    )
    message: str = Field(
        max_length=32768,
        description="Why, in a sentence for people.",
    )


class LastTermination(Model):
    """The last exit of a container that nobody had asked for."""

    pod: str = Field(description="The pod's name.")
    container: str = Field(description="The container's name.")
    container_id: str = Field(
        default="",
        alias="containerID",
        description="The container that ended, as its runtime calls it; empty when not known.",
    )
    image: str = Field(default="", description="The image it ran.")
    exit_code: int | None = Field(
        default=None,
        description="What it exited with. Left out: nobody knows any more.",
        json_schema_extra=INT32,
    )
    signal: int | None = Field(
        default=None, description="The signal that ended it, if one did.", json_schema_extra=INT32
    )
    reason: str = Field(
        default="",
        description=(
            "Why, in a word: the kubelet's, an eviction's, ProbeFailed where the kubelet ended it "
            "for a startup or liveness probe, whatever the exit code, or Unknown."
        ),
    )
    message: str = Field(
        default="",
        description=(
            "What it wrote last, never with reportLogTail: false; where a probe was why, what "
            "that said."
        ),
    )
    started_at: Moment | None = Field(default=None, description="When it started.")
    finished_at: Moment | None = Field(default=None, description="When it ended.")


class ContainerRecord(Model):
    """How far one container's exits have been reported."""

    name: str = Field(description="The container's name.")
    restart_count: int = Field(
        ge=0,
        description="How many of its ends have been accounted for, by the kubelet's count.",
        json_schema_extra=INT32,
    )
    container_id: str = Field(
        default="",
        alias="containerID",
        description="The last container that was reported.",
    )
    base: int = Field(
        default=0,
        ge=0,
        description="How many of its ends there were before the kubelet began to count anew.",
        json_schema_extra=INT32,
    )


class PodRecord(Model):
    """How far one pod's exits have been reported."""

    name: str = Field(description="The pod's name.")
    uid: str = Field(description="Which pod of that name.")
    revision: str = Field(default="", description="The pod template that it was made from.")
    ended: bool = Field(
        default=False, description="Whether its end was asked for, or has been reported."
    )
    containers: list[ContainerRecord] = Field(
        default_factory=list,
        description="Those of its containers of which exits have been reported.",
        json_schema_extra=_by_name(),
    )


class WorkloadStatus(Model):
    """What the operator last saw."""

    observed_generation: int = Field(
        default=STATUS_DEFAULT["observedGeneration"],
        description=(
            "The metadata.generation that the operator has acted upon; -1 before its first look."
        ),
        json_schema_extra=INT64,
    )
    replicas: int = Field(
        default=0,
        ge=0,
        description="How many pods exist.",
        json_schema_extra=INT32,
    )
    ready_replicas: int = Field(
        default=0,
        ge=0,
        description="How many pods are ready to serve.",
        json_schema_extra=INT32,
    )
    updated_replicas: int = Field(
        default=0,
        ge=0,
        description="How many pods run the current spec.",
        json_schema_extra=INT32,
    )
    selector: str = Field(
        default="",
        description="The label selector of the pods, for kubectl scale and autoscalers.",
    )
    url: str = Field(
        default="",
        description=(
            "Where clients inside the cluster reach the server. Empty while nobody serves it, or "
            "the Service of that name is not this workload's."
        ),
    )
    restarts: int = Field(
        default=0,
        ge=0,
        description=(
            "How many exits of containers there were, since the workload exists, that nobody had "
            "asked for; sidecars and exits with code 0 count."
        ),
        json_schema_extra=INT32,
    )
    last_termination: LastTermination | None = Field(
        default=None, description="The last of those exits."
    )
    pods: list[PodRecord] = Field(
        default_factory=list,
        description="How far the exits of each pod have been reported: the operator's memory.",
        json_schema_extra=_by_name(),
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        description=(
            "Accepted, Available, Ready and, only when no retry can help, Stalled; one of each."
        ),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )

    def to_api(self) -> dict[str, Any]:
        """The status as plain JSON data with the API's names; fresh with every call."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
