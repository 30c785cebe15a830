"""Find the shared libraries that programs need, and tie programs to a folder of their own."""

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

ELF_MAGIC = b"\x7fELF"
# `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f...)`, or `=> not found`. The loader
# itself can be named by its path.
_NEEDED = re.compile(r"^\s*([^\s/]+) => (not found|/\S+)", re.MULTILINE)


class AssemblyError(Exception):
    """The tree cannot be made; the message names the file and the problem."""


def is_elf(path: Path) -> bool:
    """Return whether *path* is a program or a library."""
    with path.open("rb") as file:
        return file.read(len(ELF_MAGIC)) == ELF_MAGIC


def loader_of(program: Path, patchelf: str) -> Path:
    """Return the dynamic loader that *program* names."""
    return Path(_run([patchelf, "--print-interpreter", str(program)]).strip())


def needed_libraries(loader: Path, files: Iterable[Path]) -> dict[str, Path]:
    """
    Return the libraries that the loader would bring in for *files*, by the requested name.

    Raises:
        AssemblyError: one is missing on this system.
    """
    found: dict[str, Path] = {}
    for file in files:
        for name, path in parse_listing(_run([str(loader), "--list", str(file)])).items():
            if path is None:
                raise AssemblyError(f"{file} needs {name}, which is not here: leave the file out")
            found[name] = path.resolve()
    return found


def parse_listing(listing: str) -> dict[str, Path | None]:
    """Return the names and files of the loader's ``--list``; None for one that it did not find."""
    return {
        name: None if path == "not found" else Path(path) for name, path in _NEEDED.findall(listing)
    }


def tie_program(program: Path, patchelf: str, loader: str, folder: str) -> None:
    """Make *program* start with *loader* and look for its libraries in *folder* first."""
    # RPATH, not RUNPATH: it holds for the libraries' own needs too, and LD_LIBRARY_PATH
    # does not come before it.
    options = ["--set-interpreter", loader, "--force-rpath", "--set-rpath", folder]
    _run([patchelf, *options, str(program)])


def forget_own_paths(library: Path, patchelf: str) -> None:
    """Remove the folders that *library* names: with any, it ignores those of the program."""
    if _run([patchelf, "--print-rpath", str(library)]).strip():
        _run([patchelf, "--remove-rpath", str(library)])


def replace_path(file: Path, old: bytes, new: bytes) -> None:
    """
    Replace the path *old*, which *file* holds once as a C string, by *new*.

    Raises:
        AssemblyError: *new* is longer, or *old* is not there exactly once.
    """
    content = file.read_bytes()
    if len(new) > len(old) or content.count(old + b"\0") != 1:
        raise AssemblyError(f"{file}: no single place for {new!r} instead of {old!r}")
    file.write_bytes(content.replace(old + b"\0", new.ljust(len(old) + 1, b"\0")))


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise AssemblyError(f"{' '.join(command)} failed: {said}")
    return done.stdout
