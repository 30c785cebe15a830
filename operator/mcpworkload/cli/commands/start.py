"""The command `start`."""

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
def start(invocation: Invocation, workloads: tuple[str, ...], timeout: float | None) -> None:
    """Bring stopped workloads back; returns when they are ready."""

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        await cluster.runtime.start_workload(name, timeout=timeout, progress=report)
        return f"{name} is ready"

    do_to_each(
        invocation, workloads, act, goes_on("still starting in the cluster; `wait` follows it")
    )


COMMAND = start
