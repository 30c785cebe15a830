"""The bridge's image works where there is nothing else, whatever surrounds it."""

import filecmp
import os
import subprocess
from pathlib import Path

import pytest

from deploy.images.build import build_images
from deploy.images.catalog import by_name
from tests.rig.image_files import USER, start, unpack

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make another folder the root folder"
)
BUILD_SECONDS = 600
RUN_SECONDS = 20
# What images have set, and what must not reach our Python. The libraries named are there.
POLLUTION = {
    "LD_PRELOAD": "/evil.so",
    "LD_LIBRARY_PATH": "/evil",
    "LD_AUDIT": "/evil.so",
    "PYTHONHOME": "/evil",
    "PYTHONPATH": "/evil",
    "PYTHONSTARTUP": "/evil/startup.py",
    "LC_ALL": "de_DE.ISO-8859-1",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with the bridge in it, and what would end it if it were obeyed."""
    root = tmp_path_factory.mktemp("root")
    # The user without rights has to get here.
    for folder in (root, *root.parents):
        if folder.is_relative_to(tmp_path_factory.getbasetemp().parent):
            folder.chmod(folder.stat().st_mode | 0o055)
    (image,) = build_images([by_name("bridge")])
    unpack(image, root)
    (root / "evil").mkdir()
    for name in ("evil.so", "evil/libc.so.6", "evil/libssl.so.3", "etc/ld.so.preload"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("/evil.so\n")
    for name in ("encodings.py", "argparse.py", "startup.py"):
        (root / "evil" / name).write_text("raise SystemExit('the image was obeyed')\n")
    (root / "volume").mkdir()
    os.chown(root / "volume", 0, USER)
    (root / "volume").chmod(0o2775)
    return root


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """What *command* says, and how it ends, in the polluted environment."""
    process = start(root, command, POLLUTION)
    said, complained = process.communicate(timeout=RUN_SECONDS)
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


@pytest.mark.timeout(BUILD_SECONDS)
def test_it_copies_itself(root: Path) -> None:
    """As any user with write access to the volume, on a root folder that it cannot write to."""
    done = run(root, "/mcpw/bin/mcpw", "install", "/volume")

    assert (done.returncode, done.stderr) == (0, "")
    difference = filecmp.dircmp(root / "mcpw", root / "volume")
    assert (difference.left_only, difference.right_only) == ([], [])
    assert sorted(path.name for path in (root / "volume").iterdir()) == ["LICENSES", "bin", "lib"]
    assert (root / "volume/bin/python3").stat().st_mode & 0o777 == 0o755


@pytest.mark.timeout(BUILD_SECONDS)
def test_it_is_all_there(root: Path) -> None:
    """What the bridge imports sooner or later, from our folder and no other."""
    modules = (
        "asyncio, ctypes, ssl, json, httptools, msgspec.json, uvicorn.protocols.http.httptools_impl"
        ", uvicorn.lifespan.off, websockets.asyncio.client"
    )
    program = f"""
import sys, {modules}
files = [getattr(module, "__file__", None) or "/mcpw" for module in list(sys.modules.values())]
print(sys.path, [file for file in files if not file.startswith("/mcpw")])
"""
    # What is the launcher's to remove is not there; the image's ld.so.preload still is.
    environment = {name: POLLUTION[name] for name in POLLUTION if not name.startswith("LD_")}

    process = start(root, ["/mcpw/bin/python3", "-I", "-S", "-c", program], environment)
    said, complained = process.communicate(timeout=RUN_SECONDS)

    assert complained == ""
    assert said.endswith(" []\n")
    assert "site-packages" not in said


@pytest.mark.timeout(BUILD_SECONDS)
def test_the_command_line_is_passed_on(root: Path) -> None:
    """Its refusals are its own words, without a trace of the image's variables."""
    done = run(root, "/mcpw/bin/mcpw", "serve")

    assert done.returncode == 2
    assert done.stderr.startswith("mcpw serve: no command")


@pytest.mark.timeout(BUILD_SECONDS)
def test_licences_are_there(root: Path) -> None:
    """Of Python, of its libraries, of its packages."""
    names = " ".join(path.name for path in (root / "mcpw/LICENSES").iterdir())

    assert all(part in names for part in ("python", "libc6", "libssl", "uvicorn", "LGPL"))
