"""Write the dashboard's file, or check that it is up to date: ``python -m hack.dashboard``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hack.dashboard.render import render

FILE: Final = Path(__file__).parents[2] / "deploy" / "overlays" / "monitoring" / "dashboard.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hack.dashboard", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the file is out of date")
    text = render()
    if not parser.parse_args(arguments).check:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{FILE.name} is out of date: run make dashboard and commit it\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
