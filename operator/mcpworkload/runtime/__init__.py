"""
MCP servers on Kubernetes as a library: deploy, list, stop, remove, read, attach.

    async with await KubernetesRuntime.from_environment() as runtime:
        workload, port = await runtime.deploy_workload("ghcr.io/acme/weather:1.4", "weather")

`docs/library.md` has an example of each method.
"""

from mcpworkload.runtime.attachment import ContainerAttachment
from mcpworkload.runtime.building import build_workload
from mcpworkload.runtime.channels import Output
from mcpworkload.runtime.environment import is_kubernetes_runtime
from mcpworkload.runtime.errors import (
    RightsMissing,
    RuntimeClosed,
    RuntimeUnavailable,
    WaitTimedOut,
    WorkloadConflict,
    WorkloadError,
    WorkloadInvalid,
    WorkloadNotFound,
    WorkloadNotReady,
    WorkloadNotRunning,
)
from mcpworkload.runtime.forwarding import WorkloadForward
from mcpworkload.runtime.happenings import (
    Happening,
    WorkloadEvicted,
    WorkloadExited,
    WorkloadRemoved,
    WorkloadRestarted,
)
from mcpworkload.runtime.instances import Instance
from mcpworkload.runtime.kubernetes import KubernetesRuntime
from mcpworkload.runtime.lines import LogLine
from mcpworkload.runtime.monitor import Monitor
from mcpworkload.runtime.profiles import (
    InboundRules,
    NetworkRules,
    OutboundRules,
    PermissionProfile,
)
from mcpworkload.runtime.protocol import Attachment, Runtime
from mcpworkload.runtime.sync import SyncRuntime
from mcpworkload.runtime.types import (
    ContainerInfo,
    DeployWorkloadOptions,
    Mount,
    PermissionConfig,
    PortBinding,
    PortMapping,
    Progress,
    ProgressCallback,
    State,
    new_deploy_workload_options,
)

__all__ = [
    "Attachment",
    "ContainerAttachment",
    "ContainerInfo",
    "DeployWorkloadOptions",
    "Happening",
    "InboundRules",
    "Instance",
    "KubernetesRuntime",
    "LogLine",
    "Monitor",
    "Mount",
    "NetworkRules",
    "OutboundRules",
    "Output",
    "PermissionConfig",
    "PermissionProfile",
    "PortBinding",
    "PortMapping",
    "Progress",
    "ProgressCallback",
    "RightsMissing",
    "Runtime",
    "RuntimeClosed",
    "RuntimeUnavailable",
    "State",
    "SyncRuntime",
    "WaitTimedOut",
    "WorkloadConflict",
    "WorkloadError",
    "WorkloadEvicted",
    "WorkloadExited",
    "WorkloadForward",
    "WorkloadInvalid",
    "WorkloadNotFound",
    "WorkloadNotReady",
    "WorkloadNotRunning",
    "WorkloadRemoved",
    "WorkloadRestarted",
    "build_workload",
    "is_kubernetes_runtime",
    "new_deploy_workload_options",
]
