"""The command `completion`, and the program by which kubectl completes."""

import sys

import click

COMPLETE_VARIABLE = "_MCPWORKLOAD_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    Print the script by which a shell completes commands, workloads and namespaces.

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


COMMAND = completion
