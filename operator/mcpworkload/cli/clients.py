"""Pure: the entry for a workload in the configuration of an MCP client."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from mcpworkload.cli.target import Target

Client = Literal["claude", "vscode", "cursor"]
CLIENTS: Final[tuple[Client, ...]] = ("claude", "vscode", "cursor")
# Under which key a client keeps its servers.
_KEYS: Final[Mapping[Client, str]] = {
    "claude": "mcpServers",
    "vscode": "servers",
    "cursor": "mcpServers",
}


def config_of(client: Client, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client's file with that one server, whose *entry* is a command or a URL."""
    return {_KEYS[client]: {name: dict(entry)}}


def command_entry(client: Client, workload: str, target: Target) -> dict[str, Any]:
    """Return a server that the client starts by attaching to *workload*."""
    args = ["attach", workload]
    if target.context is not None:
        args += ["--context", target.context]
    if target.kubeconfig is not None:
        args += ["--kubeconfig", target.kubeconfig]
    kind = {"type": "stdio"} if client == "vscode" else {}
    return {**kind, "command": "mcpworkload", "args": args}


def url_entry(client: Client, url: str, *, speaks_sse: bool) -> dict[str, Any]:
    """Return a server that listens; Cursor detects its transport by itself."""
    if client == "cursor":
        return {"url": url}
    return {"type": "sse" if speaks_sse else "http", "url": url}
