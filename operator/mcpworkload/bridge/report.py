"""The bridge's reports: a termination message for the kubelet, and the log."""

import contextlib
import logging
from pathlib import Path

from mcpworkload.bridge.channel import End
from mcpworkload.bridge.outlet import LogHandler, Outlet

TERMINATION_LOG = Path("/dev/termination-log")
#: The kubelet keeps so much, its end.
TERMINATION_BYTES = 4096


def termination_message(reason: str, end: End) -> str:
    """Return *reason* and the server's last lines on standard error, short enough to be kept."""
    tail = "\n".join(end.stderr_tail)
    room = TERMINATION_BYTES - len(reason.encode()) - 1
    kept = tail.encode()[-room:].decode(errors="ignore") if tail and room > 0 else ""
    return f"{reason}\n{kept}" if kept else reason


def write_termination_message(text: str, path: Path = TERMINATION_LOG) -> None:
    """Leave *text* where the kubelet looks for it; outside of a pod, nowhere."""
    with contextlib.suppress(OSError):
        if path.exists():
            path.write_text(text)


def configure_log(outlet: Outlet) -> None:
    """Log to *outlet*, between what servers write there."""
    handler = LogHandler(outlet)
    handler.setFormatter(logging.Formatter("mcpw %(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
