"""``mcpw serve``: start the server as a child on pipes, and serve it."""

import sys

from mcpworkload.bridge import app
from mcpworkload.bridge.environment import server_environment
from mcpworkload.bridge.limits import raise_descriptor_limit
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.reaper import become_subreaper, end_with_parent
from mcpworkload.bridge.spawn import PipeSource


def run(options: Options, command: tuple[str, ...]) -> int:
    """Serve *command* until it ends or a signal comes; return the exit code."""
    steps = [step for step in (raise_descriptor_limit(), end_with_parent()) if step is not None]

    def before_exec() -> None:
        for step in steps:
            step()

    outlet = Outlet(sys.stderr.fileno())
    source = PipeSource(
        command,
        server_environment(),
        outlet,
        before_exec=before_exec if steps else None,
        adopts=become_subreaper(),
    )
    return app.run(options, source, outlet)
