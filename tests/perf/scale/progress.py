"""Progress of a long measurement, for a person at a terminal or a log."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TERMINAL_SECONDS, _LOG_SECONDS = 0.5, 15.0


class Progress:
    """Lines on standard error; at a terminal the last one changes in place."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._begin = time.monotonic()
        self.prefix = ""

    def say(self, line: str) -> None:
        """Print one line that stays."""
        took = time.monotonic() - self._begin
        end = "\x1b[K\n" if self._is_terminal else "\n"
        sys.stderr.write(f"{took:7.1f} s  {self.prefix}{line}{end}")
        sys.stderr.flush()

    @contextmanager
    def showing(self, line: Callable[[], str]) -> Iterator[None]:
        """Show *line* again and again within the block."""
        task = asyncio.create_task(self._repeat(line))
        try:
            yield
        finally:
            task.cancel()

    async def _repeat(self, line: Callable[[], str]) -> None:
        while True:
            await asyncio.sleep(_TERMINAL_SECONDS if self._is_terminal else _LOG_SECONDS)
            if self._is_terminal:
                sys.stderr.write(f"           {self.prefix}{line()}\x1b[K\r")
                sys.stderr.flush()
            else:
                self.say(f"  {line()}")
