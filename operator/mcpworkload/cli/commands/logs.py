"""The command `logs`."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.durations import Duration
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import (
    cluster_options,
    container_option,
    replica_option,
    workload_argument,
)

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import LogArguments


@click.command()
@workload_argument
@click.option(
    "-f", "--follow", is_flag=True, help="Go on, across restarts, until the workload ends."
)
@click.option(
    "--tail", type=click.IntRange(min=0), metavar="LINES", help="Only the last lines of each pod."
)
@click.option(
    "--since",
    metavar="DURATION",
    type=Duration(),
    help="Only lines younger than this, such as 10m.",
)
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option("-p", "--previous", is_flag=True, help="The output from before the last restart.")
@container_option
@replica_option
@cluster_options
def logs(
    invocation: Invocation,
    workload: str,
    follow: bool,
    tail: int | None,
    since: float | None,
    timestamps: bool,
    previous: bool,
    container: str | None,
    replica: int | None,
) -> None:
    """
    Print the output of a server.

    With several replicas, each line names its pod.
    """
    which: LogArguments = {
        "container": container,
        "pod": replica,
        "tail": tail,
        "since": since,
        "timestamps": timestamps,
        "previous": previous,
    }

    async def work(cluster: "Cluster") -> None:
        if follow:
            await _follow(cluster, workload, which)
        else:
            click.echo(await cluster.runtime.get_workload_logs(workload, **which), nl=False)

    if follow:
        invocation.follow(work)
    else:
        invocation.run(work)


async def _follow(cluster: "Cluster", workload: str, which: "LogArguments") -> None:
    info = await cluster.runtime.get_workload_info(workload)
    says_pod = info.replicas > 1 and which.get("pod") is None
    lines = await cluster.runtime.get_workload_logs(workload, True, **which)
    async with aclosing(lines):
        async for line in lines:
            click.echo(f"[{line.pod}] {line}" if says_pod else str(line))


COMMAND = logs
