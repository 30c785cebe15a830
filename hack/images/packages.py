"""
Compose a base out of Debian packages that an image takes single files from.

Apart from `rootfs.py`, whose bases images run on: here nothing is taken out of a package.
"""

import re
import tarfile
import tempfile
from pathlib import Path

from hack.images.rootfs import APPLETS, Apt
from hack.images.shell import logged
from hack.terminal import run

# What maintainer scripts and services need, which are not run here. Left out for the licences'
# sake: those of all packages in the base are in the image.
LEFT_OUT = re.compile(
    r"adduser|cron.*|mawk|debconf|cdebconf|dpkg|init-system-helpers|logrotate|lsb-base|netbase|passwd|tar"
    r"|perl.*|lib.*-perl|libperl.*|libgdbm.*|libpam.*|libsemanage.*|libsepol.*|libpopt0"
    r"|sensible-utils|sgml-base|sysvinit-utils|usrmerge|libaudit.*|libdb5.*"
)
# For the shell script that takes the files.
TOOLS = ("base-files", "busybox-static")
UNPACK_SECONDS = 60


class Packages(Apt):
    """The machine's apt sources, with all libraries that a program needs."""

    def closure(self, packages: tuple[str, ...]) -> list[str]:
        """Return *packages* and all they depend on, without what only an installation needs."""
        said = run(["apt-get", *self._options, "-s", "install", *packages], timeout=60)
        names = [line.split()[1] for line in said.splitlines() if line.startswith("Inst ")]
        return [name for name in names if not LEFT_OUT.fullmatch(name)]


def compose_packages(packages: tuple[str, ...], target: Path, log: Path) -> None:
    """
    Write a root with *packages*, unpacked, and a shell into the archive *target*.

    Raises:
        ToolError: there is no apt here, or it could not get the packages.
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        root.mkdir()
        apt = Packages(Path(scratch), log)
        apt.update()
        for package in apt.download(apt.closure((*TOOLS, *packages))):
            logged(
                ["dpkg-deb", "--extract", str(package), str(root)], log=log, timeout=UNPACK_SECONDS
            )
        for name in APPLETS.split():
            link = root / "bin" / name
            link.unlink(missing_ok=True)
            link.symlink_to("busybox")
        with tarfile.open(target, "w") as archive:
            archive.add(root, arcname=".", filter=_owned_by_root)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return *member* as root's, whoever unpacked it."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
