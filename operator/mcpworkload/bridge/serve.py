"""``mcpw serve``: start the server here, as a child on pipes, and serve it."""

from mcpworkload.bridge import app
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.process import PipeSource


def run(options: Options, command: tuple[str, ...]) -> int:
    """Serve *command* until it ends or we are told to stop; the exit code."""
    return app.run(options, PipeSource(command))
