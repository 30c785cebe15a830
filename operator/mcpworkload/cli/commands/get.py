"""The command `get`."""

from typing import TYPE_CHECKING

import click

from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, output_option, workload_argument
from mcpworkload.cli.output import write_data
from mcpworkload.cli.workload_table import watch_option, watch_workloads, write_infos, write_page

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster


@click.command()
@workload_argument
@watch_option
@output_option()
@cluster_options
def get(invocation: Invocation, workload: str, watch: bool, output: str | None) -> None:
    """
    Show a workload as it is now.

    `kubectl get mcpw NAME -o yaml` prints the MCPWorkload itself.
    """
    if watch:
        invocation.follow(lambda cluster: _watch(cluster, workload, output))
        return
    info = invocation.run(lambda cluster: cluster.runtime.get_workload_info(workload))
    if output in ("json", "yaml"):
        write_data(info, output)
    elif output is None:
        write_page(info)
    else:
        write_infos([info], output)


async def _watch(cluster: "Cluster", workload: str, output: str | None) -> None:
    """Print one workload, and again with each change; never ends by itself."""
    found = await cluster.find(workload)
    query = {"fieldSelector": f"metadata.name={found.name}"}
    await watch_workloads(cluster, found.namespace, query, output)


COMMAND = get
