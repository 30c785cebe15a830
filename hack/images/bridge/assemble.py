"""
Assemble a Python that works inside any image: interpreter, libraries, loader, packages.

Runs in the image's build, with the interpreter that is to be shipped: the one of the usual slim
images (libpython in /usr/local/lib) or Debian's own. The result works at its final place only,
since a program names its loader by an absolute path.

`python3 -m hack.images.bridge.assemble --launcher FILE --packages DIR TARGET`
"""

import argparse
import os
import py_compile
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from hack.images.bridge.elf import (
    forget_own_paths,
    is_elf,
    loader_of,
    needed_libraries,
    replace_path,
    tie_program,
)
from hack.images.bridge.licences import (
    copy_library_licences,
    copy_package_licences,
    copy_python_licence,
)

#: Where the tree is mounted, in every container.
HOME = "/mcpw"
# Modules that nothing here imports, the larger ones. What to leave out, not what to take: a
# module that is needed later is then there.
LEFT_OUT = re.compile(
    r"(test|idlelib|tkinter|turtledemo|turtle|pydoc_data|pydoc|lib2to3|ensurepip|venv|distutils"
    r"|unittest|doctest|pdb|bdb|curses|dbm|sqlite3|xmlrpc|wsgiref|xml|multiprocessing|zoneinfo"
    r"|config-[^/]+|_sysconfigdata[^/]*|site-packages|dist-packages|sitecustomize|__pycache__"
    r"|tarfile|pickletools|mailbox|imaplib|nntplib|ftplib|smtplib|smtpd|poplib|telnetlib"
    r"|cgi|cgitb|optparse|statistics|aifc|sunau|wave|plistlib|profile|cProfile|pstats|trace"
    r"|webbrowser|asyncore|asynchat|pyclbr|modulefinder|_pydecimal|_pyio|_osx_support"
    r"|_aix_support|antigravity|this|ctypes/test|tracemalloc|py_compile|compileall|imp)(\.py|/|$).*"
    # Character sets of East Asia: their tables are half of what extension modules take.
    r"|encodings/(big5|cp9[345]|cp1361|euc_|gb|hz|iso2022|johab|shift_jis).*"
    r"|lib-dynload/(_codecs_|_multibytecodec|_test|_ctypes_test|_xx|xx|_tkinter|_curses|_dbm|_gdbm"
    r"|_sqlite3|_bz2|_lzma|_crypt|_lsprof|_zoneinfo|_multiprocessing|_posixshmem|_pickle_|_elementtree"
    r"|audioop|ossaudiodev|spwd|nis|readline).*"
)
PACKAGES_LEFT_OUT = re.compile(r"(bin|[^/]*\.dist-info|websockets/(asyncio|legacy|sync|trio))/.*")
# The image's own list of libraries to load into every program is none of ours, and neither is its
# table of what it has.
LOADER_FILES = {
    b"/etc/ld.so.preload": b"/mcpw/ld.preload",
    b"/etc/ld.so.cache": b"/mcpw/ld.cache",
}


def main(arguments: list[str]) -> int:
    """Assemble what *arguments* name; return the exit status."""
    parser = argparse.ArgumentParser(prog="assemble.py")
    parser.add_argument("--launcher", type=Path, required=True, help="the static launcher")
    parser.add_argument(
        "--packages", type=Path, required=True, help="where pip installed to, and our own"
    )
    parser.add_argument("--patchelf", default="patchelf")
    parser.add_argument("target", type=Path)
    options = parser.parse_args(arguments)
    assemble(options)
    print(f"{options.target}: {count(options.target)}")
    return 0


def assemble(options: argparse.Namespace) -> None:
    """Make the tree, with read permission for all users."""
    os.umask(0o022)
    binaries, libraries = options.target / "bin", options.target / "lib"
    binaries.mkdir(parents=True)
    modules = libraries / f"python{sysconfig.get_python_version()}"
    stdlib = Path(sysconfig.get_path("stdlib"))
    shown = f"{HOME}/lib/{modules.name}"
    compile_tree(stdlib, modules, shown, LEFT_OUT)
    # Beside the standard library: there it is found without `site`, which would also look at
    # what the image has.
    compile_tree(options.packages, modules, shown, PACKAGES_LEFT_OUT)
    _copy_program(options.launcher, binaries / "mcpw")
    copied = copy_interpreter(binaries / "python3", libraries, options.patchelf)
    licences = options.target / "LICENSES"
    copy_python_licence(stdlib, licences)
    copy_package_licences(options.packages, licences)
    copy_library_licences(copied, licences)


def copy_interpreter(program: Path, libraries: Path, patchelf: str) -> list[str]:
    """Copy the interpreter, its loader and every library of the tree; return their names."""
    source = Path(os.path.realpath(sys.executable))
    loader = loader_of(source, patchelf)
    extensions = [path for path in libraries.rglob("*.so") if is_elf(path)]
    needed = needed_libraries(loader, [source, *extensions])
    _copy_program(source, program)
    needed[loader.name] = loader
    for name, path in needed.items():
        _copy_program(path, libraries / name)
    for path in [*extensions, *(libraries / name for name in needed if name != loader.name)]:
        forget_own_paths(path, patchelf)
    tie_program(program, patchelf, f"{HOME}/lib/{loader.name}", f"{HOME}/lib")
    for old, new in LOADER_FILES.items():
        replace_path(libraries / loader.name, old, new)
    return sorted(needed)


def compile_tree(source: Path, target: Path, shown: str, left_out: re.Pattern[str]) -> None:
    """
    Copy the modules below *source* to *target*: bytecode instead of sources, and extensions.

    Without docstrings and assertions, and never compared with a source, which is not there.
    Tracebacks name them below *shown*, wherever the build took place.
    """
    for path in sorted(_files(source, left_out)):
        result = target / path.relative_to(source)
        result.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".so":
            _copy_program(path, result)
            continue
        py_compile.compile(
            str(path),
            cfile=str(result.with_suffix(".pyc")),
            dfile=f"{shown}/{path.relative_to(source)}",
            doraise=True,
            optimize=2,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def _files(source: Path, left_out: re.Pattern[str]) -> Iterator[Path]:
    """Yield the modules below *source*, apart from what is *left_out*."""
    for path in source.rglob("*"):
        if path.suffix in (".py", ".so") and not left_out.match(str(path.relative_to(source))):
            yield path


def count(tree: Path) -> str:
    """Return how many files *tree* has and their size, for people."""
    sizes = [path.stat().st_size for path in tree.rglob("*") if path.is_file()]
    return f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB"


def _copy_program(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
