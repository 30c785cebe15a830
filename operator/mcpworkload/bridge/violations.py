"""Report what servers write to standard output that is no protocol, without flooding the log."""

import asyncio
import logging

log = logging.getLogger(__name__)

#: A bad line is cut to this: enough to recognise a banner, too little to leak a document.
SHOWN_BYTES = 60
MAX_IN_A_WINDOW = 5
WINDOW_SECONDS = 60.0


class Violations:
    """The bad lines of one server: some are shown, all are counted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._window_end = 0.0
        self._shown = 0
        self.count = 0

    def report(self, line: bytes, reason: str) -> None:
        """Log *line*, cut, unless several were logged within the last minute."""
        self.count += 1
        now = asyncio.get_running_loop().time()
        if now >= self._window_end:
            self._window_end, self._shown = now + WINDOW_SECONDS, 0
        self._shown += 1
        if self._shown > MAX_IN_A_WINDOW:
            return
        more = "; further ones are counted, not shown" if self._shown == MAX_IN_A_WINDOW else ""
        log.warning(
            "%s: protocol violation %d on standard output, dropped: %r (%d bytes): %s%s",
            self._name,
            self.count,
            line[:SHOWN_BYTES],
            len(line),
            reason,
            more,
        )
