"""The command `wait`."""

from typing import TYPE_CHECKING

import click

from mcpworkload.cli.each_workload import READY_SECONDS, do_to_each
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, timeout_option, workloads_argument
from mcpworkload.cli.progress import Reporter

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import Goal


@click.command()
@workloads_argument
@click.option(
    "--for",
    "goal",
    type=click.Choice(["ready", "stopped", "removed"]),
    default="ready",
    show_default=True,
    help="What to wait for; a workload that is stopped as asked for is ready, too.",
)
@timeout_option(READY_SECONDS)
@cluster_options
def wait(
    invocation: Invocation, workloads: tuple[str, ...], goal: "Goal", timeout: float | None
) -> None:
    """
    Wait until workloads are ready, stopped or removed.

    Ends at once with exit code 4 where waiting cannot help.
    """

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        await cluster.runtime.wait_for_workload(name, goal, timeout=timeout, progress=report)
        return f"{name} is {goal}"

    do_to_each(invocation, workloads, act, lambda _: "nothing was changed by waiting")


COMMAND = wait
