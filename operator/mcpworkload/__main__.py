"""Start the operator: ``python -m mcpworkload``."""

import asyncio
import logging
import signal
import sys

from mcpworkload.controller import app, logs
from mcpworkload.controller.settings import BadSetting, Settings
from mcpworkload.kube.errors import ExplainedError
from mcpworkload.kube.fence import LeadershipLost

log = logging.getLogger("mcpworkload")

# The API server takes JSON 10,000 levels deep, and any user who may write a workload can put it
# into a template patch. With Python's limit of 1,000 kopf's watch would die of it, and so would
# each of our next starts. Two frames a level take 2 MB of the 8 MB that a thread has. From 3.12
# on CPython bounds recursion in C by a constant as well (1,500 in 3.12.1, 10,000 in 3.13.0), which
# no setting lifts; the operator's image has 3.11.
JSON_RECURSION_LIMIT = 25_000


async def _run(settings: Settings) -> None:
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    if this is None:
        raise RuntimeError("not in a task")
    # Until kopf runs and installs its own handlers, a signal cancels what we do.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, this.cancel)
    await app.run(settings)


def main() -> int:
    """Run until told to stop; the exit code, 1 when a restart is the remedy."""
    try:
        settings = Settings.from_environment()
    except BadSetting as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log yet
        return 2
    logs.configure(settings)
    sys.setrecursionlimit(JSON_RECURSION_LIMIT)
    try:
        asyncio.run(_run(settings))
    except asyncio.CancelledError:
        return 0
    except ExplainedError as error:
        log.error("%s", error)  # noqa: TRY400 - it explains itself
        return 1
    except BaseExceptionGroup as group:
        # Several writes may meet the loss of leadership, each with the same words.
        for cause in {str(cause): cause for cause in group.exceptions}.values():
            explained = isinstance(cause, ExplainedError | LeadershipLost)
            log.error("%s", cause, exc_info=None if explained else cause)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
