"""The command `logs`."""

from collections.abc import Callable
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
@click.option(
    "--egress",
    is_flag=True,
    help="What the egress proxy of an isolated workload has refused, a line for each.",
)
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
    egress: bool,
    container: str | None,
    replica: int | None,
) -> None:
    """
    Print the output of a server.

    With several replicas, each line names its pod. --egress prints the log of the workload's egress
    proxy instead: what it has refused, and why.
    """
    which: LogArguments = {
        "container": container,
        "pod": replica,
        "tail": tail,
        "since": since,
        "timestamps": timestamps,
        "previous": previous,
        "egress": egress,
    }
    as_shown = _readable if egress else str

    async def work(cluster: "Cluster") -> None:
        if follow:
            await _follow(cluster, workload, which, as_shown)
        else:
            text = await cluster.runtime.get_workload_logs(workload, **which)
            click.echo("\n".join(map(as_shown, text.split("\n"))), nl=False)

    if follow:
        invocation.follow(work)
    else:
        invocation.run(work)


async def _follow(
    cluster: "Cluster", workload: str, which: "LogArguments", as_shown: Callable[[str], str]
) -> None:
    info = await cluster.runtime.get_workload_info(workload)
    # A new egress proxy begins before the old one ends.
    says_pod = (info.replicas > 1 and which.get("pod") is None) or which.get("egress")
    lines = await cluster.runtime.get_workload_logs(workload, True, **which)
    async with aclosing(lines):
        async for line in lines:
            shown = as_shown(str(line))
            click.echo(f"[{line.pod}] {shown}" if says_pod else shown)


def _readable(line: str) -> str:
    """Return a line of an egress proxy's log for people; as it is, where it is no denial."""
    from mcpworkload.api.egress_log import describe, parse_denial

    # A time or a pod may stand before the proxy's words.
    head, brace, rest = line.partition("{")
    denial = parse_denial(brace + rest)
    return line if denial is None else f"{head}{describe(denial)}"


COMMAND = logs
