"""Requests without a client that waits, on which the server may still work."""

from mcpworkload.bridge.client_requests import ClientRequest

#: One more, and they count as too many to know, for as long as one of them would be known.
MAX_KNOWN = 1024
#: A server need not answer what was cancelled, and most do not: so long it may still work on it.
KEPT_SECONDS = 600.0


class GivenUp:
    """
    The requests that were cancelled, timed out, or whose client is gone.

    Until the server answers one, or has had its time, a message that names no request may be about
    that one.
    """

    def __init__(self) -> None:
        #: Until when each is known, whether it asked for logs, and whose it was; the oldest first.
        self._known: dict[int, tuple[float, bool, str | None]] = {}
        self._lost_until, self._is_lost = 0.0, False

    def __contains__(self, request_id: int) -> bool:
        """Whether *request_id* was given up and not answered."""
        return request_id in self._known

    def add(self, pending: ClientRequest, now: float) -> None:
        """Note that no client waits for *pending* any more, and that it was not answered."""
        until = now + KEPT_SECONDS
        self.forget(now)
        if len(self._known) >= MAX_KNOWN:
            self._lost_until, self._is_lost = until, True
        else:
            self._known[pending.request_id] = (until, pending.wants_logs, pending.owner_id)

    def answered(self, request_id: int) -> None:
        """Note that the server answered *request_id*: no later message is about that one."""
        self._known.pop(request_id, None)

    @property
    def may_be_logged(self) -> bool:
        """Whether a log message may be about one that asked for some."""
        return self._is_lost or any(wants for _, wants, _ in self._known.values())

    @property
    def may_be_meant(self) -> bool:
        """Whether any message that names no request may be about one of these."""
        return self._is_lost or bool(self._known)

    def may_be_anothers(self, owner_id: str) -> bool:
        """Whether such a message may be about one of another client than the session *owner_id*."""
        return self._is_lost or any(other != owner_id for _, _, other in self._known.values())

    def forget(self, now: float) -> None:
        """Forget those that had their time; what follows holds for *now*."""
        while self._known:
            request_id = next(iter(self._known))
            if self._known[request_id][0] > now:
                break
            del self._known[request_id]
        self._is_lost = now < self._lost_until
