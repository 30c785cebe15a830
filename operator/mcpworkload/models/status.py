"""The status of an MCPWorkload, as the operator writes it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, PlainSerializer

from mcpworkload.models.base import INT32, INT64, Model

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
        description="Where clients inside the cluster reach the server.",
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
