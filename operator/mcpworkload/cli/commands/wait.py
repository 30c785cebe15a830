"""The command `wait`."""

from typing import TYPE_CHECKING

import click

from mcpworkload.cli.each_workload import READY_SECONDS, do_to_each
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, timeout_option, workloads_argument
from mcpworkload.cli.progress import Reporter

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime.lifecycle import Workload
    from mcpworkload.runtime.watching import Body, Objects


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
    invocation: Invocation, workloads: tuple[str, ...], goal: str, timeout: float | None
) -> None:
    """
    Wait until workloads are as they should be.

    Ends at once with exit code 4 where waiting cannot help.
    """

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        await _until(cluster, name, goal, timeout, report)
        return f"{name} is {goal}"

    do_to_each(invocation, workloads, act, lambda _: "nothing was changed by waiting")


async def _until(
    cluster: "Cluster", name: str, goal: str, seconds: float | None, report: Reporter
) -> None:
    from mcpworkload.runtime import WorkloadNotFound

    try:
        found = await cluster.find(name, report)
        if goal == "ready":
            # Of the spec as it is, whatever its generation.
            await found.until_ready(0, seconds)
        else:
            await _until_goal(found, goal, seconds)
    except WorkloadNotFound:
        if goal != "removed":
            raise


async def _until_goal(found: "Workload", goal: str, seconds: float | None) -> None:
    import asyncio

    from mcpworkload.runtime import WorkloadNotFound
    from mcpworkload.runtime.info import is_stopped, verdict_of

    def holds(objects: "Objects[Body]") -> bool:
        workload = objects.get(found.name)
        if workload is None:
            raise WorkloadNotFound("it is gone", workload=found.key)
        verdict = verdict_of(workload)
        found.say(verdict.reason, verdict.message)
        return goal == "stopped" and is_stopped(workload) and verdict.is_ready

    try:
        async with asyncio.timeout(seconds):
            await found.until(holds)
    except TimeoutError:
        raise found.timed_out(f"see it {goal}", seconds) from None


COMMAND = wait
