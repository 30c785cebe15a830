"""
Check whether this machine has what a cluster needs.

Each problem is reported in one line with its remedy, before anything is changed.
"""

import os
import shutil
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from hack.local.settings import cache_folder, state_folder
from hack.terminal import ToolError, run, step

_NEEDED_BYTES = 6 * 2**30
_INSTALL_TIMEOUT = 1800.0
#: Where distributions put the CNI plugins.
_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
_PLUGINS = ("bridge", "host-local", "loopback", "portmap")
#: Program -> the Debian package that brings it.
_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ipset": "ipset",
    "ip": "iproute2",
    "openssl": "openssl",
    "nsenter": "util-linux",
    "mount": "mount",
}
_PLUGINS_PACKAGE = "containernetworking-plugins"


def require_host() -> None:
    """
    Check root, disk and programs; missing programs are installed with apt-get.

    Raises:
        ToolError: something is missing and cannot be installed.
    """
    if sys.platform != "linux":
        raise ToolError("the local cluster needs Linux: use CLUSTER=kind or CLUSTER=current")
    require_root()
    for folder in (cache_folder(), state_folder()):
        free = shutil.disk_usage(_existing(folder)).free
        if free < _NEEDED_BYTES:
            raise ToolError(
                f"{folder} has {free / 2**30:.1f} GiB free, a cluster needs "
                f"{_NEEDED_BYTES // 2**30}: free some, or set XDG_CACHE_HOME and "
                "MCPWORKLOAD_LOCAL_STATE to folders on a larger disk"
            )
    _require_programs()


def require_root() -> None:
    """Raise ToolError unless this process may make networks and mounts."""
    if os.geteuid() != 0:
        raise ToolError(
            "the local cluster needs root: run with sudo, or use CLUSTER=kind or CLUSTER=current"
        )


def require_ports(ports: Iterable[int]) -> None:
    """Raise ToolError when another program listens on one of our ports."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104 - nothing ever listens on it
            except OSError:
                raise ToolError(
                    f"port {port} is taken: `ss -ltnp sport = :{port}` shows by what; stop that, "
                    "or use another kind of cluster (CLUSTER=kind, CLUSTER=current)"
                ) from None


def cni_plugins() -> Path:
    """
    Return the folder that holds the CNI plugins.

    Raises:
        ToolError: no usual folder has them.
    """
    for folder in _PLUGIN_FOLDERS:
        if all((folder / plugin).exists() for plugin in _PLUGINS):
            return folder
    raise ToolError(f"CNI plugins are missing: install {_PLUGINS_PACKAGE}")


def _require_programs() -> None:
    missing = [package for program, package in _PACKAGES.items() if not shutil.which(program)]
    try:
        cni_plugins()
    except ToolError:
        missing.append(_PLUGINS_PACKAGE)
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        raise ToolError(f"missing programs: install {names} with this system's package manager")
    with step(f"installing {names}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-qq"], env=environment, timeout=_INSTALL_TIMEOUT)
        install = ["apt-get", "install", "-qq", "--no-install-recommends", "-y", *missing]
        run(install, env=environment, timeout=_INSTALL_TIMEOUT)


def _existing(folder: Path) -> Path:
    """Return the nearest existing folder on the way up."""
    return folder if folder.exists() else _existing(folder.parent)
