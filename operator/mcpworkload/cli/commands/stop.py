"""The command `stop`."""

from typing import TYPE_CHECKING

import click

from mcpworkload.cli.each_workload import READY_SECONDS, do_to_each, goes_on
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, timeout_option, workloads_argument
from mcpworkload.cli.progress import Reporter

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster


@click.command()
@workloads_argument
@timeout_option(READY_SECONDS)
@cluster_options
def stop(invocation: Invocation, workloads: tuple[str, ...], timeout: float | None) -> None:
    """
    End the pods of workloads; returns when they are gone.

    Names, Services, volumes and the number of replicas stay.
    """

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        await cluster.runtime.stop_workload(name, timeout=timeout, progress=report)
        return f"{name} is stopped"

    do_to_each(
        invocation,
        workloads,
        act,
        goes_on("still stopping in the cluster; `wait --for=stopped` follows it"),
    )


COMMAND = stop
