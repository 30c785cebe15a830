"""The bound on connections, and the choice of the one that gives way when it is reached."""

from typing import Generic, TypeVar

from mcpworkload.protocol.http.limits import SPARE_CONNECTIONS

#: One that has just come has not had the time to send anything.
PATIENCE_SECONDS = 1.0

T = TypeVar("T")


class Room(Generic[T]):
    """
    Counts connections of three kinds: resting, with a request on its way, and busy.

    A busy one has a request that is being answered, and never gives way.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._spare = max(1, min(SPARE_CONNECTIONS, limit // 8))
        self.all: set[T] = set()
        #: Since when each rests, or its request is on its way; the oldest is the first.
        self._resting: dict[T, float] = {}
        self._coming: dict[T, float] = {}

    @property
    def is_full(self) -> bool:
        """True if a connection has to give way before another one is accepted."""
        return len(self.all) >= self.limit

    @property
    def is_crowded(self) -> bool:
        """True if so many connections are busy that only urgent requests are served."""
        free = len(self._resting) + len(self._coming)
        return len(self.all) - free >= self.limit - self._spare

    def enter(self, one: T) -> None:
        """Count *one*; it cannot give way before it rests."""
        self.all.add(one)

    def leave(self, one: T) -> None:
        """Forget *one*."""
        self.all.discard(one)
        self._resting.pop(one, None)
        self._coming.pop(one, None)

    def rest(self, one: T, now: float) -> None:
        """Note that nothing has come of *one*'s next request."""
        self._coming.pop(one, None)
        self._resting[one] = now

    def begin(self, one: T, now: float) -> None:
        """Note that a request of *one* is on its way, from now on if it was not before."""
        self._resting.pop(one, None)
        self._coming.setdefault(one, now)

    def serve(self, one: T) -> None:
        """Note that a request of *one* is being answered."""
        self._resting.pop(one, None)
        self._coming.pop(one, None)

    def give_way(self, now: float) -> T | None:
        """
        Take out the one that can be missed most; None where all are busy.

        The oldest that rests; where none has rested for a while, the oldest of all that are not
        busy. A new one is thus the last to go, whatever the others keep open.
        """
        firsts = [
            (since, kind)
            for kind in (self._resting, self._coming)
            for since in [next(iter(kind.values()), None)]
            if since is not None
        ]
        if not firsts:
            return None
        rests = next(iter(self._resting.values()), now)
        kind = self._resting if now - rests >= PATIENCE_SECONDS else min(firsts, key=_since)[1]
        one = next(iter(kind))
        self.leave(one)
        return one


def _since(first: tuple[float, object]) -> float:
    return first[0]
