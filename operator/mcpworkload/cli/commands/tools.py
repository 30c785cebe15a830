"""The command `tools`."""

from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.mcp_client import data_of, replica_option, talk
from mcpworkload.cli.options import cluster_options, output_option, workload_argument
from mcpworkload.cli.output import write_data, write_table

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster


@click.command()
@workload_argument
@replica_option
@output_option("json", "yaml", "name")
@cluster_options
def tools(invocation: Invocation, workload: str, replica: int | None, output: str | None) -> None:
    """List the tools that a server offers."""

    async def work(cluster: "Cluster") -> list[dict[str, Any]]:
        async with talk(cluster, workload, replica) as client:
            return [data_of(tool) for tool in (await client.list_tools()).tools]

    found = invocation.run(work)
    if output in ("json", "yaml"):
        write_data(found, output)
    elif output == "name":
        click.echo("\n".join(tool["name"] for tool in found))
    else:
        rows = ((tool["name"], _summary(tool)) for tool in found)
        write_table(("NAME", "DESCRIPTION"), rows)


def _summary(tool: dict[str, Any]) -> str:
    lines = tool.get("description", "").strip().splitlines()
    return lines[0] if lines else ""


COMMAND = tools
