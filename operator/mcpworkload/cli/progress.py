"""Progress of a wait, on stderr: one line that moves on a terminal, else a line a change."""

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from mcpworkload.cli.output import clean, console

if TYPE_CHECKING:
    from rich.status import Status

    from mcpworkload.runtime import Progress


class Reporter:
    """The library's progress callback; a context manager around the wait."""

    def __init__(self) -> None:
        #: The last report, by workload.
        self.last: dict[str, Progress] = {}
        self._status: Status | None = None
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Take the terminal's last line."""
        if sys.stderr.isatty():
            self._status = self._exit.enter_context(console().status("..."))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the line back."""
        self._exit.__exit__(kind, error, trace)

    def __call__(self, progress: "Progress") -> None:
        """Show *progress*."""
        self.last[progress.workload] = progress
        words = f"{progress.reason}: {progress.message}" if progress.reason else progress.message
        line = clean(f"{progress.workload}: {words}")
        if self._status is None:
            click.echo(line, err=True)
            return
        from rich.text import Text

        self._status.update(Text(line))
