"""About the program itself: its version, and what makes a shell complete its words."""

import sys
from typing import TYPE_CHECKING, Any

import click

from mcpworkload import __version__
from mcpworkload.cli.options import cluster_options, output_option
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
@output_option("json", "yaml")
@cluster_options
def version(session: Session, client: bool, output: str | None) -> None:
    """Print the versions of the command line, and of the cluster it talks to."""
    found = {"mcpworkload": __version__, "python": sys.version.partition(" ")[0]}
    if not client:

        async def work(cluster: "Cluster") -> Any:
            return (await cluster.read("/version"))["gitVersion"]

        found["kubernetes"] = session.run(work)
    if output:
        write_data(found, output)
    else:
        click.echo("\n".join(f"{name} {number}" for name, number in found.items()))


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


COMMANDS = {"completion": completion, "version": version}
