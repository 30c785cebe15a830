"""The cgroup that holds all pods and nothing else, in either version of the kernel's interface."""

import os
import signal
import time
from pathlib import Path

from hack.local.processes import started_at
from hack.terminal import ToolError

_CGROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")
_KILL_PATIENCE = 10.0


def uses_cgroup_v1() -> bool:
    """Return whether this machine's controllers are in separate hierarchies."""
    return not (_CGROUPS / "cgroup.controllers").exists()


def make_cgroup(cgroup: str) -> None:
    """Make the cgroup for the pods, which the kubelet requires to exist."""
    if not uses_cgroup_v1():
        for controller in _CONTROLLERS:
            # One at a time: a kernel without one of them refuses the whole line.
            try:
                (_CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:
                continue
    for hierarchy in _hierarchies():
        (hierarchy / cgroup).mkdir(exist_ok=True)


def _hierarchies() -> list[Path]:
    if not uses_cgroup_v1():
        return [_CGROUPS]
    return [folder for folder in _CGROUPS.iterdir() if (folder / "cgroup.procs").exists()]


def cgroup_folders(cgroup: str) -> list[Path]:
    """Our cgroup in every hierarchy, innermost first, as they must be removed."""
    roots = [hierarchy / cgroup for hierarchy in _hierarchies()]
    found = [root for root in roots if root.exists()]
    for root in tuple(found):
        found += [path for path in root.rglob("*") if path.is_dir()]
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def kill_cgroup(cgroup: str) -> None:
    """End every process in our cgroup."""
    deadline = time.monotonic() + _KILL_PATIENCE
    while alive := _cgroup_pids(cgroup):
        if time.monotonic() > deadline:
            raise ToolError(f"processes {sorted(alive)} of pods can't be ended: see them with ps")
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _cgroup_pids(cgroup: str) -> set[int]:
    pids: set[int] = set()
    for folder in cgroup_folders(cgroup):
        try:
            pids.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
        except OSError:
            continue
    return {pid for pid in pids if started_at(pid) is not None}


def remove_cgroup(cgroup: str) -> None:
    """Remove our cgroup from every hierarchy, once no process is left in it."""
    for folder in cgroup_folders(cgroup):
        try:
            folder.rmdir()
        except OSError as error:
            raise ToolError(f"cgroup {folder} can't be removed: {error.strerror}") from None
