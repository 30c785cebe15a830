"""
Print requirements out of pyproject.toml, one a line.

Runs inside the image build (`requirements.py operator|build`): what the operator's
image installs is written once, in the project's own extra.
"""

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: str, which: str) -> list[str]:
    """The extra *which* of *pyproject*, or for `build` what its build backend needs."""
    table = tomllib.loads(pyproject)
    if which == "build":
        return list(table["build-system"]["requires"])
    return list(table["project"]["optional-dependencies"][which])


if __name__ == "__main__":
    print("\n".join(requirements(Path("pyproject.toml").read_text(), sys.argv[1])))
