"""Whose turn it is: urgent ones first, and no namespace takes more than its share at a time."""

import asyncio
import itertools
from collections import Counter, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue of things of namespaces; who takes one says when it is done with."""

    def __init__(self, share: int) -> None:
        """At most *share* things of one namespace are taken at a time."""
        self._share = share
        self._busy: Counter[str] = Counter()
        #: Those whose namespace has its share, in their order.
        self._parked: dict[str, deque[T]] = {}
        self._serial = itertools.count()
        self._due: asyncio.PriorityQueue[tuple[bool, int, str, T]] = asyncio.PriorityQueue()

    def add(self, thing: T, namespace: str, *, is_urgent: bool) -> None:
        """Let *thing* be taken, before those that are not urgent if it is."""
        self._due.put_nowait((not is_urgent, next(self._serial), namespace, thing))

    async def take(self) -> tuple[T, str]:
        """Return the thing whose turn it is, and its namespace; `leave` has to follow."""
        while True:
            _, _, namespace, thing = await self._due.get()
            if self._busy[namespace] < self._share:
                self._busy[namespace] += 1
                return thing, namespace
            self._parked.setdefault(namespace, deque()).append(thing)

    def leave(self, namespace: str) -> None:
        """Note that a thing of *namespace* is done with: the next one may have its turn."""
        self._busy[namespace] -= 1
        if not self._busy[namespace]:
            del self._busy[namespace]
        if parked := self._parked.get(namespace):
            # It has waited for its turn already.
            self.add(parked.popleft(), namespace, is_urgent=True)
            if not parked:
                del self._parked[namespace]
