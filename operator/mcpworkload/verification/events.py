"""A stream of events, as servers send them, from bytes that come in any pieces."""

from typing import Final, NamedTuple


class Event(NamedTuple):
    """One event: its name, `message` where it has none, and its data."""

    name: str
    data: bytes


#: A few hundred messages may come before a response; each has some lines.
MAX_LINES: Final = 2048


class TooManyLines(Exception):
    """There are more lines than any stream of use has."""


class EventParser:
    """
    Returns the events in what was fed.

    Holds at most what was fed and is not yet an event; the caller bounds it.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._lines = 0
        #: Whether the last piece ended with CR: an LF that follows belongs to it.
        self._ended_with_cr = False
        self._is_first = True
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[Event]:
        """
        Return the events that are whole with *piece*, the oldest first.

        Raises:
            TooManyLines: they are more than MAX_LINES in all.
        """
        if not piece:
            return []
        if self._ended_with_cr and piece[:1] == b"\n":
            piece = piece[1:]
        self._ended_with_cr = piece[-1:] == b"\r" if piece else False
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in piece:
            self._rest += piece
            return []
        self._lines += piece.count(b"\n")
        if self._lines > MAX_LINES:
            raise TooManyLines
        *lines, rest = piece.split(b"\n")
        lines[0] = bytes(self._rest) + lines[0]
        self._rest = bytearray(rest)
        found = [self._line(line) for line in lines]
        return [event for event in found if event is not None]

    def _line(self, line: bytes) -> Event | None:
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._end()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value
        return None

    def _end(self) -> Event | None:
        name, data = self._name, self._data
        self._name, self._data = b"", []
        if not data:
            return None
        return Event(name.decode("utf-8", "replace") or "message", b"\n".join(data))
