"""
Decides when the bridge is drained: no client waits for an answer, and none has just asked.

There is neither I/O nor a clock here: the caller passes what is under way and the time in seconds.
"""

import msgspec

#: A client may have sent a request that is not here yet.
LINGER_SECONDS = 0.5


class Load(msgspec.Struct, frozen=True):
    """The requests that are under way in the bridge at one moment."""

    #: The HTTP requests that are being answered, and how many of them are POSTs.
    requests: int = 0
    posts: int = 0
    #: The POSTs that are subscriptions: they have no end of their own.
    subscriptions: int = 0
    #: Requests whose clients wait for the answer of a server, subscriptions aside.
    waiting: int = 0

    @property
    def is_drained(self) -> bool:
        """Whether no client waits for an answer; streams that only listen do not count."""
        return self.posts <= self.subscriptions and not self.waiting


class Draining:
    """
    One wait until nothing is under way.

    It is over when that has held for *linger* seconds; not before *pause* seconds from *begin* on,
    and never after *within*.
    """

    def __init__(
        self, begin: float, within: float, *, pause: float = 0.0, linger: float = LINGER_SECONDS
    ) -> None:
        self._earliest, self._latest = begin + pause, begin + within
        self._linger = linger
        #: Since when it has held.
        self._since: float | None = None

    def seconds_left(self, now: float, *, is_reached: bool, has_clients: bool = True) -> float:
        """
        Return after how long the wait is over if nothing changes; 0 when it is.

        Without clients there is none who has just sent a request.
        """
        if not is_reached:
            self._since = None
            return max(self._latest - now, 0.0)
        if self._since is None:
            self._since = now
        over = max(self._since + (self._linger if has_clients else 0.0), self._earliest)
        return max(min(over, self._latest) - now, 0.0)
