"""The command `monitor`."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.candidates import complete_workloads
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, output_option
from mcpworkload.cli.output import clean, plain

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import WorkloadEvent


@click.command()
@click.argument("workload", metavar="[NAME]", required=False, shell_complete=complete_workloads)
@click.option("-A", "--all-namespaces", is_flag=True, help="The workloads of every namespace.")
@output_option("json")
@cluster_options
def monitor(
    invocation: Invocation, workload: str | None, all_namespaces: bool, output: str | None
) -> None:
    """
    Report every unexpected exit, once, as it happens, until Ctrl-C or the removal of NAME.

    Without NAME, of all workloads of the namespace; NAME has to run. Reports restarts, evictions
    and removals, too, whether a server is verified, and when its tools change; but no exit that
    was asked for (a stop, a rollout, a deleted pod). With -o json, one object on each line.
    """
    if workload is not None and all_namespaces:
        raise click.UsageError("give NAME or --all-namespaces, not both")

    async def work(cluster: "Cluster") -> None:
        from mcpworkload.runtime import WorkloadRemoved

        async with cluster.runtime.monitor(workload or "", all_namespaces=all_namespaces) as events:
            click.echo("watching; Ctrl-C ends it", err=True)
            async for event in events:
                click.echo(_as_json(event) if output else clean(describe(event)))
                if workload is not None and isinstance(event, WorkloadRemoved):
                    return

    invocation.follow(work)


def _as_json(event: "WorkloadEvent") -> str:
    kind = {"kind": type(event).__name__}
    return json.dumps({**kind, **plain(event)}, ensure_ascii=False)


def describe(event: "WorkloadEvent", now: datetime | None = None) -> str:
    """Return one line for people: the time, the container, the event."""
    from mcpworkload.runtime import WorkloadEvicted, WorkloadExited, WorkloadRestarted

    time = (now or datetime.now().astimezone()).strftime("%H:%M:%S")
    if not isinstance(event, (WorkloadExited, WorkloadRestarted)):
        return f"{time} {event.workload}: {_about_all(event)}"
    where = f"{time} {event.workload}: pod {event.pod}, container {event.container}"
    if isinstance(event, WorkloadRestarted):
        return f"{where} runs again (restart {event.restart_count})"
    verb = "was evicted" if isinstance(event, WorkloadEvicted) else "exited"
    how = "exit code unknown" if event.exit_code is None else f"code {event.exit_code}"
    times = f", {event.count} times" if event.count > 1 else ""
    output = f": {event.message.strip()}" if event.message.strip() else ""
    return f"{where} {verb} ({event.reason}, {how}{times}){output}"


def _about_all(event: "WorkloadEvent") -> str:
    """Return what happened to the workload as a whole."""
    from mcpworkload.runtime import ToolsChanged, WorkloadUnverified, WorkloadVerified

    if isinstance(event, ToolsChanged):
        counts = f"{event.before_count} before, {event.after_count} now"
        digest = f", {event.after_digest}" if event.after_digest else ""
        return f"its tools changed ({counts}{digest})"
    if isinstance(event, WorkloadVerified):
        return "it is verified: each pod answers as an MCP server does"
    if isinstance(event, WorkloadUnverified):
        return f"it is not verified ({event.reason}): {event.message}"
    return "it was removed"


COMMAND = monitor
