"""
Pure: the lines of a log, and which of them a reader has had before.

The kubelet writes an RFC 3339 time with nanoseconds before each line. It ignores the fraction of
`sinceTime`, so a reader that comes back receives the lines of the last second once more.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self


class LogLine(str):
    """One line that a container printed, without its line feed; a `str` that knows its origin."""

    __slots__ = ("container", "pod", "time")

    #: When it was printed, by the clock of its node.
    time: datetime
    pod: str
    container: str

    def __new__(cls, text: str, time: datetime, pod: str, container: str) -> Self:
        """The line *text*."""
        line = super().__new__(cls, text)
        line.time, line.pod, line.container = time, pod, container
        return line


@dataclass(frozen=True)
class Stamped:
    """A line as the kubelet sends it: what it is known by again, and what was printed."""

    stamp: str
    time: datetime
    text: str


def split_stamp(line: bytes) -> Stamped | None:
    """Return the parts of *line*; None for a line without a time, such as the kubelet's own."""
    stamp, _, text = line.partition(b" ")
    try:
        known_by = stamp.decode("ascii")
        time = datetime.fromisoformat(known_by)
    except ValueError:
        return None
    if time.tzinfo is None:
        return None
    return Stamped(known_by, time, text.decode(errors="replace"))


class Position:
    """
    How far the log of one container of one pod was read, restarts included.

    Containers of a pod run one after the other by the same clock, so one position serves all of
    them. What counts as read are the lines of the newest second, each by its own time: none else
    can be sent again. Two threads of the runtime write a log, so its times are not quite in order.
    """

    def __init__(self, since: datetime | None = None) -> None:
        #: How many lines were read.
        self.count = 0
        # Nothing before this second is wanted.
        self._second = None if since is None else since.replace(microsecond=0)
        self._read: Counter[str] = Counter()
        # Where a tail began: older containers may have ended in the same second.
        self._first: datetime | None = None

    @property
    def query(self) -> dict[str, str]:
        """The query parameters of the next request for the log."""
        if self._second is None:
            return {}
        return {"sinceTime": self._second.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}

    def advance(self, line: Stamped) -> None:
        """Count *line* as read."""
        self.count += 1
        second = line.time.replace(microsecond=0)
        if self._second is None or second > self._second:
            self._second = second
            self._read.clear()
        if second == self._second:
            self._read[line.stamp] += 1

    def begin_at(self, line: Stamped) -> None:
        """Want nothing from before *line*, the first of a tail."""
        self._first = line.time

    def replay(self) -> "Replay":
        """Return the judge of an answer that begins here, or before."""
        bounds = [bound for bound in (self._second, self._first) if bound is not None]
        return Replay(max(bounds, default=None), self._read)


class Replay:
    """Separates the lines of one answer that were read before from those that are new."""

    def __init__(self, since: datetime | None, read: Mapping[str, int]) -> None:
        self._since = since
        self._read = Counter(read)

    def is_new(self, line: Stamped) -> bool:
        """Return whether *line*, the next of the answer, has not been read."""
        if self._since is not None and line.time < self._since:
            return False
        if self._read[line.stamp] > 0:
            self._read[line.stamp] -= 1
            return False
        # From here on even a line with an earlier time is one that came later.
        self._since = None
        return True
