"""Print the CRD, write it to its file, or check that the file is up to date."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mcpworkload.crd.document import build_crd, render
from mcpworkload.names import KIND

TARGET = Path(__file__).parents[3] / "crds" / f"{KIND.lower()}.yaml"


def main(arguments: Sequence[str] | None = None, target: Path = TARGET) -> int:
    """Do with *target* what the command line asks; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mcpworkload.crd", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the committed file")
    action.add_argument("--check", action="store_true", help="fail if that file is out of date")
    options = parser.parse_args(arguments)
    text = render(build_crd())
    if options.write:
        target.write_text(text, encoding="utf-8")
    elif not options.check:
        sys.stdout.write(text)
    elif not target.is_file() or target.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"crds/{target.name} is out of date: run make crds and commit it\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
