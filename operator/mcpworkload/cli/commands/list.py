"""The command `list`."""

from typing import TYPE_CHECKING

import click

from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, output_option
from mcpworkload.cli.workload_table import watch_option, watch_workloads, write_infos

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

selector_option = click.option(
    "-l",
    "--selector",
    metavar="SELECTOR",
    default="",
    help="Only workloads with these labels, such as team=weather,tier!=test.",
)


@click.command("list")
@click.option("-A", "--all-namespaces", is_flag=True, help="The workloads of every namespace.")
@selector_option
@watch_option
@output_option()
@cluster_options
def list_(
    invocation: Invocation, all_namespaces: bool, selector: str, watch: bool, output: str | None
) -> None:
    """
    List the workloads.

    -o name prints NAMESPACE/NAME, which every other command takes.
    """
    query = {"labelSelector": selector} if selector else {}
    if not watch:
        infos = invocation.run(lambda cluster: cluster.workloads(query, everywhere=all_namespaces))
        write_infos(infos, output, with_namespace=all_namespaces)
        return

    async def work(cluster: "Cluster") -> None:
        namespace = "" if all_namespaces else cluster.namespace
        await watch_workloads(cluster, namespace, query, output)

    invocation.follow(work)


COMMAND = list_
