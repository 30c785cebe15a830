"""Where an MCP server listens, and how it is told to."""

from mcpworkload.models import TransportType, Workload
from mcpworkload.names import service_name

_DEFAULT_PATHS: dict[TransportType, str] = {"streamable-http": "/mcp", "sse": "/sse"}
ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - inside the pod's own network namespace


def server_url(workload: Workload) -> str:
    """The URL under which clients inside the cluster reach the server, by the Service for them."""
    transport = workload.spec.transport
    path = transport.path or _DEFAULT_PATHS[transport.type]
    has_own = workload.spec.service.has_own_service
    host = service_name(workload.name) if has_own else workload.name
    return f"http://{host}.{workload.namespace}.svc:{transport.port}{path}"


def transport_environment(workload: Workload) -> dict[str, str]:
    """
    The variables from which the usual server frameworks learn where to listen.

    There is no standard one, so each common spelling is set.
    """
    transport = workload.spec.transport
    port = str(transport.port)
    return {
        "MCP_TRANSPORT": transport.type,
        "MCP_PORT": port,
        "MCP_HOST": ALL_INTERFACES,
        "FASTMCP_PORT": port,
        "FASTMCP_HOST": ALL_INTERFACES,
        "PORT": port,
        "HOST": ALL_INTERFACES,
    }
