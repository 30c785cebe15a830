"""Workloads as a table, as a page or as data, once or with each change."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.output import Table, age, clean, write_data, write_table

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import ContainerInfo, PortMapping, ServerInfo

_COLUMNS = ("NAME", "STATE", "REASON", "READY", "RESTARTS", "AGE", "URL")
_SERVER = ("SERVER", "ERA", "TOOLS", "VERIFICATION")
_WIDE = (*_SERVER, "TRANSPORT", "PORTS", "ISOLATION", "IMAGE", "STATUS")

watch_option = click.option(
    "-w", "--watch", is_flag=True, help="Go on with a line for each change, until Ctrl-C."
)


def write_infos(
    infos: "list[ContainerInfo]", output: str | None, *, with_namespace: bool = False
) -> None:
    """Print *infos* in one of the forms of `-o`."""
    if output in ("json", "yaml"):
        write_data(infos, output)
    elif output == "name":
        for info in infos:
            click.echo(info.id)
    elif not infos:
        click.echo("there are no workloads", err=True)
    else:
        columns = columns_of(output, with_namespace=with_namespace)
        write_table(columns, (cells(info, columns) for info in infos))


def columns_of(output: str | None, *, with_namespace: bool) -> tuple[str, ...]:
    """Return the columns of a table for people."""
    first = ("NAMESPACE",) if with_namespace else ()
    return (*first, *_COLUMNS, *(_WIDE if output == "wide" else ()))


def cells(info: "ContainerInfo", columns: Sequence[str]) -> list[str]:
    """Return the row of a workload under *columns*."""
    row = _row(info)
    return [row[column] for column in columns]


def _row(info: "ContainerInfo") -> dict[str, str]:
    return {
        "NAMESPACE": info.namespace,
        "NAME": info.name,
        "STATE": info.state,
        "REASON": info.reason,
        "READY": f"{info.ready_replicas}/{info.replicas}",
        "RESTARTS": str(info.restarts),
        "AGE": age(info.created),
        "URL": info.url,
        **_server_cells(info.server),
        "VERIFICATION": info.verification or "-",
        "TRANSPORT": info.transport,
        "PORTS": ",".join(_port(port) for port in info.ports),
        "ISOLATION": info.isolation or "-",
        "IMAGE": info.image,
        "STATUS": info.status,
    }


def _server_cells(server: "ServerInfo | None") -> dict[str, str]:
    if server is None:
        return dict.fromkeys(("SERVER", "ERA", "TOOLS"), "-")
    tools = "-" if server.tools_count is None else str(server.tools_count)
    return {"SERVER": identity_of(server) or "-", "ERA": server.era, "TOOLS": tools}


def identity_of(server: "ServerInfo") -> str:
    """Return name and version, as far as the server says them."""
    return f"{server.name} {server.version}".strip()


def _port(port: "PortMapping") -> str:
    leads = "" if port.host_port == port.container_port else f"{port.host_port}->"
    return f"{leads}{port.container_port}/{port.protocol}"


def write_page(info: "ContainerInfo") -> None:
    """Print one workload, a line for each of its properties."""
    lines = {
        "Id": info.id,
        "State": info.state,
        "Status": info.status,
        "Ready": f"{info.ready_replicas} of {info.replicas}",
        "Restarts": str(info.restarts),
        "Created": f"{info.created:%Y-%m-%d %H:%M:%S %Z} ({age(info.created)} ago)",
        "Image": info.image,
        "Transport": info.transport,
        "Ports": ", ".join(_port(port) for port in info.ports),
        "URL": info.url,
        "Isolation": info.isolation,
        "Verified": info.verification,
        **(_server_lines(info.server) if info.server is not None else {}),
        "Labels": ", ".join(f"{key}={value}" for key, value in sorted(info.labels.items())),
    }
    for title, text in lines.items():
        click.echo(f"{title + ':':<12}{clean(text) or '-'}")


def _server_lines(server: "ServerInfo") -> dict[str, str]:
    others = {"prompts": server.prompts_count, "resources": server.resources_count}
    counts = [f"{count} {word}" for word, count in others.items() if count is not None]
    tools = "" if server.tools_count is None else str(server.tools_count)
    title = f" ({server.title})" if server.title else ""
    versions = ", ".join(server.supported_versions)
    return {
        "Server": f"{identity_of(server)}{title}",
        "Protocol": f"{server.protocol_version} ({server.era}{versions and f'; {versions}'})",
        "Tools": f"{tools} {server.tools_digest}".strip(),
        "Offers": ", ".join((*server.capabilities, *counts)),
    }


async def watch_workloads(
    cluster: "Cluster", namespace: str, query: dict[str, str], output: str | None
) -> None:
    """Print all workloads of a namespace, or of all, then each that changes; never ends."""
    show = _Printer(output, with_namespace=not namespace)
    async with aclosing(cluster.watch(namespace, query)) as steps:
        async for seen in steps:
            if seen.is_gone:
                for info in seen.infos:
                    click.echo(f"{info.id} is gone", err=True)
            else:
                show(seen.infos)


class _Printer:
    """Prints workloads as they come: a table that grows, or one document after the other."""

    def __init__(self, output: str | None, *, with_namespace: bool) -> None:
        self._output = output
        self._columns = columns_of(output, with_namespace=with_namespace)
        self._table: Table | None = None
        self._shown: dict[str, list[str]] = {}

    def __call__(self, infos: "list[ContainerInfo]") -> None:
        if self._output in ("json", "yaml", "name"):
            for info in infos:
                _write_document(info, self._output)
            return
        rows = {info.id: cells(info, self._columns) for info in infos}
        if self._table is None:
            self._table = Table(self._columns, rows.values())
            lines = self._table.lines()
        else:
            # What changed may be in no column.
            lines = [self._table.line(row) for key, row in rows.items() if self._is_news(key, row)]
        self._shown |= rows
        for line in lines:
            click.echo(line, color=True)

    def _is_news(self, key: str, row: list[str]) -> bool:
        age = self._columns.index("AGE")
        before = self._shown.get(key, [])
        return before[:age] + before[age + 1 :] != row[:age] + row[age + 1 :]


def _write_document(info: "ContainerInfo", output: str) -> None:
    if output == "name":
        click.echo(info.id)
        return
    if output == "yaml":
        click.echo("---")
    write_data(info, output)
