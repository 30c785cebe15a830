"""What every watch needs, whatever it keeps of what it sees."""

import random

import msgspec

from mcpworkload.kube.errors import ApiError, Gone
from mcpworkload.kube.objects import WatchEvent

BACKOFF_SECONDS = (0.2, 30.0)


def pause_after(failures: int) -> float:
    """How many seconds to wait after that many failures in a row."""
    low, high = BACKOFF_SECONDS
    longest: float = min(high, low * 2 ** min(failures, 20))
    return longest * random.uniform(0.5, 1)  # noqa: S311


def raise_if_error(event: WatchEvent, plural: str) -> None:
    """
    Do nothing, unless *event* says that the watch of *plural* cannot go on.

    Raises:
        Gone: what it was to go on from has expired.
        ApiError: anything else.
    """
    if event.type == "ERROR":
        status = msgspec.json.decode(event.object)
        kind = Gone if status.get("code") == 410 else ApiError
        raise kind(f"the watch of {plural} says: {status.get('message')}")
