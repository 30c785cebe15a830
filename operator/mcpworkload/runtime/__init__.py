"""
MCP servers on Kubernetes as a library: deploy, list, stop, remove, read, attach.

    async with await KubernetesRuntime.from_environment() as runtime:
        workload, port = await runtime.deploy_workload("ghcr.io/acme/weather:1.4", "weather")

`KubernetesRuntime` (in `kubernetes`) is the entry point, `SyncRuntime` (in `sync`) the same for
callers without an event loop, and `Runtime` (in `interface`) what any implementation promises.
`checking` applies the table of `arguments` to every method; `manifest` builds the MCPWorkload,
`lifecycle` and `removal` write it and wait, `info` and `readiness` read what became of it.
`logs` and `log_follow` read what containers print, `attachment` has their streams, `forwarding`
their port, and `monitor` reports `events`. `connection` is the way to the API server.

What this module exports is public; `docs/library.md` has an example of each method.
"""

from mcpworkload.runtime.attachment import ContainerAttachment
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
from mcpworkload.runtime.events import (
    Happening,
    ToolsChanged,
    WorkloadEvent,
    WorkloadEvicted,
    WorkloadExited,
    WorkloadRemoved,
    WorkloadRestarted,
    WorkloadUnverified,
    WorkloadVerified,
)
from mcpworkload.runtime.forwarding import WorkloadForward
from mcpworkload.runtime.instances import Instance
from mcpworkload.runtime.interface import Attachment, Runtime
from mcpworkload.runtime.kubernetes import KubernetesRuntime
from mcpworkload.runtime.lines import LogLine
from mcpworkload.runtime.logs import LogArguments
from mcpworkload.runtime.manifest import build_workload
from mcpworkload.runtime.monitor import Monitor
from mcpworkload.runtime.profiles import (
    ConfigMapKey,
    InboundRules,
    NetworkRules,
    OutboundRules,
    PermissionProfile,
)
from mcpworkload.runtime.sync import SyncRuntime
from mcpworkload.runtime.types import (
    ContainerInfo,
    DeployWorkloadOptions,
    Goal,
    Mount,
    PermissionConfig,
    PortBinding,
    PortMapping,
    Progress,
    ProgressCallback,
    ServerInfo,
    State,
    new_deploy_workload_options,
)

__all__ = [
    "Attachment",
    "ConfigMapKey",
    "ContainerAttachment",
    "ContainerInfo",
    "DeployWorkloadOptions",
    "Goal",
    "Happening",
    "InboundRules",
    "Instance",
    "KubernetesRuntime",
    "LogArguments",
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
    "ServerInfo",
    "State",
    "SyncRuntime",
    "ToolsChanged",
    "WaitTimedOut",
    "WorkloadConflict",
    "WorkloadError",
    "WorkloadEvent",
    "WorkloadEvicted",
    "WorkloadExited",
    "WorkloadForward",
    "WorkloadInvalid",
    "WorkloadNotFound",
    "WorkloadNotReady",
    "WorkloadNotRunning",
    "WorkloadRemoved",
    "WorkloadRestarted",
    "WorkloadUnverified",
    "WorkloadVerified",
    "build_workload",
    "is_kubernetes_runtime",
    "new_deploy_workload_options",
]
