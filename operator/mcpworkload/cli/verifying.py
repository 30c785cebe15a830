"""
The operator's own verification of a server, now and from here: through a port-forward to one pod.

A port-forward ends at the pod's 127.0.0.1. So it also reaches what listens there alone, which
neither the operator nor clients do.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.endpoint import endpoint_of

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster, Forward
    from mcpworkload.runtime import ServerInfo
    from mcpworkload.verification.finding import Finding, Server, ToolList
    from mcpworkload.verification.target import Kind, Target

Scheme = Literal["http", "https"]

_SECONDS: Final = 10.0
_REFUSED: Final = "connection refused"


async def ask(
    forward: "Forward", body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> "Finding":
    """
    Verify the server of *body*, an MCPWorkload, in the pod that *forward* leads to.

    Raises:
        WorkloadError: the port cannot be forwarded.
    """
    from mcpworkload.verification.exchange import open_session
    from mcpworkload.verification.probe import probe

    target = target_of(body, forward.port, headers or {})
    async with open_session() as session:
        finding = await probe(target, session=session, timeout=_seconds_for(body))
    return finding if finding.is_ok else _as_in_the_pod(finding, forward, body)


def complaint(finding: "Finding") -> str:
    """Return why the server cannot be used; empty where it can, be it with credentials."""
    from mcpworkload.verification.finding import Result

    is_usable = finding.result in (Result.HANDSHAKE_OK, Result.AUTH_REQUIRED)
    return "" if is_usable else finding.message


def target_of(body: Mapping[str, Any], port: int, headers: Mapping[str, str]) -> "Target":
    """Return where *port* of this machine leads, to be asked as clients in the cluster would."""
    from mcpworkload.verification.target import Target

    transport = body["spec"]["transport"]
    url = (body.get("status") or {}).get("url", "")
    endpoint = endpoint_of(url, transport)
    kind: Kind = "sse" if endpoint.speaks_sse else "streamable-http"
    return Target(
        host="127.0.0.1",
        port=port,
        scheme=cast("Scheme", endpoint.scheme),
        path=endpoint.path,
        kind="bridge" if transport["type"] == "stdio" else kind,
        authority=urlsplit(url).netloc,
        headers=headers,
    )


def _seconds_for(body: Mapping[str, Any]) -> float:
    from mcpworkload.api.durations import seconds_of

    timeout = (body["spec"].get("verification") or {}).get("timeout")
    return seconds_of(timeout) if timeout else _SECONDS


def _as_in_the_pod(finding: "Finding", forward: "Forward", body: Mapping[str, Any]) -> "Finding":
    """
    Return *finding* as the other end of the port-forward explains it.

    To a client here the connection only closes, whatever became of it in the pod.
    """
    from mcpworkload.runtime import WorkloadNotRunning
    from mcpworkload.runtime.info import transport_port_of
    from mcpworkload.verification.finding import Result

    if forward.error is None:
        return finding
    if not isinstance(forward.error, WorkloadNotRunning):
        raise forward.error
    if _REFUSED not in forward.error.message:
        return finding
    port = transport_port_of(body["spec"])
    words = f"nothing listens on port {port} of the pod: change transport.port, or the server"
    return replace(finding, result=Result.CONNECTION_REFUSED, message=words)


def server_info(server: "Server") -> "ServerInfo":
    """Return *server* in the form that the library has for the one in a status."""
    from mcpworkload.runtime import ServerInfo

    return ServerInfo(
        era=server.era,
        protocol_version=server.protocol_version,
        supported_versions=server.supported_versions,
        name=server.name,
        title=server.title,
        version=server.version,
        instructions_length=server.instructions_length,
        capabilities=server.capabilities,
        tools_count=None if server.tools is None else server.tools.count,
        tools_digest="" if server.tools is None else server.tools.digest,
        prompts_count=server.prompts,
        resources_count=server.resources,
    )


async def read_tools(
    cluster: "Cluster",
    workload: str,
    replica: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> "ToolList":
    """
    Return the tools of one ready pod, with their digest; *headers* let us in.

    Raises:
        Failure: it does not answer as an MCP server, or the list has no digest.
        WorkloadNotRunning: no pod is ready.
    """
    from mcpworkload.cli.mcp_client import forwarded, served

    info, body = await served(cluster, workload)
    async with forwarded(cluster, info, replica) as forward:
        finding = await ask(forward, body, headers)
    if finding.server is None:
        raise Failure(f"{info.id}: {finding.result}: {finding.message}", ExitCode.NOT_READY)
    if finding.server.tools is None:
        raise Failure(f"{info.id}: it offers no tools")
    if not finding.server.tools.digest:
        raise Failure(f"{info.id}: its list of tools is too long to be read to its end")
    return finding.server.tools
