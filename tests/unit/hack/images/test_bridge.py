"""What goes into the bridge's image: modules, libraries, licences."""

import importlib.util
import py_compile
from pathlib import Path

import pytest

from hack.images.bridge.assemble import LEFT_OUT, LOADER_FILES, PACKAGES_LEFT_OUT, compile_tree
from hack.images.bridge.elf import AssemblyError, parse_listing, replace_path
from hack.images.bridge.licences import (
    copy_library_licences,
    copy_package_licences,
    package_of,
)

LISTING = """\
\tlinux-vdso.so.1 (0x00007ffd)
\tlibssl.so.3 => /usr/lib/x86_64-linux-gnu/libssl.so.3 (0x00007f01)
\tlibsqlite3.so.0 => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f02)
\t/lib64/ld-linux-x86-64.so.2 => /usr/lib/ld-linux-x86-64.so.2 (0x00007f02)
"""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("asyncio/base_events.py", True),
        ("encodings/idna.py", True),
        ("encodings/big5hkscs.py", False),
        ("email/message.py", True),
        ("importlib/metadata/__init__.py", True),
        ("lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", True),
        ("lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so", True),
        ("lib-dynload/_ctypes_test.cpython-311-x86_64-linux-gnu.so", False),
        ("lib-dynload/_codecs_jp.cpython-311-x86_64-linux-gnu.so", False),
        ("lib-dynload/_sqlite3.cpython-311-x86_64-linux-gnu.so", False),
        ("logging/__init__.py", True),
        ("site-packages/pip/__init__.py", False),
        ("test/support/__init__.py", False),
        ("test.py", False),
        ("traceback.py", True),
        ("trace.py", False),
        ("importlib/resources/__init__.py", True),
        ("unittest/case.py", False),
    ],
)
def test_modules(name: str, *, wanted: bool) -> None:
    """What could run stays, what is large and cannot goes."""
    assert (LEFT_OUT.match(name) is None) is wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("uvicorn/server.py", True),
        ("websockets/client.py", True),
        ("websockets/legacy/client.py", False),
        ("click-8.5.1.dist-info/METADATA.py", False),
        ("bin/uvicorn.py", False),
    ],
)
def test_packages(name: str, *, wanted: bool) -> None:
    """Of packages, what is never imported by us is left out."""
    assert (PACKAGES_LEFT_OUT.match(name) is None) is wanted


def test_what_a_loader_lists() -> None:
    """Libraries by name; the kernel's and the loader itself are none."""
    assert parse_listing(LISTING) == {
        "libssl.so.3": Path("/usr/lib/x86_64-linux-gnu/libssl.so.3"),
        "libsqlite3.so.0": None,
    }


def test_a_path_is_replaced_in_place(tmp_path: Path) -> None:
    """Nothing moves, and what stood there is overwritten to its end."""
    loader = tmp_path / "ld.so"
    loader.write_bytes(b"\x7fELF..\0/etc/ld.so.preload\0after")

    replace_path(loader, b"/etc/ld.so.preload", b"/short")

    assert loader.read_bytes() == b"\x7fELF..\0/short" + b"\0" * 13 + b"after"


@pytest.mark.parametrize(
    ("content", "new"),
    [
        pytest.param(b"\0nothing\0", b"/x", id="not there"),
        pytest.param(b"\0/etc/a\0/etc/a\0", b"/x", id="twice"),
        pytest.param(b"\0/etc/a\0", b"/much/longer", id="no room"),
    ],
)
def test_a_path_that_cannot_be_replaced(tmp_path: Path, content: bytes, new: bytes) -> None:
    """The build fails instead of shipping a loader of which we do not know what it reads."""
    loader = tmp_path / "ld.so"
    loader.write_bytes(content)

    with pytest.raises(AssemblyError):
        replace_path(loader, b"/etc/a", new)


def test_the_loader_reads_below_our_folder_only() -> None:
    """What replaces the image's files is as long or shorter, and lies in our volume."""
    for old, new in LOADER_FILES.items():
        assert new.startswith(b"/mcpw/")
        assert len(new) <= len(old)


def test_modules_become_bytecode(tmp_path: Path) -> None:
    """Without docstrings, named as at run time, and never compared with a source."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "package").mkdir(parents=True)
    (source / "package/module.py").write_text('"""Documentation."""\n\ndef f():\n    pass\n')
    (source / "package/notes.txt").write_text("no module")

    compile_tree(source, target, "/mcpw/lib/python3.11", LEFT_OUT)

    assert [path.name for path in target.rglob("*") if path.is_file()] == ["module.pyc"]
    compiled = (target / "package/module.pyc").read_bytes()
    assert compiled[:4] == importlib.util.MAGIC_NUMBER
    assert compiled[4] == 0b01  # named by a hash, not checked
    assert b"Documentation" not in compiled
    assert b"/mcpw/lib/python3.11/package/module.py" in compiled


def test_a_module_that_does_not_compile_fails_the_build(tmp_path: Path) -> None:
    """It would fail in a pod otherwise."""
    (tmp_path / "broken.py").write_text("def\n")

    with pytest.raises(py_compile.PyCompileError):
        compile_tree(tmp_path, tmp_path / "target", "/mcpw", LEFT_OUT)


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libc.so.6", "libc6"),
        ("libcrypto.so.3", "libssl[0-9]*"),
        ("ld-linux-aarch64.so.1", "libc6"),
        ("libpython3.11.so.1.0", None),
    ],
)
def test_owners_of_libraries(library: str, package: str | None) -> None:
    """Python's own library has Python's licence."""
    assert package_of(library) == package


def test_a_library_of_unknown_origin_fails_the_build() -> None:
    """Nothing is redistributed without its licence."""
    with pytest.raises(AssemblyError, match=r"libnew\.so\.1: add the package"):
        package_of("libnew.so.1")


def test_library_licences(tmp_path: Path) -> None:
    """One file a package, and what these refer to; a missing one is told."""
    documents = tmp_path / "usr/share/doc"
    for package in ("libc6", "libffi8", "libffi-dev"):
        (documents / package).mkdir(parents=True)
        (documents / package / "copyright").write_text(package)
    (tmp_path / "usr/share/common-licenses").mkdir()
    (tmp_path / "usr/share/common-licenses/LGPL-2.1").write_text("LGPL")
    target = tmp_path / "LICENSES"

    copy_library_licences(["libc.so.6", "libm.so.6", "libffi.so.8"], target, tmp_path)

    names = sorted(path.name for path in target.iterdir())
    assert names == ["LGPL-2.1.txt", "libc6.txt", "libffi8.txt"]
    with pytest.raises(AssemblyError, match=r"no usr/share/doc/zlib1g/copyright"):
        copy_library_licences(["libz.so.1"], target, tmp_path)


def test_package_licences(tmp_path: Path) -> None:
    """Every file that is one, vendored parts included; a package without any is told."""
    information = tmp_path / "httptools-0.9.0.dist-info"
    (information / "licenses/vendor/llhttp").mkdir(parents=True)
    for name in ("licenses/LICENSE", "licenses/vendor/llhttp/LICENSE", "METADATA"):
        (information / name).write_text(name)

    copy_package_licences(tmp_path, tmp_path / "LICENSES")

    names = sorted(path.name for path in (tmp_path / "LICENSES").iterdir())
    assert names == ["httptools-0.9.0-LICENSE", "httptools-0.9.0-vendor-llhttp-LICENSE"]
    (tmp_path / "bare-1.dist-info").mkdir()
    with pytest.raises(AssemblyError, match="bare-1"):
        copy_package_licences(tmp_path, tmp_path / "LICENSES")
