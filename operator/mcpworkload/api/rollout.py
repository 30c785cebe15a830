"""The fields of a spec that set how many pods there are and how they are replaced."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from mcpworkload.api.base import INT32, MAX_INT32, Embedded, Model, Rule

OperatingMode = Literal["Running", "Stopped"]
IntOrPercent = Annotated[int | str, Embedded("IntOrString")]


def _is_count(value: Any, *, least: int) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value >= least
    match = re.fullmatch(r"(\d{1,3})%", str(value))
    return match is not None and least <= int(match[1]) <= 100


_POSITIVE = Rule(
    message='write a whole number of 1 or more, or a percentage of pods such as "25%"',
    cel="type(self) == int ? self > 0 : self.matches('^([1-9][0-9]?|100)%$')",
    holds=lambda value: _is_count(value, least=1),
)
_NOT_NEGATIVE = Rule(
    message='write a whole number of 0 or more, or a percentage of pods such as "25%"',
    cel="type(self) == int ? self >= 0 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",
    holds=lambda value: _is_count(value, least=0),
)


class RollingUpdate(Model):
    """The extent and the pace of an update."""

    partition: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="Only pods with this ordinal or a higher one are updated. Left out: all.",
        json_schema_extra=INT32,
    )
    max_unavailable: Annotated[IntOrPercent, _POSITIVE] | None = Field(
        default=None,
        description=(
            "How many pods may be missing while an update goes on, and before the workload "
            "counts as unavailable. Clusters without the feature MaxUnavailableStatefulSet "
            "replace one at a time whatever stands here. Left out: 1."
        ),
    )


class UpdateStrategy(Model):
    """The way in which the pods come to run a changed spec."""

    RULES = (
        Rule(
            message="leave rollingUpdate out, or write type: RollingUpdate",
            cel="!has(self.rollingUpdate) || self.?type.orValue('RollingUpdate') != 'OnDelete'",
            holds=lambda strategy: not (strategy.rolling_update and strategy.type == "OnDelete"),
            field_path=".rollingUpdate",
        ),
    )

    type: Literal["RollingUpdate", "OnDelete"] | None = Field(
        default=None,
        description=(
            "RollingUpdate replaces the pods, from the highest ordinal down; OnDelete waits until "
            "somebody deletes them. Left out: RollingUpdate."
        ),
    )
    rolling_update: RollingUpdate | None = Field(
        default=None, description="How far and how fast a RollingUpdate goes."
    )


class DisruptionBudget(Model):
    """The number of pods that a drained node may take away at a time."""

    RULES = (
        Rule(
            message="write either minAvailable or maxUnavailable",
            cel="has(self.minAvailable) != has(self.maxUnavailable)",
            holds=lambda budget: (budget.min_available is None) != (budget.max_unavailable is None),
        ),
    )

    min_available: Annotated[IntOrPercent, _NOT_NEGATIVE] | None = Field(
        default=None, description="How many pods must stay, as a number or a percentage."
    )
    max_unavailable: Annotated[IntOrPercent, _NOT_NEGATIVE] | None = Field(
        default=None, description="How many pods may be missing, as a number or a percentage."
    )


class RolloutFields(Model):
    """The fields of a spec that say how many pods there are and how they are replaced."""

    replicas: int = Field(
        default=1,
        ge=0,
        le=MAX_INT32,
        description=(
            "How many pods run the server. 0 keeps the name and the Service and runs none. Over "
            "HTTP, with more than 1, a server that keeps sessions in memory needs service: {type: "
            "ClusterIP, sessionAffinity: ClientIP}; a stateless one does not."
        ),
        json_schema_extra=INT32,
    )
    operating_mode: OperatingMode = Field(
        default="Running",
        description=(
            "Stopped ends all pods and keeps everything else: name, Services, volumes, replicas. "
            "Running brings them back."
        ),
    )
    min_ready_seconds: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT32,
        description="Seconds that a pod must have been ready to count as available. Left out: 0.",
        json_schema_extra=INT32,
    )
    update_strategy: UpdateStrategy = Field(
        default_factory=UpdateStrategy,
        description="How the pods come to run a changed spec, as in a StatefulSet.",
    )
    disruption_budget: DisruptionBudget | None = Field(
        default=None,
        description=(
            "How many pods a drained node may take away at a time: a PodDisruptionBudget. Left "
            "out: there is none."
        ),
    )
    restarted_at: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description=(
            'A time, such as "2026-03-01T12:00:00Z"; every change of it replaces the pods once, '
            "as an update does; so do an earlier time and its removal, as when GitOps drops it."
        ),
        json_schema_extra={"format": "date-time"},
    )

    @property
    def wanted_replicas(self) -> int:
        """The number of pods that there should be now."""
        return 0 if self.is_stopped else self.replicas

    @property
    def replicas_to_update(self) -> int:
        """The number of replicas that an update replaces without a deletion by hand."""
        if self.update_strategy.type == "OnDelete":
            return 0
        rolling = self.update_strategy.rolling_update
        return max(0, self.wanted_replicas - ((rolling and rolling.partition) or 0))

    @property
    def replicas_that_may_miss(self) -> int:
        """The number of replicas that an update may take away, as a StatefulSet counts them."""
        rolling = self.update_strategy.rolling_update
        allowed = rolling.max_unavailable if rolling else None
        if isinstance(allowed, str):
            return max(1, self.replicas * int(allowed.rstrip("%")) // 100)
        return 1 if allowed is None else allowed

    @property
    def is_stopped(self) -> bool:
        """True if the spec asks for no pods."""
        return self.operating_mode == "Stopped"
