"""Requests that nobody waits for any more, while the server may still work on them."""

from mcpworkload.bridge.calls import Call

#: One more, and they count as too many to ever know again.
MAX_KNOWN = 1024


class GivenUp:
    """
    The numbers of requests that were cancelled, timed out, or whose client is gone.

    Until the server answers a number, what it says without naming a request may be about that
    one. A server need not answer what was cancelled; then it stays so.
    """

    def __init__(self) -> None:
        self._working: set[int] = set()
        self._listening: set[int] = set()
        self._is_lost = False

    def __contains__(self, number: int) -> bool:
        """Whether *number* was given up and not answered."""
        return number in self._working or number in self._listening

    def add(self, call: Call) -> None:
        """Nobody waits for *call* any more, and it was not answered."""
        numbers = self._listening if call.is_listening and not call.wants_logs else self._working
        if len(numbers) >= MAX_KNOWN:
            self._is_lost = True
        else:
            numbers.add(call.number)

    def answered(self, number: int) -> None:
        """Note that the server answered *number*; it says nothing about that one any more."""
        self._working.discard(number)
        self._listening.discard(number)

    @property
    def may_be_logged(self) -> bool:
        """Whether a log message may be about one of these; a subscription asks for none."""
        return self._is_lost or bool(self._working)

    @property
    def may_be_meant(self) -> bool:
        """Whether any message that names no request may be about one of these."""
        return self.may_be_logged or bool(self._listening)
