"""The command `tools`."""

from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.codes import ExitCode
from mcpworkload.cli.headers import headers_option
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.mcp_client import data_of, replica_option, talk
from mcpworkload.cli.options import cluster_options, output_option, workload_argument
from mcpworkload.cli.output import clean, write_data, write_table
from mcpworkload.cli.tool_changes import Tools, changes, read_saved

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster


@click.command()
@workload_argument
@replica_option
@headers_option
@click.option("--digest", is_flag=True, help="Print the digest of the list, for expectTools.")
@click.option(
    "--diff",
    "saved",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Compare with a list that -o json has written; the exit code is 1 if they differ.",
)
@output_option("json", "yaml", "name")
@cluster_options
def tools(
    invocation: Invocation,
    workload: str,
    replica: int | None,
    headers: dict[str, str],
    digest: bool,
    saved: str | None,
    output: str | None,
) -> None:
    """
    List the tools that a server offers.

    \b
      mcpworkload tools weather -o json > weather-tools.json
      mcpworkload tools weather --diff weather-tools.json
    """
    if sum((digest, saved is not None, output is not None)) > 1:
        raise click.UsageError("give one of --digest, --diff and -o")
    if digest:
        click.echo(invocation.run(lambda cluster: _digest(cluster, workload, replica, headers)))
        return
    before = None if saved is None else read_saved(saved)
    found = invocation.run(lambda cluster: _list(cluster, workload, replica, headers))
    if before is not None:
        _compare(before, found)
    elif output in ("json", "yaml"):
        write_data(found, output)
    elif output == "name":
        click.echo("\n".join(tool["name"] for tool in found))
    else:
        rows = ((tool["name"], _summary(tool)) for tool in found)
        write_table(("NAME", "DESCRIPTION"), rows)


async def _digest(
    cluster: "Cluster", workload: str, replica: int | None, headers: dict[str, str]
) -> str:
    from mcpworkload.cli.verifying import read_tools

    return (await read_tools(cluster, workload, replica, headers)).digest


async def _list(
    cluster: "Cluster", workload: str, replica: int | None, headers: dict[str, str]
) -> list[dict[str, Any]]:
    """Return all pages of the list."""
    from mcpworkload.verification.lists import MAX_PAGES

    found: list[dict[str, Any]] = []
    async with talk(cluster, workload, replica, headers) as client:
        cursor = None
        # As the operator: a server may never come to an end.
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += [data_of(tool) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
    return found


def _compare(before: Tools, after: Tools) -> None:
    lines = changes(before, after)
    for line in lines:
        click.echo(clean(line))
    if lines:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _summary(tool: dict[str, Any]) -> str:
    lines = tool.get("description", "").strip().splitlines()
    return lines[0] if lines else ""


COMMAND = tools
