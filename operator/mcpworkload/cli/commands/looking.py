"""What workloads there are, and how they are."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.options import cluster_options, output_option, workload_argument
from mcpworkload.cli.output import Table, age, clean, write_data, write_table
from mcpworkload.cli.session import Session

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import ContainerInfo, PortMapping

_COLUMNS = ("NAME", "STATE", "REASON", "READY", "RESTARTS", "AGE", "URL")
_WIDE = ("TRANSPORT", "PORTS", "IMAGE", "STATUS")


selector_option = click.option(
    "-l",
    "--selector",
    metavar="SELECTOR",
    default="",
    help="Only those with these labels, such as team=weather,tier!=test.",
)
watch_option = click.option(
    "-w", "--watch", is_flag=True, help="Go on with a line for each change, until Ctrl-C."
)


@click.command("list")
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of every namespace.")
@selector_option
@watch_option
@output_option()
@cluster_options
def list_(
    session: Session, all_namespaces: bool, selector: str, watch: bool, output: str | None
) -> None:
    """
    List the workloads.

    With -o name, as NAMESPACE/NAME, which every other command takes.
    """
    query = {"labelSelector": selector} if selector else {}
    if not watch:
        infos = session.run(lambda cluster: cluster.workloads(query, everywhere=all_namespaces))
        write_infos(infos, output, with_namespace=all_namespaces)
        return

    async def work(cluster: "Cluster") -> None:
        namespace = "" if all_namespaces else cluster.namespace
        await watch_workloads(cluster, namespace, query, output)

    session.follow(work)


@click.command()
@workload_argument
@watch_option
@output_option()
@cluster_options
def get(session: Session, workload: str, watch: bool, output: str | None) -> None:
    """
    Show a workload as it is now.

    The MCPWorkload itself, as it is written: kubectl get mcpw NAME -o yaml.
    """
    if watch:
        session.follow(lambda cluster: watch_workload(cluster, workload, output))
        return
    info = session.run(lambda cluster: cluster.runtime.get_workload_info(workload))
    if output in ("json", "yaml"):
        write_data(info, output)
    elif output is None:
        _write_page(info)
    else:
        write_infos([info], output)


def write_infos(
    infos: "list[ContainerInfo]", output: str | None, *, with_namespace: bool = False
) -> None:
    """*infos* in one of the forms of `-o`."""
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
    """The columns of a table for people."""
    first = ("NAMESPACE",) if with_namespace else ()
    return (*first, *_COLUMNS, *(_WIDE if output == "wide" else ()))


def cells(info: "ContainerInfo", columns: Sequence[str]) -> list[str]:
    """The row of a workload under *columns*."""
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
        "TRANSPORT": info.transport,
        "PORTS": ",".join(_port(port) for port in info.ports),
        "IMAGE": info.image,
        "STATUS": info.status,
    }


def _port(port: "PortMapping") -> str:
    leads = "" if port.host_port == port.container_port else f"{port.host_port}->"
    return f"{leads}{port.container_port}/{port.protocol}"


def _write_page(info: "ContainerInfo") -> None:
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
        "Labels": ", ".join(f"{key}={value}" for key, value in sorted(info.labels.items())),
    }
    for title, text in lines.items():
        click.echo(f"{title + ':':<12}{clean(text) or '-'}")


async def watch_workload(cluster: "Cluster", workload: str, output: str | None) -> None:
    """Print one workload, and again with each change; never ends by itself."""
    found = await cluster.find(workload)
    query = {"fieldSelector": f"metadata.name={found.name}"}
    await watch_workloads(cluster, found.namespace, query, output)


async def watch_workloads(
    cluster: "Cluster", namespace: str, query: dict[str, str], output: str | None
) -> None:
    """Print all workloads of a namespace, or of all, then each that changes; never ends."""
    from mcpworkload.runtime.connection import workloads_path
    from mcpworkload.runtime.reading import info_of
    from mcpworkload.runtime.watching import Changed, observe

    show = _Printer(output, with_namespace=not namespace)
    changes = observe(cluster.connection, workloads_path(namespace), query)
    async with aclosing(changes) as states:
        async for state in states:
            if not isinstance(state, Changed):
                infos = sorted(map(info_of, state.objects), key=lambda info: info.id)
                show(infos)
            elif state.is_deleted:
                click.echo(f"{info_of(state.object).id} is gone", err=True)
            else:
                show([info_of(state.object)])


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


COMMANDS = {"list": list_, "get": get}
