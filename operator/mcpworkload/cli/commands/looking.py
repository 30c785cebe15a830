"""What workloads there are, and how they are."""

from typing import TYPE_CHECKING

import click

from mcpworkload.cli.options import cluster_options, output_option, workload_argument
from mcpworkload.cli.output import age, clean, write_data, write_table
from mcpworkload.cli.session import Session

if TYPE_CHECKING:
    from mcpworkload.runtime import ContainerInfo, PortMapping

_COLUMNS = ("NAME", "STATE", "REASON", "READY", "RESTARTS", "AGE", "URL")
_WIDE = ("TRANSPORT", "PORTS", "IMAGE", "STATUS")


@click.command("list")
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of every namespace.")
@output_option()
@cluster_options
def list_(session: Session, all_namespaces: bool, output: str | None) -> None:
    """
    List the workloads.

    With -o name, as NAMESPACE/NAME, which every other command takes.
    """
    infos = session.run(
        lambda cluster: cluster.runtime.list_workloads(all_namespaces=all_namespaces)
    )
    write_infos(infos, output, with_namespace=all_namespaces)


@click.command()
@workload_argument
@output_option()
@cluster_options
def get(session: Session, workload: str, output: str | None) -> None:
    """
    Show a workload as it is now.

    The MCPWorkload itself, as it is written: kubectl get mcpw NAME -o yaml.
    """
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
        first = ("NAMESPACE",) if with_namespace else ()
        columns = (*first, *_COLUMNS, *(_WIDE if output == "wide" else ()))
        rows = [_row(info) for info in infos]
        write_table(columns, ([row[column] for column in columns] for row in rows))


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


COMMANDS = {"list": list_, "get": get}
