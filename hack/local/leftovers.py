"""
Find and remove what pods leave behind.

Shims, mounts and cgroups survive the processes that made them; all of ours are found by the state
folder's path, the mark in their environment, or our own cgroup.
"""

import os
import shutil
from pathlib import Path

from hack.local.cgroups import cgroup_folders, kill_cgroup, remove_cgroup
from hack.local.processes import marked, stop_all
from hack.local.settings import Settings
from hack.terminal import run

_SHIM_SOCKETS = Path("/run/containerd/s")
_CONTAINER_LOGS = Path("/var/log/containers")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
#: Components make these at fixed places; they are removed only when nothing else uses them.
_SHARED_FOLDERS = (
    *(_SHIM_SOCKETS, _SHIM_SOCKETS.parent, _CONTAINER_LOGS, _DEVICE_PLUGINS),
    *(_DEVICE_PLUGINS.parent, Path("/var/lib/cni/results"), Path("/var/lib/cni")),
)


def remove_pods(settings: Settings) -> None:
    """
    End every process of every pod and undo its mounts; images and metadata stay.

    Only while containerd and kubelet do not run: they would start pods again.
    """
    kill_cgroup(settings.cgroup)
    stop_all(marked(settings.state) - {os.getpid()}, patience=0.0)
    _unmount(settings.state)
    shutil.rmtree(settings.state / "run" / "containerd", ignore_errors=True)
    shutil.rmtree(settings.state / "run" / "runc", ignore_errors=True)
    remove_cgroup(settings.cgroup)
    for link in _dead_log_links(settings.state):
        link.unlink(missing_ok=True)
    _remove_dead_sockets()


def remove_shared_folders() -> None:
    """Remove the empty folders outside of our state folder."""
    for name in ("kubelet.sock", "kubelet_internal_checkpoint"):
        (_DEVICE_PLUGINS / name).unlink(missing_ok=True)
    for folder in _SHARED_FOLDERS:
        try:
            folder.rmdir()
        except OSError:
            continue


def find_pods(settings: Settings) -> list[str]:
    """Name everything of our pods that is still on this machine."""
    state = settings.state
    return [
        *(f"process {pid}" for pid in sorted(marked(state) - {os.getpid()})),
        *(f"mount {path}" for path in _mounts(state)),
        *(f"cgroup {path}" for path in cgroup_folders(settings.cgroup)),
        *(f"log link {path}" for path in _dead_log_links(state)),
    ]


def _mounts(state: Path) -> list[str]:
    """Return the mount points in our state folder, innermost first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    # The kernel writes a space as \040; our own paths have none.
    return [point for point in reversed(points) if point.startswith(f"{state}/")]


def _unmount(state: Path) -> None:
    for point in _mounts(state):
        run(["umount", "--lazy", point])


def _dead_log_links(state: Path) -> list[Path]:
    """Return the kubelet's links to container logs, whose folder is fixed in the kubelet."""
    if not _CONTAINER_LOGS.exists():
        return []
    return [
        link
        for link in _CONTAINER_LOGS.iterdir()
        if link.is_symlink() and str(link.readlink()).startswith(f"{state}/")
    ]


def _remove_dead_sockets() -> None:
    """Remove shims' sockets without a listener; their folder is fixed in containerd."""
    if not _SHIM_SOCKETS.exists():
        return
    alive = Path("/proc/net/unix").read_text()
    for socket in _SHIM_SOCKETS.iterdir():
        if str(socket) not in alive:
            socket.unlink(missing_ok=True)
