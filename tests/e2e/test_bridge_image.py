"""The bridge's image works where there is nothing else, whatever surrounds it."""

import asyncio
import filecmp
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import TextContent

from hack.images.build import build_images
from hack.images.catalog import by_name
from tests.support.image_files import USER, start, unpack

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0, reason="only root can make another folder the root folder"
    ),
    # They share the folder, which takes seconds to fill.
    pytest.mark.xdist_group("bridge-image"),
]
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
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root folder with bridge and server in it, and what would end both if it were obeyed."""
    root = tmp_path_factory.mktemp("root")
    # The user without rights has to get here.
    for folder in (root, *root.parents):
        if folder.is_relative_to(tmp_path_factory.getbasetemp().parent):
            folder.chmod(folder.stat().st_mode | 0o055)
    for image in build_images([by_name("bridge"), by_name("static")]):
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
    (root / "proc").mkdir()
    # A process reads its own environment there.
    subprocess.run(["mount", "--bind", "/proc", root / "proc"], check=True)
    yield root
    subprocess.run(["umount", root / "proc"], check=True)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until_served(port: int) -> None:
    """Wait until the bridge on *port* is ready."""
    async with asyncio.timeout(RUN_SECONDS):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            if b" 200 " in answer.partition(b"\r\n")[0]:
                return
            await asyncio.sleep(0.05)


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
    modules = "asyncio, ctypes, ssl, json, httptools, msgspec.json, websockets.client"
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
async def test_a_server_is_served(root: Path) -> None:
    """A static one with nothing around it; its environment is the image's, to the letter."""
    port = free_port()
    options = ["--port", str(port), "--service", "static"]
    bridge = start(root, ["/mcpw/bin/mcpw", "serve", *options, "--", "/server"], POLLUTION)
    try:
        await until_served(port)
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            result = await client.call_tool("environment", {})
    finally:
        bridge.terminate()
        _, complained = bridge.communicate(timeout=RUN_SECONDS)

    assert isinstance(result.content[0], TextContent)
    assert dict(line.split("=") for line in result.content[0].text.splitlines()) == POLLUTION
    assert bridge.returncode == 0, complained


@pytest.mark.timeout(BUILD_SECONDS)
def test_licences_are_there(root: Path) -> None:
    """Of Python, of its libraries, of its packages."""
    names = " ".join(path.name for path in (root / "mcpw/LICENSES").iterdir())

    assert all(part in names for part in ("python", "libc6", "libssl", "httptools", "LGPL"))
