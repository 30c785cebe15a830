"""
Compose root file systems out of Debian packages, without installing anything.

Packages come from the machine's own apt sources, in the machine's own release, and are read as
archives: no root, no chroot, no maintainer scripts. What those scripts would have done and is
needed (CA bundle, users, shell links) is done here in a few lines.
"""

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hack.images.cache import whole_file
from hack.images.shell import logged
from hack.terminal import ToolError, run

# libstdc++6 is in the usual slim images too; compiled Python packages take it for granted.
COMMON_PACKAGES = ("base-files", "busybox-static", "ca-certificates", "libstdc++6")
RUNTIME_PACKAGES = {"python": (*COMMON_PACKAGES, "python3"), "node": COMMON_PACKAGES}
# On top of the runtime, for the stages that install.
BUILD_PACKAGES = {"python": ("python3-venv",)}

# Dependencies of maintainer scripts and of Python modules nothing here imports
# (curses, readline, dbm, nis, sqlite3). A list of what to leave out, not of what to take:
# a dependency that a later release adds then costs bytes instead of breaking the image.
LEFT_OUT = re.compile(
    r"awk|mawk|dpkg|tar|debconf|cdebconf|perl-base|openssl|gcc-\d+-base|readline-common"
    r"|lib(acl1|attr1|selinux1|pcre2-8-0|md0|zstd1|db5\.3.*|ncursesw6|tinfo6|readline8.*)"
    r"|lib(com-err2|k5crypto3|keyutils1|krb5.*|gssapi.*|tirpc.*|nsl2|sqlite3-0)"
    r"|python3-(lib2to3|distutils)"
)
UNWANTED_FILES = re.compile(
    r"usr/share/(?!common-licenses/|python-wheels/|doc/[^/]+/copyright$).*"
    r"|usr/sbin/.*"
    r"|usr/bin/(?!busybox$|python3(\.\d+)?$).*"
    r"|usr/lib/[^/]+/gconv/.*"
    r"|usr/lib/(valgrind|binfmt\.d|tmpfiles\.d)/.*"
    r"|usr/lib/python3[^/]*/(pydoc_data|turtledemo|turtle\.py|test|idlelib|tkinter|lib2to3)\b.*"
    r"|usr/lib/python3[^/]*/(config-[^/]+|curses|dbm|sqlite3)/.*"
    r"|usr/lib/python3[^/]*/lib-dynload/(_curses|_dbm|_sqlite3|_test|_xxtest|nis|readline|xx).*"
)
MERGED = ("bin", "lib", "lib64", "sbin")
# What one reaches for in a container that misbehaves.
APPLETS = """
    [ awk base64 basename cat chmod chown cp cut date dd df dirname du echo env expr false find
    grep head hostname id kill less ln ls mkdir mktemp mv nc nproc od printf ps pwd readlink rm
    rmdir sed sh sleep sort stat sync tail tar tee test timeout top touch tr true tty uname uniq
    vi wc wget which whoami xargs yes
"""
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "user:x:1000:1000::/tmp:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    "nonroot:x:65532:65532::/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
APT_SECONDS = 600


