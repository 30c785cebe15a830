"""
``mcpw drain``, also ``mcpw leave``: have the bridge of this container accept nothing new.

A signal and no request: only what may run a program in the container can send it.
"""

import os
import signal
import time
from typing import Final

#: Sent to a bridge whose server is about to end.
DRAIN_SIGNAL: Final = signal.SIGUSR1
_BRIDGE_PID = 1


def run(after: float, bridge: int = _BRIDGE_PID) -> int:
    """Wait *after* seconds, then signal the bridge, a container's first process; the exit code."""
    time.sleep(after)
    os.kill(bridge, DRAIN_SIGNAL)
    return 0
