"""What happens to workloads, as it happens."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.completion import complete_workloads
from mcpworkload.cli.options import cluster_options, output_option
from mcpworkload.cli.output import clean, plain
from mcpworkload.cli.session import Session

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import Happening


@click.command()
@click.argument("workload", metavar="[NAME]", required=False, shell_complete=complete_workloads)
@click.option("-A", "--all-namespaces", is_flag=True, help="The workloads of every namespace.")
@output_option("json")
@cluster_options
def monitor(
    session: Session, workload: str | None, all_namespaces: bool, output: str | None
) -> None:
    """
    Tell of every unexpected exit, once, as it happens, until Ctrl-C or the removal of NAME.

    Of one workload, which has to run, or of all of the namespace. Restarts, evictions and removals
    are told, too; what was asked for (a stop, a rollout, a deleted pod) is no exit. With -o json,
    one object on each line.
    """
    if workload is not None and all_namespaces:
        raise click.UsageError("name a workload, or say --all-namespaces")

    async def work(cluster: "Cluster") -> None:
        from mcpworkload.runtime import WorkloadRemoved

        async with cluster.runtime.monitor(
            workload or "", all_namespaces=all_namespaces
        ) as happenings:
            click.echo("watching; Ctrl-C ends it", err=True)
            async for happening in happenings:
                click.echo(_as_json(happening) if output else clean(describe(happening)))
                if workload is not None and isinstance(happening, WorkloadRemoved):
                    return

    session.follow(work)


def _as_json(happening: "Happening") -> str:
    kind = {"kind": type(happening).__name__}
    return json.dumps({**kind, **plain(happening)}, ensure_ascii=False)


def describe(happening: "Happening", now: datetime | None = None) -> str:
    """One line for people: when, who, what."""
    from mcpworkload.runtime import WorkloadEvicted, WorkloadExited, WorkloadRestarted

    time = (now or datetime.now().astimezone()).strftime("%H:%M:%S")
    if not isinstance(happening, (WorkloadExited, WorkloadRestarted)):
        return f"{time} {happening.workload}: it was removed"
    where = f"{time} {happening.workload}: pod {happening.pod}, container {happening.container}"
    if isinstance(happening, WorkloadRestarted):
        return f"{where} runs again (restart {happening.restart_count})"
    verb = "was evicted" if isinstance(happening, WorkloadEvicted) else "exited"
    how = "exit code unknown" if happening.exit_code is None else f"code {happening.exit_code}"
    times = f", {happening.count} times" if happening.count > 1 else ""
    said = f": {happening.message.strip()}" if happening.message.strip() else ""
    return f"{where} {verb} ({happening.reason}, {how}{times}){said}"


COMMANDS = {"monitor": monitor}
