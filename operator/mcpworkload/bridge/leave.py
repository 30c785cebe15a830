"""
``mcpw leave``: have the bridge of this container accept nothing new.

A signal and no request, so that only those can ask for it who may run something in the container.
"""

import os
import signal
import time
from typing import Final

#: What tells a bridge that its server is about to end.
LEAVE_SIGNAL: Final = signal.SIGUSR1
_BRIDGE_PID = 1


def run(after: float, bridge: int = _BRIDGE_PID) -> int:
    """Wait *after* seconds, then tell the bridge, a container's first process; the exit code."""
    time.sleep(after)
    os.kill(bridge, LEAVE_SIGNAL)
    return 0
