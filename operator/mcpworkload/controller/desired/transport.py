"""Compute where an MCP server listens, and the variables that make it listen there."""

from collections.abc import Mapping
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.names import service_name
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.transport import Transport
from mcpworkload.api.workload import Workload

_DEFAULT_PATHS = {"streamable-http": "/mcp", "sse": "/sse"}
ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - inside the pod's own network namespace


def server_url(workload: Workload) -> str:
    """
    Return the URL under which clients inside the cluster reach the server, by the Service for them.

    Empty for a stdio server without a bridge, which is not served.
    """
    if workload.spec.bridge is Bridge.NONE:
        return ""
    transport = workload.spec.transport
    path = endpoint_path(transport)
    has_own = workload.spec.service.has_own_service
    host = service_name(workload.name) if has_own else workload.name
    scheme = transport.scheme.lower()
    return f"{scheme}://{host}.{workload.namespace}.svc:{transport.port}{path}"


def endpoint_path(transport: Transport) -> str:
    """Return the path of the MCP endpoint; where there are two, that of the newer transport."""
    spoken = transport.stdio.served[0] if transport.type == "stdio" else transport.type
    return transport.path or _DEFAULT_PATHS[spoken]


def with_scheme(handler: Mapping[str, Any], transport: Transport) -> dict[str, Any]:
    """
    Return *handler*, a probe's or a hook's, with the server's scheme in its HTTP request.

    A request that names a scheme, another host or another port stays as it is, and so does plain
    HTTP, Kubernetes' default.
    """
    request = handler.get("httpGet") or {}
    ports = (transport.port, str(transport.port), names.TRANSPORT_PORT)
    is_plain = transport.scheme == "HTTP"
    if is_plain or request.get("port") not in ports or request.get("scheme") or request.get("host"):
        return dict(handler)
    return {**handler, "httpGet": {**request, "scheme": transport.scheme}}


def host_names(workload: Workload) -> list[str]:
    """
    Return the names of the Services that lead to the server.

    The name of the second Service is always among them: adding that Service later restarts no pod.
    """
    alias = workload.spec.service.headless_alias
    names = [workload.name, service_name(workload.name), *([alias] if alias else [])]
    return list(dict.fromkeys(names))


def transport_environment(workload: Workload) -> dict[str, str]:
    """
    Return the variables by which the usual server frameworks choose where to listen.

    No variable is standard, so each common one is set; none for a server that does not listen.
    """
    transport = workload.spec.transport
    if transport.type == "stdio":
        return {}
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
