"""Gather the licences of everything that the bridge's image redistributes."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from hack.images.bridge.elf import AssemblyError

# Which Debian package a library comes from, by the beginning of the library's file name.
PACKAGES = {
    "ld-linux": "libc6",
    "ld64": "libc6",
    "libc.so": "libc6",
    "libcrypto": "libssl[0-9]*",
    "libdl": "libc6",
    "libexpat": "libexpat1",
    "libffi": "libffi[0-9]*",
    "libgcc_s": "libgcc-s1",
    "libm.so": "libc6",
    "libmpdec": "libmpdec[0-9]*",
    "libpthread": "libc6",
    "librt": "libc6",
    "libssl": "libssl[0-9]*",
    "libstdc++": "libstdc++6",
    "libutil": "libc6",
    "libuuid": "libuuid1",
    "libz.so": "zlib1g",
}
# What the packages' own files refer to instead of quoting it.
COMMON = ("Apache-2.0", "GPL-2", "GPL-3", "LGPL-2.1")
DOCUMENTS = Path("usr/share/doc")
COMMON_FOLDER = Path("usr/share/common-licenses")


def package_of(library: str) -> str | None:
    """Return the glob of the Debian packages that may own *library*; None for Python's own."""
    if library.startswith("libpython"):
        return None
    for beginning, package in PACKAGES.items():
        if library.startswith(beginning):
            return package
    raise AssemblyError(f"{library}: add the package that owns it to PACKAGES in licences.py")


def copy_library_licences(libraries: Iterable[str], target: Path, root: Path = Path("/")) -> None:
    """
    Copy into *target* the licence of each of *libraries*, out of the packages' documentation.

    Raises:
        AssemblyError: a library has none.
    """
    for package in sorted({found for name in libraries if (found := package_of(name))}):
        files = sorted((root / DOCUMENTS).glob(f"{package}/copyright"))
        if not files:
            raise AssemblyError(f"no {DOCUMENTS / package}/copyright on this system")
        for file in files:
            _copy(file, target / f"{file.parent.name}.txt")
    for name in COMMON:
        if (root / COMMON_FOLDER / name).exists():
            _copy(root / COMMON_FOLDER / name, target / f"{name}.txt")


def copy_python_licence(stdlib: Path, target: Path) -> None:
    """Copy Python's licence, which stands in its standard library."""
    _copy(stdlib / "LICENSE.txt", target / "python.txt")


def copy_package_licences(packages: Path, target: Path) -> None:
    """
    Copy into *target* the licences of the Python packages installed in *packages*.

    Raises:
        AssemblyError: a package has none.
    """
    for information in sorted(packages.glob("*.dist-info")):
        found = [
            path
            for path in sorted(information.rglob("*"))
            if path.is_file() and path.name.upper().startswith(("LICEN", "COPYING", "NOTICE"))
        ]
        if not found:
            raise AssemblyError(f"{information.name} holds no licence")
        name = information.name.removesuffix(".dist-info").lower()
        for path in found:
            inner = "-".join(path.relative_to(information).parts).removeprefix("licenses-")
            _copy(path, target / f"{name}-{inner}")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
