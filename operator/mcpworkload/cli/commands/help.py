"""The command `help`."""

import click


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


COMMAND = help_
