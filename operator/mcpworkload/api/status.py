"""The status of an MCPWorkload, as the operator writes it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, PlainSerializer

from mcpworkload.api.base import INT32, INT64, Model
from mcpworkload.api.permissions import Permissions
from mcpworkload.api.verification import ServerStatus

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
        description=(
            "The type of the condition: Accepted, Available, Ready, Verified, Isolated or Stalled."
        ),
    )
    status: ConditionStatus = Field(
        description="True, False, or Unknown if the operator cannot tell."
    )
    observed_generation: int = Field(
        default=0,
        ge=0,
        description="The metadata.generation that the condition is about.",
        json_schema_extra=INT64,
    )
    last_transition_time: Moment = Field(
        description="The time at which the status last changed.",
    )
    reason: str = Field(
        min_length=1,
        max_length=1024,
        pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        description="The reason for the status, in one word that programs may rely on.",
    )
    message: str = Field(
        max_length=32768,
        description="The reason for the status, in a sentence for people.",
    )


class LastTermination(Model):
    """The last unexpected exit of a container."""

    pod: str = Field(description="The pod's name.")
    container: str = Field(description="The container's name.")
    container_id: str = Field(
        default="",
        alias="containerID",
        description="The ID of the container at its runtime; empty if it is not known.",
    )
    image: str = Field(default="", description="The image that the container ran.")
    exit_code: int | None = Field(
        default=None,
        description="The exit code. Left out: it is not known any more.",
        json_schema_extra=INT32,
    )
    signal: int | None = Field(
        default=None,
        description="The signal that ended the container, if one did.",
        json_schema_extra=INT32,
    )
    reason: str = Field(
        default="",
        description=(
            "The reason for the exit, in one word: the kubelet's or that of an eviction; "
            "ProbeFailed if the kubelet ended the container because of a startup or liveness "
            "probe, whatever the exit code; else Unknown."
        ),
    )
    message: str = Field(
        default="",
        description=(
            "The last lines that the container wrote, unless reportLogTail is false; for "
            "ProbeFailed, the error of the probe."
        ),
    )
    started_at: Moment | None = Field(
        default=None, description="The time at which the container started."
    )
    finished_at: Moment | None = Field(
        default=None, description="The time at which the container ended."
    )


class ContainerRecord(Model):
    """The exits of one container that have been reported."""

    name: str = Field(description="The container's name.")
    restart_count: int = Field(
        ge=0,
        description="The restarts that have been reported, as the kubelet counts them.",
        json_schema_extra=INT32,
    )
    container_id: str = Field(
        default="",
        alias="containerID",
        description="The ID of the last container that was reported.",
    )
    base: int = Field(
        default=0,
        ge=0,
        description="The restarts that were reported before the kubelet began to count anew.",
        json_schema_extra=INT32,
    )


class PodRecord(Model):
    """The exits of one pod that have been reported."""

    name: str = Field(description="The pod's name.")
    uid: str = Field(description="The UID of the pod.")
    revision: str = Field(
        default="", description="The revision of the pod template that the pod was made from."
    )
    ended: bool = Field(
        default=False, description="Whether the end of the pod was asked for, or has been reported."
    )
    containers: list[ContainerRecord] = Field(
        default_factory=list,
        description="The containers of the pod of which exits have been reported.",
        json_schema_extra=_by_name(),
    )


class WorkloadStatus(Model):
    """The state of a workload that the operator observed last."""

    observed_generation: int = Field(
        default=STATUS_DEFAULT["observedGeneration"],
        description=(
            "The metadata.generation that the operator reconciled last; -1 before the first time."
        ),
        json_schema_extra=INT64,
    )
    replicas: int = Field(
        default=0,
        ge=0,
        description="The number of pods that exist.",
        json_schema_extra=INT32,
    )
    ready_replicas: int = Field(
        default=0,
        ge=0,
        description="The number of pods that are ready to serve.",
        json_schema_extra=INT32,
    )
    updated_replicas: int = Field(
        default=0,
        ge=0,
        description="The number of pods that run the current spec.",
        json_schema_extra=INT32,
    )
    selector: str = Field(
        default="",
        description="The label selector of the pods, for kubectl scale and autoscalers.",
    )
    url: str = Field(
        default="",
        description=(
            "The URL at which clients inside the cluster reach the server. Empty while the "
            "server is not served there, or while the Service of that name belongs to another "
            "owner."
        ),
    )
    restarts: int = Field(
        default=0,
        ge=0,
        description=(
            "The number of unexpected exits of containers since the workload was created. "
            "Sidecars and exits with code 0 count."
        ),
        json_schema_extra=INT32,
    )
    last_termination: LastTermination | None = Field(
        default=None, description="The last unexpected exit."
    )
    pods: list[PodRecord] = Field(
        default_factory=list,
        description="The exits that have been reported, by pod: the operator's record.",
        json_schema_extra=_by_name(),
    )
    permissions: Permissions | None = Field(
        default=None,
        description=(
            "The rights that the permission profile stands for. Left out: there is no profile."
        ),
    )
    server: ServerStatus | None = Field(
        default=None,
        description=(
            "What the server says of itself, as it was verified last. Left out: it has not "
            "answered yet, or verification is Off."
        ),
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        description=(
            "Accepted, Available, Ready, Verified, Isolated and, only when no retry can help, "
            "Stalled; one of each."
        ),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )

    def to_api(self) -> dict[str, Any]:
        """Return the status as plain JSON data with the API's names; fresh with every call."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
