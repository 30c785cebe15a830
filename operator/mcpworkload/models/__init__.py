"""
The one definition of an MCPWorkload: its spec, its status, and what makes them valid.

The operator parses with these models, and the CRD is generated from them. Names are
snake_case here and camelCase only as aliases; parts taken from Kubernetes (env entries,
resources) stay plain data. Nothing here talks to anybody.
"""

from mcpworkload.models.network import Port, Transport, TransportType
from mcpworkload.models.patch import PatchOperation
from mcpworkload.models.rollout import DisruptionBudget, UpdateStrategy
from mcpworkload.models.rules import NAME_RULES
from mcpworkload.models.server import PROBE_HANDLERS
from mcpworkload.models.spec import WorkloadSpec
from mcpworkload.models.status import (
    STATUS_DEFAULT,
    Condition,
    ConditionStatus,
    ContainerRecord,
    LastTermination,
    PodRecord,
    WorkloadStatus,
)
from mcpworkload.models.stdio import (
    DEFAULT_IDLE_TIMEOUT,
    DEFAULT_MAX_SESSIONS,
    DEFAULT_REQUEST_TIMEOUT,
    Bridge,
    StdioOptions,
    seconds_of,
)
from mcpworkload.models.workload import Workload

__all__ = [
    "DEFAULT_IDLE_TIMEOUT",
    "DEFAULT_MAX_SESSIONS",
    "DEFAULT_REQUEST_TIMEOUT",
    "NAME_RULES",
    "PROBE_HANDLERS",
    "STATUS_DEFAULT",
    "Bridge",
    "Condition",
    "ConditionStatus",
    "ContainerRecord",
    "DisruptionBudget",
    "LastTermination",
    "PatchOperation",
    "PodRecord",
    "Port",
    "StdioOptions",
    "Transport",
    "TransportType",
    "UpdateStrategy",
    "Workload",
    "WorkloadSpec",
    "WorkloadStatus",
    "seconds_of",
]
