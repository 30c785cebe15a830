"""The command `help`."""

import click


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of the program, or of a command."""
    inner = context.find_root()
    for word in words:
        if not isinstance(inner.command, click.Group):
            context.fail(f"{inner.info_name} has no commands of its own")
        name, found, _ = inner.command.resolve_command(inner, [word])
        if found is not None:
            inner = click.Context(found, info_name=name, parent=inner)
    click.echo(inner.get_help())


COMMAND = help_