class Apt:
    """The machine's apt sources with a state of its own, as if nothing were installed."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._log = log
        self._archives = folder / "cache" / "archives"
        status = folder / "status"
        status.touch()
        for part in (folder / "state" / "lists" / "partial", self._archives / "partial"):
            part.mkdir(parents=True)
        self._options = [
            *("-o", f"Dir::State={folder / 'state'}"),
            *("-o", f"Dir::State::status={status}"),
            *("-o", f"Dir::Cache={folder / 'cache'}"),
            # apt's own user could not write below a private temporary folder.
            *("-o", "APT::Sandbox::User=root"),
            *("-o", "APT::Install-Recommends=false"),
        ]

    def update(self) -> None:
        """Read the package lists."""
        logged(["apt-get", *self._options, "update"], log=self._log, timeout=APT_SECONDS)

    def closure(self, packages: tuple[str, ...]) -> list[str]:
        """Return *packages* and all they depend on, without what is left out on purpose."""
        said = run(["apt-get", *self._options, "-s", "install", *packages], timeout=60)
        names = [line.split()[1] for line in said.splitlines() if line.startswith("Inst ")]
        return [name for name in names if not LEFT_OUT.fullmatch(name)]

    def download(self, packages: list[str]) -> list[Path]:
        """Return the archives of *packages*."""
        said = run(["apt-get", *self._options, "--print-uris", "download", *packages], timeout=60)
        # 'URI' FILE SIZE HASH
        files = [line.split()[1] for line in said.splitlines() if line.startswith("'")]
        # `download` writes to the current folder and knows no other.
        logged(
            ["env", "-C", str(self._archives), "apt-get", *self._options, "download", *packages],
            log=self._log,
            timeout=APT_SECONDS,
        )
        return [self._archives / file for file in files]


def compose_bases(folder: Path, log: Path) -> None:
    """
    Write `python-runtime.tar`, `python-build.tar` and `node-runtime.tar` into *folder*.

    Raises:
        ToolError: there is no apt here, or it could not get the packages.
    """
    with tempfile.TemporaryDirectory() as scratch:
        apt = Apt(Path(scratch), log)
        apt.update()
        for language, packages in RUNTIME_PACKAGES.items():
            runtime = apt.closure(packages)
            write_rootfs(apt.download(runtime), folder / f"{language}-runtime.tar", whole=True)
            extra = BUILD_PACKAGES.get(language)
            if extra:
                more = [name for name in apt.closure(extra) if name not in runtime]
                write_rootfs(apt.download(more), folder / f"{language}-build.tar", whole=False)


def write_rootfs(packages: list[Path], target: Path, *, whole: bool) -> None:
    """Merge *packages* into the archive *target*; *whole* adds what makes it a root."""
    seen: set[str] = set()
    certificates: list[bytes] = []
    with whole_file(target) as unfinished, tarfile.open(unfinished, "w") as root:
        if whole:
            for name in MERGED:
                _add(root, seen, _link(name, f"usr/{name}"))
        for package in packages:
            for member, content in _members(package):
                if member.name.startswith("usr/share/ca-certificates/") and content:
                    certificates.append(content)
                if not UNWANTED_FILES.fullmatch(member.name):
                    _add(root, seen, member, content)
        if whole:
            _add_extras(root, seen, b"".join(certificates))


def merged_path(name: str) -> str:
    """Return *name* of a package's file, where /bin, /lib and others are links into /usr."""
    clean = name.removeprefix("./").rstrip("/")
    first, _, rest = clean.partition("/")
    return f"usr/{clean}" if first in MERGED and rest else clean


def _members(package: Path) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
    """Yield the files of a Debian package with their contents, renamed for a merged /usr."""
    unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with unpack, tarfile.open(fileobj=unpack.stdout, mode="r|") as content:
        for member in content:
            data = content.extractfile(member) if member.isreg() else None
            member.name = merged_path(member.name)
            if member.islnk():
                member.linkname = merged_path(member.linkname)
            yield member, data.read() if data else None
    if unpack.returncode != 0:
        raise ToolError(f"{package.name} is not a whole Debian package; run the build again")


def _add(
    root: tarfile.TarFile, seen: set[str], member: tarfile.TarInfo, content: bytes | None = None
) -> None:
    """Add *member* unless its name is taken: directories come with every package."""
    if not member.name or member.name == "." or member.name in seen:
        return
    seen.add(member.name)
    root.addfile(member, io.BytesIO(content) if content is not None else None)


def _add_extras(root: tarfile.TarFile, seen: set[str], bundle: bytes) -> None:
    """Add what maintainer scripts would have made, and links to the shell and its tools."""
    for name in APPLETS.split():
        _add(root, seen, _link(f"usr/bin/{name}", "busybox"))
    _add(root, seen, _link("usr/local/bin/python", "/usr/bin/python3"))
    for name, text in TEXTS.items():
        _add_file(root, seen, name, text.encode())
    _add_file(root, seen, CA_BUNDLE, bundle)
    # OpenSSL reads it here; the link is the package openssl's, which is left out.
    _add(root, seen, _link("usr/lib/ssl/cert.pem", f"/{CA_BUNDLE}"))


def _add_file(root: tarfile.TarFile, seen: set[str], name: str, content: bytes) -> None:
    """Add a file with read permission for all users, owned by root."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    _add(root, seen, member, content)


def _link(name: str, target: str) -> tarfile.TarInfo:
    """Return a symbolic link as an archive member."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = tarfile.SYMTYPE, target, 0o777
    return member
