"""About the program itself: its version, and what makes a shell complete its words."""

import sys
from typing import TYPE_CHECKING

import click

from mcpworkload import __version__
from mcpworkload.api.names import API_VERSION
from mcpworkload.cli.options import cluster_options, operator_namespace_option, output_option
from mcpworkload.cli.output import write_data
from mcpworkload.cli.session import Session

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

COMPLETE_VARIABLE = "_MCPWORKLOAD_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    Print what makes a shell complete commands, workloads and namespaces.

    \b
      bash: source <(mcpworkload completion bash)
      zsh:  source <(mcpworkload completion zsh)
      fish: mcpworkload completion fish | source

    kubectl completes `kubectl mcpworkload` by itself, with the program
    kubectl_complete-mcpworkload that is installed along.
    """
    from click.shell_completion import get_completion_class

    from mcpworkload.cli.app import PROGRAM, cli

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(made(cli, {}, PROGRAM, COMPLETE_VARIABLE).source())


@click.command()
@click.option("--client", is_flag=True, help="The command line's alone; ask no cluster.")
@operator_namespace_option
@output_option("json", "yaml")
@cluster_options
def version(session: Session, client: bool, operator_namespace: str, output: str | None) -> None:
    """Print the versions of the command line, the cluster, its CRD and its operator."""
    found = {"mcpworkload": __version__, "python": sys.version.partition(" ")[0]}
    if not client:
        found |= session.run(lambda cluster: _versions(cluster, operator_namespace))
    if output:
        write_data(found, output)
    else:
        click.echo("\n".join(f"{name} {number}" for name, number in found.items()))


async def _versions(cluster: "Cluster", operator_namespace: str) -> dict[str, str]:
    """What is installed in the cluster; a word in its place where that cannot be seen."""
    from mcpworkload.api.spec import WorkloadSpec
    from mcpworkload.cli.findings import judge_fields
    from mcpworkload.runtime import RightsMissing, WorkloadError

    found = {"kubernetes": (await cluster.read("/version"))["gitVersion"]}
    try:
        served = await cluster.read(f"/openapi/v3/apis/{API_VERSION}")
        known = frozenset(WorkloadSpec.model_json_schema(by_alias=True)["properties"])
        found["crd"] = f"{API_VERSION}: {judge_fields(served, known).what}"
    except WorkloadError:
        found["crd"] = "not installed"
    try:
        items = await cluster.operators(operator_namespace)
        pod = items[0]["spec"]["template"]["spec"] if items else None
        found["operator"] = pod["containers"][0]["image"] if pod else "not installed"
    except RightsMissing:
        found["operator"] = f"unknown: no right to list deployments in {operator_namespace}"
    return found


@click.command("help")
@click.argument("command", required=False)
@click.pass_context
def help_(context: click.Context, command: str | None) -> None:
    """Show the help of the program, or of a command."""
    root = context.find_root()
    group = root.command
    if command is None or not isinstance(group, click.Group):
        click.echo(root.get_help())
        return
    name, found, _ = group.resolve_command(root, [command])
    if found is not None:
        with click.Context(found, info_name=name, parent=root) as inner:
            click.echo(found.get_help(inner))


def complete_for_kubectl() -> None:
    """Print what kubectl offers for the words after `kubectl mcpworkload`."""
    from click.shell_completion import ShellComplete

    from mcpworkload.cli.app import PROGRAM, cli

    *words, incomplete = sys.argv[1:] or [""]
    made = ShellComplete(cli, {}, PROGRAM, COMPLETE_VARIABLE)
    for item in made.get_completions(words, incomplete):
        click.echo(f"{item.value}\t{item.help}" if item.help else item.value)
    # To cobra, which reads this: no file names.
    click.echo(":4")


COMMANDS = {"completion": completion, "version": version, "help": help_}
