"""Pure: an MCPWorkload, as the API server sends it, as values for a caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from mcpworkload.api.reasons import AcceptedReason
from mcpworkload.kube.keys import object_key
from mcpworkload.runtime.types import ContainerInfo, PortMapping, ServerInfo, State

_NOT_ACCEPTED = frozenset(AcceptedReason) - {AcceptedReason.ACCEPTED}
# Reasons of Ready that pass by themselves.
_PASSING = frozenset({"", "Starting", "Updating", "Pending"})
# The default of schema and builder.
_DEFAULT_PORT = 8080


@dataclass(frozen=True)
class Verdict:
    """The condition Ready, and what others add to it, for the newest generation only."""

    is_ready: bool
    #: No look before the spec changes: waiting cannot help.
    is_stalled: bool
    is_available: bool
    reason: str
    message: str
    #: The reason of the condition Isolated; empty where there is none.
    isolation: str = ""
    #: The reason of the condition Verified; empty where there is none.
    verification: str = ""


def verdict_of(workload: Mapping[str, Any]) -> Verdict:
    """Return the condition Ready of *workload*; one about an older generation does not count."""
    generation = workload["metadata"].get("generation", 0)
    status = workload.get("status") or {}
    is_seen = status.get("observedGeneration", -1) >= generation
    conditions = {
        condition["type"]: condition
        for condition in status.get("conditions") or ()
        if condition.get("observedGeneration", generation) >= generation
    }
    ready = conditions.get("Ready", {})
    if not is_seen or not ready:
        words = "the operator has not acted upon it yet"
        return Verdict(False, False, _is_true(conditions.get("Available")), "", words)
    return Verdict(
        is_ready=_is_true(ready),
        is_stalled=_is_true(conditions.get("Stalled")),
        is_available=_is_true(conditions.get("Available")),
        reason=ready.get("reason", ""),
        message=ready.get("message", ""),
        isolation=conditions.get("Isolated", {}).get("reason", ""),
        verification=conditions.get("Verified", {}).get("reason", ""),
    )


def _is_true(condition: Mapping[str, Any] | None) -> bool:
    return condition is not None and condition.get("status") == "True"


def info_of(workload: Mapping[str, Any], started_at: datetime | None = None) -> ContainerInfo:
    """Return the workload for users of the library; *started_at* comes from its pods."""
    metadata, spec = workload["metadata"], workload["spec"]
    status = workload.get("status") or {}
    verdict = verdict_of(workload)
    return ContainerInfo(
        id=object_key(metadata["namespace"], metadata["name"]),
        name=metadata["name"],
        namespace=metadata["namespace"],
        image=spec["image"],
        status=f"{verdict.reason}: {verdict.message}" if verdict.reason else verdict.message,
        state=_state_of(workload, verdict),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        labels=dict(metadata.get("labels") or {}),
        ports=ports_of(spec),
        transport=spec["transport"]["type"],
        url=status.get("url", ""),
        replicas=spec.get("replicas", 1),
        ready_replicas=status.get("readyReplicas", 0),
        restarts=status.get("restarts", 0),
        reason=verdict.reason,
        started_at=started_at,
        isolation=verdict.isolation,
        verification=verdict.verification,
        server=_server_of(status.get("server")),
    )


def _server_of(server: Mapping[str, Any] | None) -> ServerInfo | None:
    if not server:
        return None
    tools: Mapping[str, Any] = server.get("tools") or {}
    return ServerInfo(
        era=server["era"],
        protocol_version=server.get("protocolVersion", ""),
        supported_versions=tuple(server.get("supportedVersions") or ()),
        name=server.get("name", ""),
        title=server.get("title", ""),
        version=server.get("version", ""),
        instructions_length=server.get("instructionsLength", 0),
        capabilities=tuple(server.get("capabilities") or ()),
        tools_count=tools.get("count"),
        tools_digest=tools.get("digest", ""),
        prompts_count=(server.get("prompts") or {}).get("count"),
        resources_count=(server.get("resources") or {}).get("count"),
    )


def is_stopped(workload: Mapping[str, Any]) -> bool:
    """Return whether the spec asks for no pods, by `operatingMode: Stopped`."""
    return bool(workload["spec"].get("operatingMode") == "Stopped")


def is_served(spec: Mapping[str, Any]) -> bool:
    """Return whether anything listens; a stdio server without a bridge has its streams alone."""
    transport = spec["transport"]
    bridge = (transport.get("stdio") or {}).get("bridge")
    return transport["type"] != "stdio" or bridge != "None"


def local_url(workload: Mapping[str, Any], port: int) -> str:
    """Return the server's URL for clients of this machine, where *port* leads to it."""
    transport = workload["spec"]["transport"]
    told = urlsplit((workload.get("status") or {}).get("url", ""))
    scheme = transport.get("scheme", "HTTP").lower()
    return f"{scheme}://127.0.0.1:{port}{told.path or transport.get('path') or '/mcp'}"


def transport_port_of(spec: Mapping[str, Any]) -> int:
    """Return the port on which the server listens; 0 where it does not listen."""
    if not is_served(spec):
        return 0
    port: int = spec["transport"].get("port", _DEFAULT_PORT)
    return port


def ports_of(spec: Mapping[str, Any]) -> tuple[PortMapping, ...]:
    """Return the container's ports with their Service ports; the transport's first, if any."""
    transport = transport_port_of(spec)
    # A headless Service translates nothing.
    translates = (spec.get("service") or {}).get("type", "Headless") != "Headless"
    further = (
        PortMapping(
            port["port"],
            port.get("servicePort", port["port"]) if translates else port["port"],
            port.get("protocol", "TCP").lower(),
        )
        for port in spec.get("ports") or ()
    )
    own = (PortMapping(transport, transport),) if transport else ()
    return (*own, *further)


def _state_of(workload: Mapping[str, Any], verdict: Verdict) -> State:
    if workload["metadata"].get("deletionTimestamp"):
        return "removing"
    if is_stopped(workload) or workload["spec"].get("replicas", 1) == 0:
        # What is not accepted does not end by itself: it has nothing left to end.
        refused = verdict.is_stalled or verdict.reason in _NOT_ACCEPTED
        return "stopped" if verdict.is_ready else "failed" if refused else "stopping"
    if verdict.is_available or verdict.is_ready:
        return "running"
    return "starting" if verdict.reason in _PASSING and not verdict.is_stalled else "failed"
