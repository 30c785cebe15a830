"""The limit of open descriptors, and how servers and connections share it."""

import resource
from collections.abc import Callable

#: The bridge's ends of a server's input, output and standard error.
DESCRIPTORS_PER_SERVER = 3
#: What else is open: listeners, signals, files read for a moment.
OWN_DESCRIPTORS = 64
#: Connections get at least this part of a limit that is smaller than what servers might take.
LEAST_PART = 4


def raise_descriptor_limit() -> Callable[[], None] | None:
    """
    Raise the soft limit of open descriptors to the hard one.

    What is returned puts the old one back, in a child before it becomes a server: programs that
    use ``select`` or close all that could be open count on a small one. None where nothing has
    changed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        # An unlimited one can be above what the kernel grants.
        return None

    def restore() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    return restore


def connection_limit(max_sessions: int) -> int:
    """
    Return how many connections may be open at a time, so that sessions still get their servers.

    Call it after `raise_descriptor_limit`. At least a quarter of all descriptors: with a small
    limit and many sessions, clients still have to reach the bridge.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    left = soft - DESCRIPTORS_PER_SERVER * max_sessions - OWN_DESCRIPTORS
    return max(left, soft // LEAST_PART)
