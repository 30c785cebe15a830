"""Places for sessions, each as long as a server has it: to the end of its last process."""

import asyncio

from mcpworkload.bridge.session import Session

#: A session that was only opened gives way to another one after so long, or half of the time
#: after which it would end anyway.
OPENED_SECONDS = 60.0


class Leaving:
    """The places of ended sessions whose servers are still ending."""

    def __init__(self) -> None:
        self._places: dict[asyncio.Future[None], None] = {}

    def __len__(self) -> int:
        """How many of them nobody waits for."""
        return len(self._places)

    def add(self, gone: "asyncio.Future[None]") -> None:
        """Keep a place until *gone* is done."""
        if not gone.done():
            self._places[gone] = None
            gone.add_done_callback(lambda _: self._places.pop(gone, None))

    def claim(self) -> "asyncio.Future[None] | None":
        """Return when the oldest place is free, and keep it for whoever asks."""
        oldest = next(iter(self._places), None)
        if oldest is not None:
            del self._places[oldest]
        return oldest


def gives_way(sessions: tuple[Session, ...], idle_timeout: float) -> Session | None:
    """
    Return the session that can be missed first: only opened, a while ago, and never used.

    Where somebody listens to one of them, others go before it.
    """
    unused = [s for s in sessions if s.is_unused_for(min(OPENED_SECONDS, idle_timeout / 2))]
    return min(unused, key=lambda s: (s.is_held, s.opened), default=None)
