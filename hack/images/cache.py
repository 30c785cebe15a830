"""The cache of what is built, outside the checkout and shared by all clones."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of everything made here; removed by `clean`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mcpworkload" / "images"


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the cache's lock: two builds at once would do the same work twice."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """
    Yield a path to write to; it becomes *target* when the block ends well.

    A reader never sees half a file, also after a kill.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
