"""The memory for messages: a share of the container's limit, since the server needs the rest."""

from collections.abc import Sequence
from pathlib import Path

#: The kernel's files with a container's limit: of control groups of version 2, and of 1.
LIMIT_FILES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
#: What the bridge itself takes, and what sessions, connections and their answers do.
OWN_BYTES = 64 * 1024 * 1024
#: A message takes at most so many times its size while it passes.
TIMES = 4
#: With less no message of use passes, however small the container.
LEAST_BYTES = 4 * 1024 * 1024


def room(wanted: int, files: Sequence[Path] = LIMIT_FILES) -> int:
    """Return how many bytes of messages may be here at a time: *wanted*, or what memory allows."""
    limit = _limit(files)
    if limit is None:
        return wanted
    return min(wanted, max((limit - OWN_BYTES) // TIMES, LEAST_BYTES))


def _limit(files: Sequence[Path]) -> int | None:
    for file in files:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        # Without a limit version 2 has "max", and version 1 a number beyond all memory.
        return int(text) if text.isdecimal() else None
    return None
