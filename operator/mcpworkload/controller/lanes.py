"""
The order in which keys that are due are served. Pure, and each operation takes the same time
however many keys wait.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from mcpworkload.kube.keys import split_key


class Priority(IntEnum):
    """Why a key is due; the lower, the sooner it is served."""

    #: A container has ended, or the workload is deleted.
    URGENT = 0
    #: A spec, a child or a pod has changed, or the time for something has come.
    CHANGE = 1
    #: The first look after a start, or the look that comes every ten minutes.
    RESYNC = 2
    #: The last reconcile failed.
    RETRY = 3


# One turn in so many goes to the lowest lane: a stream of changes must not hold the rest up for
# ever.
TURNS_PER_LOWEST = 8


class _Place(NamedTuple):
    """Where a key waits, and since when."""

    priority: Priority
    is_doubtful: bool
    since: float


class _Lane:
    """Keys in their order in a namespace; the namespaces take turns."""

    def __init__(self) -> None:
        # Ordered dicts, since the first entry of a plain one takes ever longer to find once those
        # before it were removed.
        self._keys: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def add(self, key: str) -> None:
        self._keys.setdefault(split_key(key)[0], OrderedDict())[key] = None

    def discard(self, key: str) -> None:
        namespace = split_key(key)[0]
        keys = self._keys[namespace]
        del keys[key]
        if not keys:
            del self._keys[namespace]

    def take(self, is_full: Callable[[str], bool]) -> str | None:
        """Return the next key, of a namespace that is not full; None if there is none."""
        namespace = next((each for each in self._keys if not is_full(each)), None)
        if namespace is None:
            return None
        keys = self._keys[namespace]
        key, _ = keys.popitem(last=False)
        if keys:
            self._keys.move_to_end(namespace)
        else:
            del self._keys[namespace]
        return key


class Lanes:
    """The keys that are due, by priority and by whether their last reconcile was good."""

    def __init__(self) -> None:
        self._lanes = {(each, doubt): _Lane() for each in Priority for doubt in (False, True)}
        self._places: dict[str, _Place] = {}
        self._depths = dict.fromkeys(Priority, 0)
        self._turns = 0

    def __len__(self) -> int:
        """Return how many keys wait."""
        return len(self._places)

    def add(self, key: str, priority: Priority, now: float, *, is_doubtful: bool) -> None:
        """Let *key* wait; one that waits already moves up where *priority* is higher."""
        since = now
        if (known := self._places.get(key)) is not None:
            if known.priority <= priority:
                return
            since = known.since
            self._remove(key)
            self._lanes[known.priority, known.is_doubtful].discard(key)
        self._places[key] = _Place(priority, is_doubtful, since)
        self._depths[priority] += 1
        self._lanes[priority, is_doubtful].add(key)

    def take(self, is_full: Callable[[str], bool], *, with_doubtful: bool) -> str | None:
        """
        Remove and return the key whose turn it is, None where none may have one.

        Keys of namespaces that are full have to wait, and doubtful ones unless *with_doubtful*.
        """
        for lane in self._order(with_doubtful=with_doubtful):
            if (key := lane.take(is_full)) is not None:
                self._turns += 1
                self._remove(key)
                return key
        return None

    def depths(self) -> Mapping[str, int]:
        """Return how many keys wait, by the name of their priority."""
        return {priority.name.lower(): depth for priority, depth in self._depths.items()}

    def since(self) -> float | None:
        """Return since when the key waits that has waited longest; None while none does."""
        return min((place.since for place in self._places.values()), default=None)

    def _order(self, *, with_doubtful: bool) -> Iterator[_Lane]:
        is_turned = self._turns % TURNS_PER_LOWEST == TURNS_PER_LOWEST - 1
        for priority in reversed(Priority) if is_turned else Priority:
            yield self._lanes[priority, False]
            if with_doubtful:
                yield self._lanes[priority, True]

    def _remove(self, key: str) -> None:
        self._depths[self._places.pop(key).priority] -= 1
