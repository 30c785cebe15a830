"""The command `rm`."""

from typing import TYPE_CHECKING

import click

from mcpworkload.cli.each_workload import do_to_each
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, timeout_option, workloads_argument
from mcpworkload.cli.progress import Reporter

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

REMOVED_SECONDS = 180
# The library's reason for progress before the deletion is asked for.
_BEFORE_DELETION = "Retention"


@click.command()
@workloads_argument
@click.option("--keep-volumes", is_flag=True, help="Leave the volumes and what is on them.")
@click.option(
    "--ignore-not-found", is_flag=True, help="A workload that does not exist counts as removed."
)
@timeout_option(REMOVED_SECONDS)
@cluster_options
def rm(
    invocation: Invocation,
    workloads: tuple[str, ...],
    keep_volumes: bool,
    ignore_not_found: bool,
    timeout: float | None,
) -> None:
    """
    Remove workloads with their pods AND THEIR VOLUMES; returns when they are gone.

    Interrupted before the deletion was asked for, the command leaves the workload as it was.
    """

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        from mcpworkload.runtime import WorkloadNotFound

        try:
            await cluster.runtime.remove_workload(
                name, keep_volumes, timeout=timeout, progress=report
            )
        except WorkloadNotFound:
            if not ignore_not_found:
                raise
        return f"{name} is removed"

    do_to_each(invocation, workloads, act, _removal_stands)


def _removal_stands(report: Reporter) -> str:
    asked = [key for key, news in report.last.items() if news.reason != _BEFORE_DELETION]
    if asked:
        return f"{', '.join(sorted(asked))}: the removal goes on in the cluster"
    return "nothing was removed"


COMMAND = rm
