"""
Copies the bridge's runtime into a volume, from which the server's container starts it.

An init container does so, as whatever user the pod has, on a read-only root file system.
"""

import errno
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

#: Where the runtime stands, here and in every container that uses it.
HOME = Path("/mcpw")

_ADVICE = {
    errno.ENOSPC: "the volume or the node's disk is full; raise the volume's sizeLimit",
    errno.EDQUOT: "the volume's quota is used up; raise the volume's sizeLimit",
    errno.EROFS: "it is mounted read-only; the init container needs it writable",
    errno.EACCES: "this user may not write there; an emptyDir with the pod's fsGroup lets it",
    errno.EPERM: "this user may not write there; an emptyDir with the pod's fsGroup lets it",
    errno.ENOENT: "mount a volume there",
    errno.ENOTDIR: "mount a volume there",
}


class NotCopied(Exception):
    """The runtime is not in the volume; the message has the reason and a remedy."""


@dataclass(frozen=True)
class Copied:
    """The number of files and of bytes that were copied, and the seconds that it took."""

    files: int
    size: int
    seconds: float

    def __str__(self) -> str:
        """``586 files, 27.1 MB, in 0.21 s``."""
        return f"{self.files} files, {self.size / 1e6:.1f} MB, in {self.seconds:.2f} s"


def run(target: str) -> int:
    """Copy the runtime into the folder *target*, report it in a line, return the exit code."""
    try:
        copied = copy_runtime(HOME, Path(target))
    except NotCopied as error:
        print(f"mcpw install: {error}", file=sys.stderr)  # noqa: T201 - the container's log
        return 1
    print(f"mcpw install: {copied} to {target}")  # noqa: T201 - the container's log
    return 0


def copy_runtime(source: Path, target: Path) -> Copied:
    """
    Copy what *source* holds into the folder *target*; what an earlier try left there is replaced.

    The folder itself stays as it is: it belongs to the kubelet, and only its owner may change its
    mode or its times.

    Raises:
        NotCopied: the system refused; names the file.
    """
    begin = time.monotonic()
    files = size = 0
    try:
        for folder, _, names in os.walk(source):
            into = target / Path(folder).relative_to(source)
            if into != target:
                into.mkdir(exist_ok=True)
            for name in names:
                files += 1
                size += _copy_file(Path(folder, name), into / name)
    except OSError as error:
        raise NotCopied(_explain(error, target)) from error
    return Copied(files, size, time.monotonic() - begin)


def _copy_file(source: Path, target: Path) -> int:
    """Copy one file with its mode; its size."""
    # A half-written program of an earlier try may be running, or not be writable.
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)
    status = source.stat()
    target.chmod(status.st_mode & 0o777)
    return status.st_size


def _explain(error: OSError, target: Path) -> str:
    advice = _ADVICE.get(error.errno or 0)
    where = error.filename2 or error.filename or target
    said = f"{where}: {error.strerror or error}"
    return f"{said}; {target}: {advice}" if advice else said
