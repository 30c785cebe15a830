"""``mcpw serve``: start the server here, as a child on pipes, and serve it."""

from mcpworkload.bridge import app
from mcpworkload.bridge.environment import server_environment
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.reaper import become_subreaper, end_with_parent
from mcpworkload.bridge.spawn import PipeSource


def run(options: Options, command: tuple[str, ...]) -> int:
    """Serve *command* until it ends or we are told to stop; the exit code."""
    source = PipeSource(
        command, server_environment(), before_exec=end_with_parent(), adopts=become_subreaper()
    )
    return app.run(options, source)
