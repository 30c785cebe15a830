"""Requests that nobody waits for any more, while the server may still work on them."""

import time
from collections.abc import Mapping

from mcpworkload.bridge.calls import Call

#: One more, and they count as too many to know, for as long as one of them would be known.
MAX_KNOWN = 1024
#: A server need not answer what was cancelled, and most do not: so long it may still work on it.
KEPT_SECONDS = 600.0


class GivenUp:
    """
    The requests that were cancelled, timed out, or whose client is gone.

    Until the server answers one, or has had its time, what it says without naming a request may be
    about that one.
    """

    def __init__(self) -> None:
        #: Until when each is known, whether it asked for logs, and whose it was; the oldest first.
        self._known: dict[int, tuple[float, bool, Mapping[Call, None]]] = {}
        self._lost_until = 0.0

    def __contains__(self, number: int) -> bool:
        """Whether *number* was given up and not answered."""
        return number in self._known

    def add(self, call: Call) -> None:
        """Nobody waits for *call* any more, and it was not answered."""
        until = time.monotonic() + KEPT_SECONDS
        self._forget()
        if len(self._known) >= MAX_KNOWN:
            self._lost_until = until
        else:
            self._known[call.number] = (until, call.wants_logs, call.among)

    def answered(self, number: int) -> None:
        """Note that the server answered *number*; it says nothing about that one any more."""
        self._known.pop(number, None)

    @property
    def may_be_logged(self) -> bool:
        """Whether a log message may be about one that asked for some."""
        return self._forget() or any(wants for _, wants, _ in self._known.values())

    @property
    def may_be_meant(self) -> bool:
        """Whether any message that names no request may be about one of these."""
        return self._forget() or bool(self._known)

    def may_be_anothers(self, among: Mapping[Call, None]) -> bool:
        """Whether such a message may be about one of a client that *among* is not of."""
        return self._forget() or any(owner is not among for _, _, owner in self._known.values())

    def _forget(self) -> bool:
        now = time.monotonic()
        while self._known:
            number = next(iter(self._known))
            if self._known[number][0] > now:
                break
            del self._known[number]
        return now < self._lost_until
