"""The group of all commands, and how what goes wrong in them is told."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from mcpworkload.cli.codes import failure_of

# In the order in which help shows them: each command, and the module that has it.
_MODULES: Final = {
    "run": "run",
    "template": "template",
    "list": "looking",
    "get": "looking",
    "logs": "streams",
    "attach": "streams",
    "connect": "connect",
    "stop": "lifecycle",
    "start": "lifecycle",
    "restart": "lifecycle",
    "rm": "lifecycle",
    "wait": "lifecycle",
    "monitor": "monitor",
    "tools": "talking",
    "call": "talking",
    "doctor": "doctor",
    "completion": "shells",
    "version": "shells",
}
PROGRAM: Final = "mcpworkload"
_PLUGIN = "kubectl-mcpworkload"


class _Commands(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"mcpworkload.cli.commands.{_MODULES[cmd_name]}")
        commands: dict[str, click.Command] = module.COMMANDS
        return commands[cmd_name]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read the output has seen enough; at its end Python would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def cli() -> None:
    """
    Run MCP servers on Kubernetes.

    A workload is named NAME, or NAMESPACE/NAME.
    """


def main() -> None:
    """Run the program, under the name by which it was called."""
    is_plugin = Path(sys.argv[0]).name == _PLUGIN
    cli.main(prog_name=f"kubectl {PROGRAM}" if is_plugin else PROGRAM)
