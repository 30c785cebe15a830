"""The group of all commands, and the exit code and message of each failure."""

import errno
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from mcpworkload import __version__
from mcpworkload.cli.codes import ExitCode, failure_of
from mcpworkload.cli.options import where_options

# In the order in which help shows them; each is `COMMAND` in the module of its name.
_COMMANDS: Final = (
    "run",
    "template",
    "permissions",
    "list",
    "get",
    "logs",
    "attach",
    "connect",
    "stop",
    "start",
    "restart",
    "rm",
    "wait",
    "monitor",
    "tools",
    "call",
    "verify",
    "doctor",
    "completion",
    "version",
    "help",
)
# The names of the same commands in other programs.
_ALIASES: Final = {"ls": "list", "ps": "list", "delete": "rm", "describe": "get"}
# A disk that is full, a quota, a limit: what keeps output from being written.
_UNWRITABLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
PROGRAM: Final = "mcpworkload"
_PLUGIN = "kubectl-mcpworkload"


class _CommandGroup(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = _ALIASES.get(args[0], args[0])
        if name not in _COMMANDS and not name.startswith("-"):
            close = get_close_matches(name, [*_COMMANDS, *_ALIASES], n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            ctx.fail(f"No such command '{name}'.{meant}")
        return super().resolve_command(ctx, [name, *args[1:]])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        cmd_name = _ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"mcpworkload.cli.commands.{cmd_name}")
        command: click.Command = module.COMMAND
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader of the output has closed it, as `head` does.
            _drop_output()
            return None
        except (click.exceptions.Exit, click.exceptions.Abort):
            # RuntimeErrors as ours are, but click's own.
            raise
        except RuntimeError as error:
            failure = failure_of(error)
            if failure is None:
                raise
            raise failure from error


@click.group(
    cls=_CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@where_options
@click.version_option(__version__, "--version", message=f"{PROGRAM} %(version)s")
def cli(**_: object) -> None:
    """
    Run MCP servers on Kubernetes.

    A workload is named NAME, or NAMESPACE/NAME. The options below may also follow the command;
    in both places, those after the command count.
    """


def main() -> None:
    """Run the program, under the name by which it was called; never returns."""
    is_plugin = Path(sys.argv[0]).name == _PLUGIN
    name = f"kubectl {PROGRAM}" if is_plugin else PROGRAM
    try:
        code = cli.main(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        # Before any command had begun.
        code = ExitCode.INTERRUPTED
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _drop_output()
        click.echo(f"error: the output cannot be written: {error.strerror}", err=True)
        code = ExitCode.FAILED
    sys.exit(code if isinstance(code, int) else 0)


def _drop_output() -> None:
    """Let what is still to be written go nowhere: at its end Python would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
