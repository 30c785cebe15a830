"""Splits bytes into lines, of any length up to a limit."""

from collections.abc import Callable


class LineSplitter:
    r"""
    Collects bytes and gives back what ends in ``\n``, without it.

    A line longer than *limit* is skipped up to its end, and *skipped* gets its length once
    the limit is passed; memory stays bounded by the limit.
    """

    def __init__(self, limit: int, skipped: Callable[[int], None]) -> None:
        self._limit = limit
        self._skipped = skipped
        self._rest = bytearray()
        self._is_skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that *data* completes, in order."""
        if self._is_skipping:
            end = data.find(b"\n")
            if end < 0:
                return []
            self._is_skipping = False
            data = data[end + 1 :]
        # Only what is new is searched: the start of a long line has been seen already.
        end = data.rfind(b"\n")
        if end < 0:
            self._keep(data)
            return []
        lines = data[:end].split(b"\n")
        if self._rest:
            # A long line is copied once, and what it was collected in is let go of.
            self._rest += lines[0]
            lines[0] = bytes(self._rest)
            self._rest = bytearray()
        self._keep(data[end + 1 :])
        return lines

    def rest(self) -> bytes:
        """Return and forget what came after the last newline."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest

    def _keep(self, data: bytes) -> None:
        self._rest += data
        if len(self._rest) > self._limit:
            self._skipped(len(self._rest))
            self._rest.clear()
            self._is_skipping = True
